#include "net/clock.h"
#include "net/resolver.h"
#include "net/shard.h"

#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>

#include <atomic>
#include <future>

using namespace vbmc;
using namespace std::chrono_literals;
using Endpoints = Result<std::vector<boost::asio::ip::tcp::endpoint>>;

namespace {

struct Rig {
    ~Rig() { pool.stop(); }

    /// Many at once; when the last has ended, what each came to.
    std::vector<Endpoints> ask(const std::string& host, Mono deadline, unsigned count = 1) {
        std::vector<Endpoints> all;
        std::promise<void> last;
        shard.post([&] {
            for (unsigned i = 0; i < count; ++i) {
                auto done = [&](const std::exception_ptr&, Endpoints found) {
                    all.push_back(std::move(found));
                    if (all.size() == count) {
                        last.set_value();
                    }
                };
                auto call = resolver.resolve(host, 623, deadline);
                boost::asio::co_spawn(shard.context(), std::move(call), std::move(done));
            }
        });
        last.get_future().get();
        return all;
    }

    net::ShardPool pool{1};
    net::Shard& shard = pool[0];
    net::Resolver resolver{shard.timers(), net::now};
};

} // namespace

TEST_CASE("names are looked up, addresses are not", "[net][resolver]") {
    Rig rig;
    for (const char* host : {"localhost", "127.0.0.1", "::1"}) {
        INFO(host);
        const auto found = rig.ask(host, net::now().mono + 30s);
        REQUIRE(found[0].has_value());
        CHECK(found[0]->front().address().is_loopback());
        CHECK(found[0]->front().port() == 623);
    }
    const auto nobody = rig.ask("nobody.invalid", net::now().mono + 30s);
    REQUIRE(nobody[0].has_error());
    CHECK(nobody[0].error().reason == "NAME_NOT_RESOLVED");
    CHECK(nobody[0].error().message.find("nobody.invalid") != std::string::npos);
}

TEST_CASE("more lookups than may run at once wait for their turn", "[net][resolver]") {
    Rig rig;
    const auto all = rig.ask("localhost", net::now().mono + 60s, 5 * net::Resolver::lookups_max);
    for (const Endpoints& one : all) {
        CHECK(one.has_value());
    }
}

TEST_CASE("a lookup that is given up ends by itself", "[net][resolver]") {
    {
        Rig rig;
        const auto late = rig.ask("localhost", net::now().mono - 1s, net::Resolver::lookups_max);
        CHECK(late[0].error().code == ErrorCode::deadline_exceeded);
        CHECK(late[0].error().reason == "NAME_NOT_RESOLVED");
    } // its shard is gone; its place is not
    Rig rig;
    CHECK(rig.ask("localhost", net::now().mono + 60s)[0].has_value());
}
