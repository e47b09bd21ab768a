// Bulk calls: ApplyNodes and BatchNodes.

#include "print_result.h"
#include "vbmc/v1/nodes.grpc.pb.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <grpcpp/client_context.h>

#include <map>
#include <set>

using namespace vbmc;
using namespace vbmc::test;

namespace {

using Context = grpc::ClientContext;

struct Applied {
    std::map<std::string, v1::ApplyResult> results;
    v1::ApplySummary summary;
    grpc::Status status;
};

Applied apply(
    World& world,
    const v1::ApplyHeader& header,
    const std::vector<v1::ApplyItem>& items,
    bool end = true
) {
    const auto stub = v1::NodeService::NewStub(world.connect());
    Context context;
    const auto stream = stub->ApplyNodes(&context);
    v1::ApplyNodesRequest message;
    *message.mutable_header() = header;
    stream->Write(message);
    for (const v1::ApplyItem& item : items) {
        *message.mutable_item() = item;
        stream->Write(message);
    }
    if (end) {
        message.mutable_end()->set_items(items.size());
        stream->Write(message);
    }
    stream->WritesDone();
    Applied out;
    v1::ApplyNodesResponse answer;
    while (stream->Read(&answer)) {
        if (answer.has_result()) {
            out.results[answer.result().name()] = answer.result();
        } else {
            out.summary = answer.summary();
        }
    }
    out.status = stream->Finish();
    return out;
}

} // namespace

TEST_CASE("apply creates, updates, leaves alone, and reports what fails") {
    World world([](FakeFleet& fleet) {
        fleet.add("same");
        fleet.add("other");
        fleet.races["other"] = 1;
        fleet.failing.emplace("bad", Error(ErrorCode::failed_precondition, "BIND_FAILED", "no"));
    });
    std::vector<v1::ApplyItem> items(6);
    *items[0].mutable_node() = declared("new");
    *items[1].mutable_node() = declared("same");
    *items[2].mutable_node() = declared("other");
    (*items[2].mutable_node()->mutable_labels())["a"] = "b";
    *items[3].mutable_node() = declared("bad");
    *items[4].mutable_node() = declared("new");
    *items[5].mutable_node() = declared("no/name");
    items[1].add_users()->set_name("admin");
    items[1].mutable_users(0)->set_password("secret-of-admin");
    items[2].add_users()->set_name("admin");
    items[2].mutable_users(0)->set_password("another password");
    v1::ApplyHeader header;
    header.set_prune(true);
    header.set_prune_filter("*");
    const Applied done = apply(world, header, items);
    CHECK(done.status.ok());
    CHECK(done.results.at("same").outcome() == v1::ApplyResult::UNCHANGED);
    CHECK(done.results.at("other").outcome() == v1::ApplyResult::UPDATED);
    CHECK(done.results.at("other").changed_fields(0) == "labels");
    CHECK(done.results.at("other").changed_fields(1) == "users");
    CHECK(done.results.at("bad").outcome() == v1::ApplyResult::ERROR);
    CHECK(done.results.at("no/name").error().code() == grpc::INVALID_ARGUMENT);
    CHECK(done.summary.created() == 1);
    CHECK(done.summary.updated() == 1);
    CHECK(done.summary.unchanged() == 1);
    CHECK(done.summary.failed() == 3); // bad, new for the second time, no/name
    CHECK(done.summary.prune_skipped());
    world.on_control([](FakeFleet& fleet) {
        CHECK(fleet.nodes.at("other").users[0].password.reveal() == "another password");
    });
}

TEST_CASE("apply prunes what matches and was not named, if the client said that was all") {
    World world([](FakeFleet& fleet) { fill(fleet, 10); });
    std::vector<v1::ApplyItem> items(1);
    *items[0].mutable_node() = declared("n0003");
    v1::ApplyHeader header;
    header.set_prune(true);
    const Applied no_filter = apply(world, header, items);
    CHECK(no_filter.status.error_code() == grpc::INVALID_ARGUMENT);

    header.set_prune_filter("name = n000* AND NOT n0009");
    const Applied no_end = apply(world, header, items, false);
    CHECK(no_end.summary.prune_skipped());
    header.set_validate_only(true);
    const Applied dry = apply(world, header, items);
    CHECK(dry.summary.pruned() == 8);
    world.on_control([](FakeFleet& fleet) { CHECK(fleet.nodes.size() == 10); });

    header.set_validate_only(false);
    const Applied done = apply(world, header, items);
    CHECK(done.summary.pruned() == 8);
    world.on_control([](FakeFleet& fleet) {
        CHECK(fleet.nodes.size() == 2);
        CHECK(fleet.nodes.contains("n0003"));
        CHECK(fleet.nodes.contains("n0009"));
    });
}

