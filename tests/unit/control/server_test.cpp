// The server end to end over its Unix socket: calls, errors, roles, bulk, watching, stopping.

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "print_result.h"
#include "vbmc/v1/backends.grpc.pb.h"
#include "vbmc/v1/events.grpc.pb.h"
#include "vbmc/v1/nodes.grpc.pb.h"
#include "vbmc/v1/power.grpc.pb.h"
#include "vbmc/v1/server.grpc.pb.h"
#include "vbmc/v1/sessions.grpc.pb.h"
#include "vbmc/v1/users.grpc.pb.h"
#include "world.h"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <grpcpp/client_context.h>

#include <fstream>
#include <set>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace vbmc;
using namespace vbmc::test;

namespace {

using Context = grpc::ClientContext;

} // namespace

TEST_CASE("a caller is known by uid, and the daemon's own is admin") {
    World world;
    const auto stub = v1::ServerService::NewStub(world.connect());
    Context context;
    v1::ServerInfo info;
    REQUIRE(stub->GetServerInfo(&context, {}, &info).ok());
    CHECK(info.version() == "1.2.3");
    CHECK(info.api_version() == "v1");
    CHECK(info.state_dir() == world.directory);
    CHECK(info.caller().identity() == "uid:" + std::to_string(getuid()));
    CHECK(info.caller().roles_size() == 4);
    CHECK(info.listeners(0) == "unix:" + world.socket);
}

TEST_CASE("errors carry code, reason and field") {
    World world([](FakeFleet& fleet) {
        fleet.add("taken");
        fleet.failing.emplace(
            "bad", Error(ErrorCode::unavailable, "BACKEND_UNREACHABLE", "no answer")
        );
    });
    const auto stub = v1::NodeService::NewStub(world.connect());
    v1::CreateNodeRequest request;
    v1::CreateNodeResponse response;
    {
        Context context;
        *request.mutable_node() = declared("taken");
        const auto status = stub->CreateNode(&context, request, &response);
        CHECK(status.error_code() == grpc::ALREADY_EXISTS);
        CHECK(info_of(status.error_details()).reason() == "NODE_EXISTS");
        CHECK(info_of(status.error_details()).metadata().at("node") == "taken");
    }
    {
        Context context;
        request.mutable_node()->set_name("no/name");
        const auto status = stub->CreateNode(&context, request, &response);
        CHECK(status.error_code() == grpc::INVALID_ARGUMENT);
        google::rpc::Status details;
        google::rpc::BadRequest bad;
        REQUIRE(details.ParseFromString(status.error_details()));
        REQUIRE(details.details(1).UnpackTo(&bad));
        CHECK(bad.field_violations(0).field() == "node.name");
    }
    {
        Context context;
        v1::GetNodeRequest get;
        get.set_name("bad");
        v1::Node node;
        const auto status = stub->GetNode(&context, get, &node);
        CHECK(status.error_code() == grpc::UNAVAILABLE);
        CHECK(info_of(status.error_details()).reason() == "BACKEND_UNREACHABLE");
    }
}

TEST_CASE("create, look, change, delete") {
    World world;
    const auto stub = v1::NodeService::NewStub(world.connect());
    v1::CreateNodeRequest create;
    *create.mutable_node() = declared("n1");
    v1::CreateNodeResponse created;
    {
        Context context;
        REQUIRE(stub->CreateNode(&context, create, &created).ok());
        CHECK(created.generated_password() == "made-up");
    }
    v1::UpdateNodeRequest update;
    update.mutable_node()->set_name("n1");
    (*update.mutable_node()->mutable_labels())["a"] = "b";
    v1::Node node;
    {
        world.on_control([](FakeFleet& fleet) { fleet.races["n1"] = 2; });
        Context context;
        REQUIRE(stub->UpdateNode(&context, update, &node).ok()); // looked again twice
        CHECK(node.labels().at("a") == "b");
    }
    {
        Context context;
        update.mutable_node()->set_etag("stale");
        const auto status = stub->UpdateNode(&context, update, &node);
        CHECK(status.error_code() == grpc::ABORTED);
        CHECK(info_of(status.error_details()).reason() == "ETAG_MISMATCH");
    }
    google::protobuf::Empty empty;
    v1::DeleteNodeRequest remove;
    remove.set_name("n1");
    {
        Context context;
        CHECK(stub->DeleteNode(&context, remove, &empty).ok());
    }
    {
        Context context;
        CHECK(stub->DeleteNode(&context, remove, &empty).error_code() == grpc::NOT_FOUND);
    }
    {
        Context context;
        remove.set_allow_missing(true);
        CHECK(stub->DeleteNode(&context, remove, &empty).ok());
    }
}

