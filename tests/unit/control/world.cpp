#include "world.h"

#include "google/rpc/status.pb.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>

namespace vbmc::test {

namespace {

/// The fake never looks at what it is given.
alignas(64) char nothing[64];

template <class T>
T& unused() {
    return *static_cast<T*>(static_cast<void*>(nothing));
}

} // namespace

World::World(const std::function<void(FakeFleet&)>& prepare, control::ControlConfig config)
    : work_(io_.get_executor()) {
    char name[] = "/tmp/vbmc-control-XXXXXX";
    directory = mkdtemp(name);
    socket = directory + "/vbmcd.sock";
    fleet_ = std::make_unique<fleet::Fleet>(
        fleet::FleetConfig{}, io_, unused<net::ShardPool>(), unused<store::Store>()
    );
    if (prepare) {
        prepare(fake());
    }
    config.socket_path = socket;
    control::ServerFacts facts;
    facts.version = "1.2.3";
    facts.state_dir = directory;
    auto server = control::ControlServer::start(std::move(config), std::move(facts), io_, *fleet_);
    if (!server) {
        FAIL(describe(server.error()));
    }
    server_ = *std::move(server);
    thread_ = std::thread([this] { io_.run(); });
}

World::~World() {
    stop();
    std::filesystem::remove_all(directory);
}

void World::stop() {
    if (server_ == nullptr) {
        return;
    }
    boost::asio::co_spawn(
        io_.get_executor(), server_->stop(std::chrono::seconds(2)), boost::asio::use_future
    )
        .get();
    work_.reset();
    io_.stop(); // abandoned calls may wait for long
    thread_.join();
    server_.reset();
    fleet_.reset();
}

void World::on_control(const std::function<void(FakeFleet&)>& body) {
    std::promise<void> done;
    boost::asio::post(io_, [&] {
        body(fake());
        done.set_value();
    });
    done.get_future().get();
}

std::shared_ptr<grpc::Channel> World::connect() const {
    grpc::ChannelArguments arguments; // one connection each, not one shared by all
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(
        "unix:" + socket, grpc::InsecureChannelCredentials(), arguments
    );
}

google::rpc::ErrorInfo info_of(const std::string& bytes) {
    google::rpc::Status status;
    google::rpc::ErrorInfo info;
    if (status.ParseFromString(bytes) && status.details_size() > 0) {
        status.details(0).UnpackTo(&info);
    }
    return info;
}

void fill(FakeFleet& fleet, int count) {
    for (int i = 0; i < count; ++i) {
        char name[16];
        std::snprintf(name, sizeof name, "n%04d", i);
        fleet.add(name);
    }
}

v1::Node declared(const std::string& name) {
    v1::Node node;
    node.set_name(name);
    node.add_targets()->set_kind("sim");
    return node;
}

} // namespace vbmc::test
