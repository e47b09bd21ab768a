#pragma once
// A life of the daemon without its control API: real store, real shards, real sockets on loopback,
// simulated machines.

#include "fleet/fleet.h"
#include "net/shard.h"
#include "store/store.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/udp.hpp>
#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>

namespace vbmc::fleet {

struct TemporaryFolder {
    TemporaryFolder() {
        char name[] = "/tmp/vbmc-fleet-XXXXXX";
        path = ::mkdtemp(name);
    }

    ~TemporaryFolder() { std::filesystem::remove_all(path); }

    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    std::string path;
};

struct Daemon {
    explicit Daemon(const std::string& folder, FleetConfig config = {}) {
        store::StoreConfig where = store::default_config(folder);
        where.fail_write = [this](std::string_view what) {
            if (before_write) {
                before_write(what);
            }
            return what == failing.load();
        };
        auto opened = store::Store::open(where);
        REQUIRE(opened.has_value());
        store = std::move(*opened);
        shards = std::make_unique<net::ShardPool>(2);
        config.port_first = 21230;
        fleet = std::make_unique<Fleet>(std::move(config), control, *shards, *store);
        const auto started = run(fleet->start());
        REQUIRE(started.has_value());
    }

    ~Daemon() {
        if (fleet) {
            stop();
        }
    }

    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// The first half of stop(): calls under way may still end.
    void stop_fleet() {
        if (!std::exchange(fleet_stopped, true)) {
            run_void(fleet->stop());
        }
    }

    void stop() {
        stop_fleet();
        fleet.reset();
        shards->stop();
        store->close();
    }

    /// Ends without saving, as near to kill -9 as a test gets inside one process.
    void drop() {
        fleet.reset();
        shards->stop();
        store->close();
    }

    template <class T>
    T run(Awaitable<T> call) {
        std::optional<T> out;
        boost::asio::co_spawn(
            control.get_executor(),
            std::move(call),
            [&](const std::exception_ptr& failure, T value) {
                REQUIRE_FALSE(failure);
                out.emplace(std::move(value));
            }
        );
        while (!out) {
            control.restart();
            control.run_one_for(std::chrono::seconds(10));
        }
        return std::move(*out);
    }

    void run_void(Awaitable<void> call) {
        bool done = false;
        boost::asio::co_spawn(
            control.get_executor(), std::move(call), [&](const std::exception_ptr&) { done = true; }
        );
        while (!done) {
            control.restart();
            control.run_one_for(std::chrono::seconds(10));
        }
    }

    void idle(std::chrono::milliseconds time) {
        control.restart();
        control.run_for(time);
    }

    Result<CreateResult>
    create(const std::string& name, std::function<void(CreateRequest&)> with = {}) {
        CreateRequest request;
        request.spec.name = name;
        request.spec.port = 0;
        request.port_auto = true;
        Target target;
        target.kind = "sim";
        target.options["speed"] = "20";
        request.spec.targets.push_back(target);
        if (with) {
            with(request);
        }
        return run(fleet->create(std::move(request)));
    }

    NodeView get(const std::string& name) {
        auto view = run(fleet->get(name));
        REQUIRE(view.has_value());
        return std::move(*view);
    }

    boost::asio::io_context control{1};
    std::atomic<const char*> failing{""};               // read by the store's thread
    std::function<void(std::string_view)> before_write; // on it; set while nothing is written
    std::unique_ptr<store::Store> store;
    std::unique_ptr<net::ShardPool> shards;
    std::unique_ptr<Fleet> fleet;
    bool fleet_stopped = false;
};

/// An RMCP presence ping gets a pong (ASF 2.0 §3.2.4).
inline bool answers(const IpAddress& address, u16 port) {
    boost::asio::io_context context;
    using boost::asio::ip::udp;
    udp::socket socket(context, address.is_v4() ? udp::v4() : udp::v6());
    const timeval timeout{1, 0};
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    const u8 ping[] = {6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, 7, 0, 0};
    const udp::endpoint to(boost::asio::ip::make_address(address.to_string()), port);
    boost::system::error_code error;
    socket.send_to(boost::asio::buffer(ping), to, 0, error);
    u8 pong[256] = {};
    const ssize_t got = ::recv(socket.native_handle(), pong, sizeof(pong), 0);
    return got > 8 && pong[8] == 0x40 && pong[9] == 7;
}

inline bool answers(const NodeView& node) {
    return answers(node.spec.address, node.spec.port);
}

} // namespace vbmc::fleet
