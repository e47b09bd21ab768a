// The libvirt backend against libvirt's own test driver, which runs inside this process.

#include "backend/driver.h"
#include "backend/libvirt/boot_xml.h"
#include "backend/libvirt/hub.h"
#include "base/commons.h"
#include "net/deadline.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <catch2/catch.hpp>

#include <atomic>
#include <future>

using namespace vbmc;
using namespace vbmc::backend;
using namespace std::chrono_literals;
using bmc::BootDevice;
using bmc::PowerAction;
using bmc::PowerState;

namespace {

using Options = std::map<std::string, std::string>;

/// A shard of this thread, with real time: the library's threads have no other.
struct World {
    template <class T>
    Result<T> finish(Awaitable<Result<T>> call, Duration limit = 10s) {
        std::optional<Result<T>> out;
        const Mono deadline = net::now().mono + limit;
        boost::asio::co_spawn(
            context.get_executor(),
            net::with_deadline(timers, deadline, std::move(call)),
            [&](const std::exception_ptr& failure, Result<T> value) {
                REQUIRE_FALSE(failure);
                out.emplace(std::move(value));
            }
        );
        REQUIRE(until([&] { return out.has_value(); }));
        return std::move(*out);
    }

    bool until(const std::function<bool()>& seen, Duration limit = 12s) {
        const Mono end = net::now().mono + limit;
        while (!seen()) {
            if (net::now().mono > end) {
                return false;
            }
            context.restart();
            context.run_one_for(20ms);
            timers.run(net::now().mono);
        }
        return true;
    }

    Result<std::unique_ptr<Driver>> make(const Options& options) {
        const DriverKind* kind = find_kind("libvirt");
        REQUIRE(kind != nullptr);
        const auto config = DriverConfig::check(kind->schema, options);
        if (config.has_error()) {
            return config.error();
        }
        return kind->create({context, timers, "n1", net::now, &commons}, *config);
    }

    std::unique_ptr<Driver> machine(const std::string& domain, const std::string& uri = {}) {
        Options options = {{"uri", uri.empty() ? "test:///default" : uri}, {"domain", domain}};
        auto made = make(options);
        REQUIRE(made.has_value());
        return std::move(*made);
    }

    Result<void> press(Driver& driver, PowerAction action) {
        return finish(driver.set_power(action, never));
    }

    PowerState state(Driver& driver) {
        const auto seen = finish(driver.power_state(never));
        INFO((seen.has_error() ? seen.error().message : ""));
        REQUIRE(seen.has_value());
        return *seen;
    }

    boost::asio::io_context context{1};
    boost::asio::executor_work_guard<net::Executor> guard{context.get_executor()};
    net::TimerQueue timers;
    Commons commons; // before the context: as a fleet ends before its shards
};

constexpr const char* test_uuid = "6695eb01-f6a4-8304-79aa-97f2502e193f"; // libvirt's own

} // namespace

TEST_CASE("a domain's power follows the calls", "[libvirt]") {
    World world;
    for (const char* name : {"test", test_uuid, "6695EB01-F6A4-8304-79AA-97F2502E193F"}) {
        CAPTURE(name);
        const auto driver = world.machine(name);
        CHECK(world.state(*driver) == PowerState::on);
        CHECK(world.press(*driver, PowerAction::on)); // so it is
        CHECK(world.press(*driver, PowerAction::diag));
        CHECK(world.press(*driver, PowerAction::reset));
        CHECK(world.state(*driver) == PowerState::on);
        REQUIRE(world.press(*driver, PowerAction::off));
        CHECK(world.state(*driver) == PowerState::off);
        CHECK(world.press(*driver, PowerAction::off));
        CHECK(world.press(*driver, PowerAction::soft));
        for (const PowerAction action : {PowerAction::reset, PowerAction::diag}) {
            const auto refused = world.press(*driver, action);
            REQUIRE(refused.has_error());
            CHECK(refused.error().code == ErrorCode::failed_precondition);
            CHECK(refused.error().message.find(name) != std::string::npos);
        }
        REQUIRE(world.press(*driver, PowerAction::on));
        CHECK(world.state(*driver) == PowerState::on);
        REQUIRE(world.press(*driver, PowerAction::soft)); // this guest obeys at once
        CHECK(world.state(*driver) == PowerState::off);
        REQUIRE(world.press(*driver, PowerAction::on));
    }
}

TEST_CASE("what happens to a domain is told, whoever did it", "[libvirt]") {
    World world;
    const auto one = world.machine("test");
    const auto other = world.machine(test_uuid); // the same domain over the same connection
    std::vector<bmc::PowerSeen> seen;
    one->on_change([&](const bmc::Observation& what) {
        if (const auto* power = std::get_if<bmc::PowerSeen>(&what)) {
            seen.push_back(*power);
        }
    });
    const auto last = [&](PowerState state) {
        return world.until([&] { return !seen.empty() && seen.back().state == state; });
    };
    CHECK(last(PowerState::on)); // the first list
    REQUIRE(world.press(*other, PowerAction::off));
    CHECK(last(PowerState::off));
    REQUIRE(world.press(*other, PowerAction::on));
    CHECK(last(PowerState::on));
    seen.clear();
    one->on_change({});
    REQUIRE(world.press(*other, PowerAction::off));
    CHECK(world.state(*one) == PowerState::off);
    CHECK(seen.empty());
}

