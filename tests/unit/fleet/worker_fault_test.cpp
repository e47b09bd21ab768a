// A driver that throws: its call is an error, the node hears of it, and the worker goes on.

#include "worker_world.h"

using namespace vbmc;
using namespace vbmc::fleet;
using namespace vbmc::fleet::test;

TEST_CASE("a look that throws is a fault, and no look", "[worker][fault]") {
    for (const char* where : {"in the look", "before the look"}) {
        World w;
        w.begin(PowerState::on);
        w.driver->throws = where;
        w.worker->submit(bmc::RefreshPower{7});
        w.pass(100ms);
        CHECK(w.host.faults == Words{"a bug " + std::string(where)});
        CHECK(w.host.was_told("done 7 failed"));
        w.driver->throws.clear();
        w.worker->submit(bmc::RefreshPower{8});
        w.pass(100ms);
        CHECK(w.host.was_told("done 8 ok"));
        CHECK(w.host.faults.size() == 1);
    }
}

TEST_CASE("a power action that throws has failed", "[worker][fault]") {
    World w;
    w.begin(PowerState::off);
    w.driver->throws = "in the action";
    w.power(PowerAction::on, 1);
    w.pass(1s);
    CHECK(w.host.faults == Words{"a bug in the action"});
    CHECK(w.host.was_told("done 1 failed"));
    CHECK(w.driver->calls == Words{"on"}); // what is broken is not tried again by itself
    w.driver->throws.clear();
    w.power(PowerAction::on, 2);
    w.pass(1s);
    CHECK(w.host.was_told("done 2 ok"));
}

TEST_CASE("a fault frees its place at the host's gate", "[worker][fault]") {
    World w;
    w.driver->host_name = "cloud.example";
    w.begin(PowerState::on);
    w.driver->throws = "before the look";
    for (bmc::Ticket ticket = 1; ticket <= 40; ++ticket) { // more than the gate lets in
        w.worker->submit(bmc::RefreshPower{ticket});
        w.pass(10ms);
    }
    w.driver->throws.clear();
    w.pass(5min);
    w.worker->submit(bmc::RefreshPower{99});
    w.pass(10s);
    CHECK(w.host.was_told("done 99 ok"));
}

TEST_CASE("what throws beside a call does not stop the worker", "[worker][fault]") {
    World w;
    w.begin(PowerState::off);
    w.driver->throws = "beside a call"; // when a start is seen
    w.worker->submit(bmc::SetBoot{{bmc::BootDevice::pxe, false, false}});
    w.power(PowerAction::on, 1);
    w.pass(3s);
    CHECK_FALSE(w.host.faults.empty());
    w.driver->throws.clear();
    w.pass(2s);
    w.power(PowerAction::off, 2);
    w.pass(5s);
    CHECK(w.host.was_told("done 2 ok"));
    CHECK(w.driver->power() == PowerState::off);
}

TEST_CASE("a push that leads to a fault ends there", "[worker][fault]") {
    World w;
    w.driver->pushes = true;
    w.begin(PowerState::off);
    w.worker->submit(bmc::SetBoot{{bmc::BootDevice::pxe, false, false}});
    w.driver->throws = "beside a call";
    w.power(PowerAction::on, 1);
    w.driver->follow = 1h; // only the push tells
    w.pass(50ms);
    CHECK_NOTHROW(w.driver->push(bmc::PowerSeen{PowerState::on, false}));
    CHECK(w.host.faults == Words{"a bug beside a call"});
}
