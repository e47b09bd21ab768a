#pragma once
// A read of the same kind from several nodes at once, in the order of their names; and how their
// rows become one listing.

#include "vbmcctl/batch.h"
#include "vbmcctl/resolve.h"

namespace vbmc::ctl {

template <class Response>
struct FanOut {
    std::vector<std::string> names;
    std::vector<std::optional<Response>> answers; // beside names
    std::vector<ItemResult> items;                // for report_failures()
};

/// When vbmcd answered none of the calls: that, once, and not for each node. Else nullptr.
const Error* nobody_answered(const std::vector<ItemResult>& items);

/// Calls `method` for each name; `Request` has a member `node`.
template <class Stub, class Request, class Response>
Result<FanOut<Response>> fan_out(
    Cli& cli,
    const SelectionArgs& selection,
    Client::AsyncMethod<Stub, Request, Response> method,
    const std::string& what
) {
    Result<std::vector<std::string>> names = resolve_names(cli, selection);
    if (!names) {
        return names.error();
    }
    Result<Client*> client = cli.client();
    if (!client) {
        return client.error();
    }
    std::vector<Request> requests(names->size());
    for (std::size_t i = 0; i < names->size(); ++i) {
        requests[i].set_node((*names)[i]);
    }
    FanOut<Response> out;
    out.answers.resize(names->size());
    out.items.resize(names->size());
    constexpr std::size_t default_jobs = 64;
    const std::size_t jobs = cli.globals().jobs == 0 ? default_jobs : cli.globals().jobs;
    ScopedProgress progress(cli, what, names->size());
    (*client)->call_each(method, requests, jobs, [&](std::size_t i, Result<Response> answer) {
        out.items[i].name = (*names)[i];
        progress.add(answer.has_value());
        if (answer) {
            out.answers[i] = std::move(*answer);
        } else {
            out.items[i].error = answer.error();
        }
    });
    progress.finish();
    if (const Error* gone = nobody_answered(out.items)) {
        return *gone;
    }
    out.names = std::move(*names);
    return out;
}

/// Adds a NODE column in front when the rows are of several nodes.
void show_node_column(Listing& listing, std::size_t nodes);

} // namespace vbmc::ctl