TEST_CASE("pages show every node once, in order") {
    World world([](FakeFleet& fleet) { fill(fleet, 2500); });
    const auto stub = v1::NodeService::NewStub(world.connect());
    v1::ListNodesRequest request;
    request.set_page_size(GENERATE(0, 1, 7, 999, 2500, 100'000));
    if (request.page_size() == 1) {
        request.set_filter("name = n000*");
    }
    std::vector<std::string> names;
    int total = 0;
    do {
        Context context;
        v1::ListNodesResponse response;
        REQUIRE(stub->ListNodes(&context, request, &response).ok());
        for (const v1::Node& node : response.nodes()) {
            names.push_back(node.name());
        }
        total = response.total_size();
        request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    CHECK(names.size() == static_cast<std::size_t>(total));
    CHECK(total == (request.page_size() == 1 ? 10 : 2500));
    CHECK(std::ranges::is_sorted(names));
    CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size());
}

TEST_CASE("a page stays below what a client accepts") {
    World world([](FakeFleet& fleet) {
        fill(fleet, 1000);
        for (auto& [name, node] : fleet.nodes) {
            node.view.spec.annotations["big"] = std::string(16'000, 'x');
        }
    });
    const auto stub = v1::NodeService::NewStub(world.connect());
    Context context;
    v1::ListNodesResponse response;
    REQUIRE(stub->ListNodes(&context, {}, &response).ok());
    CHECK(response.nodes_size() < 300);
    CHECK(!response.next_page_token().empty());
}

TEST_CASE("secrets come only when asked for, and not-UTF-8 names arrive") {
    World world([](FakeFleet& fleet) { fleet.add("n1"); });
    const auto users = v1::UserService::NewStub(world.connect());
    v1::ListUsersRequest list;
    list.set_node("n1");
    v1::ListUsersResponse listed;
    {
        Context context;
        REQUIRE(users->ListUsers(&context, list, &listed).ok());
        CHECK(listed.users(0).name() == "admin");
        CHECK(listed.users(0).password().empty());
    }
    v1::GetNodeSecretsRequest get;
    get.set_node("n1");
    v1::NodeSecrets secrets;
    {
        Context context;
        REQUIRE(users->GetNodeSecrets(&context, get, &secrets).ok());
        CHECK(secrets.users(0).password() == "secret-of-admin");
    }
    const auto sessions = v1::SessionService::NewStub(world.connect());
    v1::ListSessionsRequest request;
    request.set_node("n1");
    v1::ListSessionsResponse response;
    Context context;
    REQUIRE(sessions->ListSessions(&context, request, &response).ok());
    CHECK(response.sessions(0).user() == "\\xff");
}

TEST_CASE("a user keeps what the request leaves open") {
    World world([](FakeFleet& fleet) {
        fleet.add("n1");
        fleet.nodes["n1"].users[0].privilege = "operator";
        fleet.nodes["n1"].users[0].enabled = false;
    });
    const auto stub = v1::UserService::NewStub(world.connect());
    v1::SetUserRequest request;
    request.set_node("n1");
    request.mutable_user()->set_name("admin");
    request.mutable_user()->set_password("short");
    v1::SetUserResponse response;
    Context context;
    REQUIRE(stub->SetUser(&context, request, &response).ok());
    CHECK(response.user().id() == 2);
    CHECK(response.user().privilege() == v1::PRIVILEGE_OPERATOR);
    CHECK(!response.user().enabled());
    CHECK(response.warnings_size() == 1);
    CHECK(response.user().password().empty());
}

TEST_CASE("a deadline is the client's, and the server outlives it") {
    World world([](FakeFleet& fleet) {
        fleet.add("n1");
        fleet.delay_ms = 200;
    });
    const auto stub = v1::PowerService::NewStub(world.connect());
    v1::GetPowerRequest request;
    request.set_node("n1");
    v1::GetPowerResponse response;
    {
        Context context;
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(30));
        CHECK(stub->GetPower(&context, request, &response).error_code() == grpc::DEADLINE_EXCEEDED);
    }
    Context context;
    CHECK(stub->GetPower(&context, request, &response).ok());
}

TEST_CASE("a watcher sees what there is, then what happens") {
    World world([](FakeFleet& fleet) { fill(fleet, 3); });
    const auto stub = v1::EventService::NewStub(world.connect());
    v1::WatchEventsRequest request;
    request.set_send_initial(true);
    request.set_include_nodes(true);
    request.set_filter("kind = node_added OR kind = node_removed");
    Context context;
    const auto stream = stub->WatchEvents(&context, request);
    v1::WatchEventsResponse message;
    for (int i = 0; i < 3; ++i) {
        REQUIRE(stream->Read(&message));
        CHECK(message.node().name() == "n000" + std::to_string(i));
    }
    REQUIRE(stream->Read(&message));
    CHECK(message.has_synced());

    const auto nodes = v1::NodeService::NewStub(world.connect());
    {
        Context call;
        v1::CreateNodeRequest create;
        *create.mutable_node() = declared("n1");
        v1::CreateNodeResponse created;
        REQUIRE(nodes->CreateNode(&call, create, &created).ok());
    }
    {
        Context call;
        v1::UpdateNodeRequest update; // filtered out
        *update.mutable_node() = declared("n1");
        v1::Node node;
        REQUIRE(nodes->UpdateNode(&call, update, &node).ok());
    }
    {
        Context call;
        v1::DeleteNodeRequest remove;
        remove.set_name("n1");
        google::protobuf::Empty empty;
        REQUIRE(nodes->DeleteNode(&call, remove, &empty).ok());
    }
    REQUIRE(stream->Read(&message));
    CHECK(message.event().kind() == v1::Event::NODE_ADDED);
    CHECK(message.event().node() == "n1");
    REQUIRE(stream->Read(&message));
    CHECK(message.event().kind() == v1::Event::NODE_REMOVED);
    context.TryCancel();
    CHECK(stream->Finish().error_code() == grpc::CANCELLED);

    v1::ListEventsRequest list;
    list.set_page_size(2);
    v1::ListEventsResponse listed;
    Context call;
    const auto events = v1::EventService::NewStub(world.connect());
    REQUIRE(events->ListEvents(&call, list, &listed).ok());
    REQUIRE(listed.events_size() == 2); // the newest two, oldest first
    CHECK(listed.events(0).kind() == v1::Event::NODE_CHANGED);
    CHECK(listed.events(1).kind() == v1::Event::NODE_REMOVED);
}

TEST_CASE("a slow watcher is told once that it missed something") {
    control::ControlConfig config;
    config.watch_ring = 16;
    World world({}, config);
    const auto stub = v1::EventService::NewStub(world.connect());
    Context context;
    const auto stream = stub->WatchEvents(&context, {});
    v1::WatchEventsResponse message;
    REQUIRE(stream->Read(&message));
    REQUIRE(message.has_synced());
    constexpr u64 published = 20'000;
    for (u64 i = 0; i < published; i += 1000) {
        world.on_control([](FakeFleet& fleet) {
            for (int n = 0; n < 1000; ++n) {
                fleet::Event event;
                event.message = std::string(1000, 'x'); // fills the connection's window
                fleet.hub.publish(std::move(event));
            }
        });
    }
    u64 events = 0;
    u64 resyncs = 0;
    u64 last = 0;
    while (last < published && stream->Read(&message)) {
        CHECK((message.has_event() || message.has_resync()));
        const u64 sequence =
            message.has_event() ? message.event().sequence() : message.resync().sequence();
        CHECK(sequence > last);
        last = sequence;
        ++(message.has_event() ? events : resyncs);
    }
    CHECK(resyncs >= 1);
    CHECK(events < published);
    context.TryCancel();
    stream->Finish();
}

TEST_CASE("watchers are bounded in number") {
    control::ControlConfig config;
    config.streams_max = 2;
    World world({}, config);
    const auto stub = v1::EventService::NewStub(world.connect());
    Context contexts[3];
    std::vector<std::unique_ptr<grpc::ClientReader<v1::WatchEventsResponse>>> streams;
    v1::WatchEventsResponse message;
    for (Context& context : contexts) {
        streams.push_back(stub->WatchEvents(&context, {}));
        const bool more = streams.back()->Read(&message);
        CHECK(more == (streams.size() <= 2));
    }
    CHECK(streams[2]->Finish().error_code() == grpc::RESOURCE_EXHAUSTED);
    for (int i = 0; i < 2; ++i) {
        contexts[i].TryCancel();
        streams[static_cast<std::size_t>(i)]->Finish();
    }
}

TEST_CASE("stopping ends streams and calls, and removes the socket") {
    World world([](FakeFleet& fleet) {
        fleet.add("n1");
        fleet.delay_ms = 100;
    });
    const auto events = v1::EventService::NewStub(world.connect());
    Context watching;
    const auto stream = events->WatchEvents(&watching, {});
    v1::WatchEventsResponse message;
    REQUIRE(stream->Read(&message));
    const auto power = v1::PowerService::NewStub(world.connect());
    grpc::Status in_flight;
    std::thread caller([&] {
        Context context;
        v1::GetPowerRequest request;
        request.set_node("n1");
        v1::GetPowerResponse response;
        in_flight = power->GetPower(&context, request, &response);
    });
    int calls = 0;
    while (calls == 0) {
        world.on_control([&](FakeFleet& fleet) { calls = fleet.calls; });
    }
    world.stop();
    caller.join();
    CHECK(in_flight.ok()); // it was begun, and had time to end
    CHECK(!stream->Read(&message));
    const auto ended = stream->Finish();
    CHECK(ended.error_code() == grpc::UNAVAILABLE);
    CHECK(info_of(ended.error_details()).reason() == "SHUTTING_DOWN");
    CHECK(access(world.socket.c_str(), F_OK) != 0);
}

TEST_CASE("stopping does not wait for what hangs longer than the grace time") {
    World world([](FakeFleet& fleet) {
        fill(fleet, 3);
        fleet.delay_ms = 60'000;
    });
    std::vector<std::thread> callers;
    grpc::Status unary;
    grpc::Status batch;
    grpc::Status apply;
    callers.emplace_back([&] {
        Context context;
        v1::GetPowerRequest request;
        request.set_node("n0001");
        v1::GetPowerResponse response;
        unary = v1::PowerService::NewStub(world.connect())->GetPower(&context, request, &response);
    });
    callers.emplace_back([&] {
        Context context;
        v1::BatchNodesRequest request;
        request.set_filter("*");
        request.mutable_restart();
        const auto stub = v1::NodeService::NewStub(world.connect());
        const auto stream = stub->BatchNodes(&context, request);
        v1::BatchNodesResponse message;
        while (stream->Read(&message)) {
        }
        batch = stream->Finish();
    });
    callers.emplace_back([&] {
        Context context;
        const auto stub = v1::NodeService::NewStub(world.connect());
        const auto stream = stub->ApplyNodes(&context);
        v1::ApplyNodesRequest message;
        message.mutable_header();
        stream->Write(message);
        *message.mutable_item()->mutable_node() = declared("new");
        stream->Write(message);
        v1::ApplyNodesResponse answer; // and the stream stays open
        while (stream->Read(&answer)) {
        }
        apply = stream->Finish();
    });
    int in_flight = 0;
    while (in_flight < 5) {
        world.on_control([&](FakeFleet& fleet) { in_flight = fleet.in_flight; });
    }
    const auto began = std::chrono::steady_clock::now();
    world.stop();
    for (std::thread& caller : callers) {
        caller.join();
    }
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(20));
    CHECK(unary.error_code() == grpc::UNAVAILABLE);
    CHECK(batch.error_code() == grpc::UNAVAILABLE);
    CHECK(apply.error_code() == grpc::UNAVAILABLE);
}

TEST_CASE("the socket: mode, a stale file, a live one, a file in the way") {
    control::ControlConfig config;
    config.socket_mode = 0600;
    World world({}, config);

    struct stat info {};

    REQUIRE(stat(world.socket.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);

    boost::asio::io_context io;
    fleet::Fleet& unused = *static_cast<fleet::Fleet*>(static_cast<void*>(&io)); // never looked at
    const auto start_at = [&](const std::string& path) {
        control::ControlConfig again;
        again.socket_path = path;
        return control::ControlServer::start(again, {}, io, unused);
    };
    const auto second = start_at(world.socket);
    REQUIRE(!second);
    CHECK(second.error().reason == "ALREADY_RUNNING");

    const std::string stale = world.directory + "/stale.sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    stale.copy(address.sun_path, sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(bind(fd, static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof address) == 0);
    close(fd);
    CHECK(start_at(stale));

    const std::string file = world.directory + "/file";
    std::ofstream(file) << "data";
    REQUIRE(!start_at(file));
    CHECK(start_at(file).error().reason == "SOCKET_FAILED");
    CHECK(access(file.c_str(), F_OK) == 0);
    CHECK(
        start_at(world.directory + "/" + std::string(120, 'x')).error().reason == "BAD_SOCKET_PATH"
    );
    CHECK(start_at("/no/such/place.sock").error().reason == "SOCKET_FAILED");
}

TEST_CASE("a message that is too long is refused") {
    World world;
    const auto stub = v1::NodeService::NewStub(world.connect());
    v1::CreateNodeRequest request;
    *request.mutable_node() = declared("n1");
    (*request.mutable_node()->mutable_annotations())["x"] = std::string(5 << 20, 'x');
    v1::CreateNodeResponse response;
    Context context;
    CHECK(stub->CreateNode(&context, request, &response).error_code() == grpc::RESOURCE_EXHAUSTED);
}
