// A node with two targets, one of which is slow or dead: the other one's work goes on.

#include "worker_world.h"

using namespace vbmc;
using namespace vbmc::fleet;
using namespace vbmc::fleet::test;

namespace {

/// Power goes to `world.driver`; soft off, sensors and console to `host`.
struct Pair {
    Pair() : host(std::make_shared<FakeDriver>(world.timers)) {
        world.driver->state = PowerState::on;
        world.driver->next_state = PowerState::on;
        std::array<u8, route_count> index{};
        for (const Route route : {Route::soft, Route::sensors, Route::identity, Route::console}) {
            index[static_cast<std::size_t>(route)] = 1;
        }
        Routes routes({world.driver, host}, index);
        world.worker = std::make_shared<NodeWorker>(
            world.place(),
            world.host,
            std::move(routes),
            std::make_shared<WorkerLimits>(world.limits),
            1
        );
        world.worker->start({});
        world.pass(1s);
        world.host.told.clear();
    }

    World world;
    std::shared_ptr<FakeDriver> host;
};

} // namespace

TEST_CASE("sensors of a dead target hold up no power command of another", "[worker]") {
    Pair pair;
    World& w = pair.world;
    pair.host->hang = true;
    w.worker->submit(bmc::RefreshSensors());
    w.pass(100ms);
    w.power(PowerAction::off, 7);
    w.pass(400ms);
    CHECK(w.driver->calls == Words{"off"});
    CHECK(w.host.was_told("off"));
    CHECK(w.host.was_told("done 7 ok"));
    CHECK_FALSE(w.host.was_told("sensors"));
}

TEST_CASE("a hard off does not wait for a dead target's soft off", "[worker]") {
    Pair pair;
    World& w = pair.world;
    pair.host->hang = true;
    w.power(PowerAction::soft, 1);
    w.pass(200ms);
    REQUIRE(pair.host->calls == Words{"soft"});
    w.power(PowerAction::off, 2);
    w.pass(400ms);
    CHECK(w.driver->calls == Words{"off"});
    CHECK(w.host.was_told("done 1 busy"));
    CHECK(w.host.was_told("off"));
}

TEST_CASE("one target gets one call at a time", "[worker]") {
    World w;
    w.begin(PowerState::on);
    w.driver->latency = 100ms;
    w.worker->submit(bmc::RefreshSensors());
    w.worker->submit(bmc::RefreshPower{5});
    w.power(PowerAction::off, 7);
    w.pass(5s);
    CHECK(w.driver->running_max == 1);
    CHECK(w.host.was_told("sensors"));
    CHECK(w.host.was_told("off"));
}

TEST_CASE("a start is seen also when the machine was changing in between", "[worker]") {
    World w;
    w.begin(PowerState::off);
    w.worker->submit(bmc::SetBoot{{bmc::BootDevice::pxe, false, false}});
    w.power(PowerAction::on, 7);
    w.driver->follow = 1h;
    w.pass(1s);
    w.driver->state = w.driver->next_state = PowerState::changing;
    w.driver->changes_at = never;
    w.pass(10s);
    CHECK(w.host.was_told("changing"));
    CHECK_FALSE(w.host.was_told("boot taken"));
    CHECK_FALSE(w.host.was_told("on"));
    w.driver->state = w.driver->next_state = PowerState::on;
    w.pass(10s);
    CHECK(w.host.was_told("on"));
    CHECK(w.host.was_told("boot taken"));
}

TEST_CASE("an answer that tells no power is told as trouble", "[worker]") {
    World w;
    w.driver->fail_looks = true;
    w.driver->look_error = ErrorCode::not_found; // "no such machine"
    w.begin(PowerState::off);
    CHECK(w.host.backend == Words{"down"});
    w.pass(1min); // other calls that succeed do not make it good
    CHECK(w.host.backend == Words{"down"});
    w.driver->fail_looks = false;
    w.pass(2min);
    CHECK(w.host.backend == Words{"down", "up"});
}

TEST_CASE("a machine may take as long as its driver says", "[worker]") {
    World w;
    w.begin(PowerState::on);
    w.driver->patience = 10min;
    w.driver->follow = 5min;
    w.power(PowerAction::off, 7);
    w.pass(4min);
    CHECK(w.host.ended.empty());
    CHECK(w.driver->looks < 100);
    w.pass(3min);
    CHECK(w.host.ended == Words{""});
}