TEST_CASE("apply keeps as many nodes in work as asked, not more") {
    World world([](FakeFleet& fleet) { fleet.delay_ms = 2; });
    std::vector<v1::ApplyItem> items(500);
    for (std::size_t i = 0; i < items.size(); ++i) {
        *items[i].mutable_node() = declared("n" + std::to_string(i));
    }
    v1::ApplyHeader header;
    header.set_parallelism(10);
    const Applied done = apply(world, header, items);
    CHECK(done.summary.created() == 500);
    world.on_control([](FakeFleet& fleet) {
        CHECK(fleet.in_flight_most <= 10);
        CHECK(fleet.in_flight_most >= 5);
    });
}

TEST_CASE("a batch tells the total, each node and the sum") {
    World world([](FakeFleet& fleet) {
        fill(fleet, 50);
        fleet.failing.emplace("n0007", Error(ErrorCode::unavailable, "BACKEND_UNREACHABLE", "no"));
    });
    const auto stub = v1::NodeService::NewStub(world.connect());
    v1::BatchNodesRequest request;
    request.set_filter("*");
    request.set_set_power(v1::POWER_ACTION_ON);
    Context context;
    const auto stream = stub->BatchNodes(&context, request);
    v1::BatchNodesResponse message;
    u32 total = 0;
    std::set<std::string> names;
    std::set<std::string> failed;
    v1::BatchSummary summary;
    while (stream->Read(&message)) {
        if (message.has_begin()) {
            total = message.begin().total();
        } else if (message.has_summary()) {
            summary = message.summary();
        } else if (message.result().has_error()) {
            failed.insert(message.result().name());
            CHECK(message.result().error().code() == grpc::UNAVAILABLE);
        } else {
            names.insert(message.result().name());
            CHECK(message.result().power() == v1::POWER_STATE_ON);
        }
    }
    CHECK(stream->Finish().ok());
    CHECK(total == 50);
    CHECK(names.size() == 49);
    CHECK(failed == std::set<std::string>{"n0007"});
    CHECK(summary.done() == 49);
    CHECK(summary.failed() == 1);
}

TEST_CASE("a batch that cannot be is refused before any node is touched") {
    World world([](FakeFleet& fleet) { fill(fleet, 2); });
    const auto stub = v1::NodeService::NewStub(world.connect());
    const auto status_of = [&](const v1::BatchNodesRequest& request) {
        Context context;
        const auto stream = stub->BatchNodes(&context, request);
        v1::BatchNodesResponse message;
        while (stream->Read(&message)) {
        }
        return stream->Finish().error_code();
    };
    v1::BatchNodesRequest request;
    request.add_names("n0001");
    CHECK(status_of(request) == grpc::INVALID_ARGUMENT); // no verb
    request.set_set_power(v1::POWER_ACTION_UNSPECIFIED);
    CHECK(status_of(request) == grpc::INVALID_ARGUMENT);
    request.mutable_delete_();
    request.set_filter("*");
    CHECK(status_of(request) == grpc::INVALID_ARGUMENT); // both names and filter
    request.clear_names();
    request.set_filter("colour = red");
    CHECK(status_of(request) == grpc::INVALID_ARGUMENT);
    request.clear_filter();
    CHECK(status_of(request) == grpc::INVALID_ARGUMENT); // neither
    world.on_control([](FakeFleet& fleet) { CHECK(fleet.calls == 0); });
}

TEST_CASE("a batch whose client is gone begins nothing more") {
    World world([](FakeFleet& fleet) {
        fill(fleet, 1000);
        fleet.delay_ms = 5;
    });
    const auto stub = v1::NodeService::NewStub(world.connect());
    v1::BatchNodesRequest request;
    request.set_filter("*");
    request.mutable_restart();
    request.set_parallelism(4);
    {
        Context context;
        const auto stream = stub->BatchNodes(&context, request);
        v1::BatchNodesResponse message;
        REQUIRE(stream->Read(&message));
        REQUIRE(stream->Read(&message));
        context.TryCancel();
        CHECK(stream->Finish().error_code() == grpc::CANCELLED);
    }
    world.stop();
    SUCCEED("stopped although 1,000 nodes at 5 ms and 4 at a time would take longer");
}