TEST_CASE("errors name the domain and the host, and have the right code", "[libvirt]") {
    World world;
    const auto unknown = world.machine("nobody");
    const auto missing = world.finish(unknown->power_state(never));
    REQUIRE(missing.has_error());
    CHECK(missing.error().code == ErrorCode::not_found);
    CHECK(missing.error().message.find("domain 'nobody' at test:///default") == 0);
    CHECK_FALSE(missing.error().hint.empty());

    const auto far = world.machine("vm", "qemu+unix:///system?socket=/nonexistent/libvirt-sock");
    const auto silent = world.finish(far->power_state(never));
    REQUIRE(silent.has_error());
    CHECK(silent.error().code == ErrorCode::unavailable);
    CHECK(silent.error().message.find("/nonexistent/libvirt-sock") != std::string::npos);

    const auto with_password =
        world.make({{"uri", "qemu+tcp://root:hunter2@host/system"}, {"domain", "vm"}});
    REQUIRE(with_password.has_error());
    CHECK(with_password.error().field == "backend.options.uri");
    CHECK(describe(with_password.error()).find("hunter2") == std::string::npos);
    CHECK(world.make({}).has_error()); // which domain?
}

TEST_CASE("a given-up call is not carried out behind one's back", "[libvirt]") {
    World world;
    const auto driver = world.machine("test");
    REQUIRE(world.state(*driver) == PowerState::on);
    const Mono past = net::now().mono - 1s;
    const auto late = world.finish(driver->set_power(PowerAction::off, past));
    REQUIRE(late.has_error());
    CHECK(late.error().code == ErrorCode::deadline_exceeded);
    CHECK(world.state(*driver) == PowerState::on);
}

TEST_CASE("a boot choice is defined, and put back", "[libvirt]") {
    World world;
    const auto driver = world.machine("test");
    CHECK(driver->boot_needs_power_cycle());
    CHECK_FALSE(driver->boot_is_stale());
    // libvirt's test domain has a disk and a network interface.
    const auto refused = world.finish(driver->set_boot({BootDevice::cdrom, true, false}, never));
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == ErrorCode::failed_precondition);
    CHECK(refused.error().message.find("domain 'test'") == 0);
    REQUIRE(world.finish(driver->set_boot({BootDevice::pxe, true, false}, never)));
    CHECK(driver->boot_is_stale()); // it runs from its disk
    REQUIRE(world.finish(driver->set_boot({BootDevice::none, true, false}, never)));
    CHECK_FALSE(driver->boot_is_stale());
    REQUIRE(world.press(*driver, PowerAction::off));
    REQUIRE(world.finish(driver->set_boot({BootDevice::pxe, true, false}, never)));
    CHECK_FALSE(driver->boot_is_stale());
    REQUIRE(world.press(*driver, PowerAction::on));
    CHECK_FALSE(driver->boot_is_stale());
    REQUIRE(world.finish(driver->set_boot({BootDevice::none, true, false}, never)));
    CHECK(driver->boot_is_stale());
}

TEST_CASE("drivers of one host share its connection, and it ends with the last", "[libvirt]") {
    Commons commons;
    const auto access = [](const char* uri, const char* password) {
        libvirt::Access result;
        result.uri = uri;
        result.password = [password] { return Result<Secret>(Secret(std::string_view(password))); };
        return result;
    };
    auto one = libvirt::Hub::get(&commons, access("test:///default", ""));
    auto same = libvirt::Hub::get(&commons, access("test:///default", ""));
    auto other = libvirt::Hub::get(&commons, access("test:///default", "x"));
    CHECK(one == same);
    CHECK(one != other);
    const std::weak_ptr<libvirt::Hub> last = one;
    one.reset();
    CHECK_FALSE(last.expired());
    same.reset();
    CHECK(last.expired());
}

TEST_CASE("a call that hangs takes one thread and delays its own machine alone", "[libvirt]") {
    using libvirt::Place;
    World world;
    libvirt::Access access;
    access.uri = "test:///default";
    access.password = [] { return Result<Secret>(Secret()); };
    const auto hub = libvirt::Hub::get(&world.commons, access);
    const auto hanging = std::make_shared<std::atomic<int>>(0); // threads may outlive this test
    std::promise<void> answer;
    const std::shared_future<void> answered = answer.get_future().share();
    const auto ask = [&](const std::string& machine, bool hangs) {
        std::function<Result<int>(virConnectPtr)> work = [hanging, answered, hangs](virConnectPtr) {
            if (hangs) {
                ++*hanging;
                answered.wait();
            }
            return Result<int>(7);
        };
        const Place place{{machine, "test:///default"}, machine};
        auto call = libvirt::call<int>(hub, world.context, place, never, std::move(work));
        return world.finish(std::move(call), hangs ? 100ms : 10s);
    };
    const auto hang = [&](const std::string& machine) { // a thread may be slow to begin
        const int before = *hanging;
        for (int tries = 0; tries < 50 && *hanging == before; ++tries) {
            CHECK(ask(machine, true).has_error());
        }
    };
    hang("stuck");
    for (int i = 0; i < 6; ++i) { // a worker that tries again and again
        const auto late = ask("stuck", true);
        REQUIRE(late.has_error());
        CHECK(late.error().code == ErrorCode::deadline_exceeded);
        CHECK(late.error().message.find("domain 'stuck' at test:///default") == 0);
        CHECK(ask("lively", false));
    }
    CHECK(*hanging == 1);
    for (int i = 0; i < 8; ++i) {
        hang("stuck-" + std::to_string(i));
    }
    CHECK(*hanging == 9); // more than the threads it began with
    CHECK(ask("lively", false));
    answer.set_value();
    CHECK(ask("stuck", false)); // what was given up meanwhile is not made up for
    CHECK(*hanging == 9);
}
