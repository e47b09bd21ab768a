#include "vbmcctl/apply_stream.h"

#include "vbmcctl/batch.h"
#include "vbmcctl/node_document.h"

#include <algorithm>
#include <thread>

namespace vbmc::ctl {

namespace {

using Stream = grpc::ClientReaderWriter<api::ApplyNodesRequest, api::ApplyNodesResponse>;

/// Ends early when the daemon ended the call: Write() then says no.
void send_all(
    Stream& stream, const std::vector<ManifestNode>& nodes, const api::ApplyHeader& header
) {
    api::ApplyNodesRequest request;
    *request.mutable_header() = header;
    bool good = stream.Write(request);
    for (std::size_t i = 0; good && i < nodes.size(); ++i) {
        request.Clear();
        api::ApplyItem& item = *request.mutable_item();
        item.set_id(i + 1);
        *item.mutable_node() = to_message(nodes[i]);
        for (const ManifestUser& user : nodes[i].users) {
            *item.add_users() = to_message(user);
        }
        good = stream.Write(request);
    }
    if (good) {
        request.mutable_end()->set_items(nodes.size());
        stream.Write(request);
    }
    stream.WritesDone();
}

bool before(const ApplyItemResult& a, const ApplyItemResult& b) {
    if (a.wanted == nullptr || b.wanted == nullptr) {
        return a.wanted != nullptr || (b.wanted == nullptr && a.result.name() < b.result.name());
    }
    return a.wanted < b.wanted; // places in one vector
}

} // namespace

Result<ApplyOutcome>
apply_nodes(Cli& cli, const std::vector<ManifestNode>& nodes, const ApplyOptions& options) {
    const Result<Client*> client = cli.client();
    if (!client) {
        return client.error();
    }
    api::ApplyHeader header;
    header.set_validate_only(options.validate_only);
    header.set_prune(options.prune);
    header.set_prune_filter(options.prune_filter);
    header.set_parallelism(cli.globals().jobs);

    ApplyOutcome outcome;
    outcome.items.reserve(nodes.size());
    ScopedProgress progress(cli, options.validate_only ? "check" : "apply", nodes.size());
    grpc::ClientContext context;
    const std::unique_ptr<Stream> stream =
        (*client)->stub<api::NodeService::Stub>().ApplyNodes(&context);
    {
        const std::jthread writer([&] { send_all(*stream, nodes, header); });
        api::ApplyNodesResponse response;
        while (stream->Read(&response)) {
            if (response.has_summary()) {
                outcome.summary = response.summary();
            } else if (response.has_result()) {
                ApplyItemResult& item = outcome.items.emplace_back();
                item.result = std::move(*response.mutable_result());
                const std::uint64_t id = item.result.id();
                item.wanted = id >= 1 && id <= nodes.size() ? &nodes[id - 1] : nullptr;
                progress.add(item.result.outcome() != api::ApplyResult::ERROR);
            }
        }
    }
    const grpc::Status status = stream->Finish();
    outcome.seconds = progress.seconds();
    progress.finish();
    if (!status.ok()) {
        return (*client)->to_error(status);
    }
    std::sort(outcome.items.begin(), outcome.items.end(), before);
    return outcome;
}

} // namespace vbmc::ctl
