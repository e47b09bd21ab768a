#include "backend/sim/sim.h"
#include "worker_world.h"

using namespace vbmc;
using namespace vbmc::fleet;
using namespace vbmc::fleet::test;
using bmc::BootDevice;
using bmc::BootRequest;

namespace {

constexpr BootRequest once_pxe{BootDevice::pxe, false, false};
constexpr BootRequest always_disk{BootDevice::disk, true, false};

} // namespace

TEST_CASE("a one-time boot device is applied before the start and put back after it", "[boot]") {
    World w;
    w.begin(PowerState::off);
    w.worker->submit(bmc::SetBoot{once_pxe});
    w.pass(10s);
    CHECK(w.driver->calls.empty()); // armed only
    w.power(PowerAction::on, 1);
    w.pass(5s);
    CHECK(w.driver->calls == Words{"boot 1", "on", "boot 0"});
    CHECK(w.host.was_told("boot taken"));
    w.power(PowerAction::reset, 2);
    w.pass(5s);
    CHECK(w.driver->calls == Words{"boot 1", "on", "boot 0", "reset"});
}

TEST_CASE("what lasted before a one-time choice lasts again afterwards", "[boot]") {
    World w;
    w.begin(PowerState::on);
    w.worker->submit(bmc::SetBoot{always_disk});
    w.pass(1s);
    CHECK(w.driver->calls == Words{"boot 2p"});
    w.worker->submit(bmc::SetBoot{once_pxe});
    w.power(PowerAction::cycle, 1);
    w.pass(5s);
    CHECK(w.driver->calls == Words{"boot 2p", "off", "boot 1", "on", "boot 2p"});
}

TEST_CASE("a standing device from an earlier life is what is put back", "[boot]") {
    World w;
    Routes routes({w.driver}, {});
    w.worker = std::make_shared<NodeWorker>(
        w.place(), w.host, routes, std::make_shared<WorkerLimits>(), 1
    );
    w.worker->start(always_disk);
    w.worker->submit(bmc::SetBoot{once_pxe});
    w.power(PowerAction::on, 1);
    w.pass(5s);
    CHECK(w.driver->calls == Words{"boot 1", "on", "boot 2p"});
}

TEST_CASE("disarming before a start leaves the backend alone", "[boot]") {
    World w;
    w.begin(PowerState::off);
    w.worker->submit(bmc::SetBoot{once_pxe});
    w.worker->submit(bmc::SetBoot{BootRequest()});
    w.power(PowerAction::on, 1);
    w.pass(5s);
    CHECK(w.driver->calls == Words{"on"});
    CHECK_FALSE(w.host.was_told("boot taken"));
}

TEST_CASE("clearing a lasting device tells the backend", "[boot]") {
    World w;
    w.begin(PowerState::off);
    w.worker->submit(bmc::SetBoot{always_disk});
    w.pass(1s);
    w.worker->submit(bmc::SetBoot{BootRequest()});
    w.pass(1s);
    CHECK(w.driver->calls == Words{"boot 2p", "boot 0"});
}

TEST_CASE("no choice any more means neither the lasting nor the one-time one", "[boot]") {
    constexpr BootRequest nothing_at_all{BootDevice::none, true, false};
    World w;
    w.begin(PowerState::off);
    w.worker->submit(bmc::SetBoot{always_disk});
    w.pass(1s);
    w.worker->submit(bmc::SetBoot{once_pxe});
    w.worker->submit(bmc::SetBoot{nothing_at_all});
    w.power(PowerAction::on, 1);
    w.pass(5s);
    CHECK(w.driver->calls == Words{"boot 2p", "boot 0", "on"});
    w.worker->submit(bmc::SetBoot{always_disk});
    w.worker->submit(bmc::SetBoot{once_pxe});
    w.power(PowerAction::cycle, 2); // the one-time one is used up
    w.pass(5s);
    w.driver->calls.clear();
    w.worker->submit(bmc::SetBoot{nothing_at_all});
    w.pass(1s);
    CHECK(w.driver->calls == Words{"boot 0"});
}

TEST_CASE("a start by somebody else uses the choice up", "[boot]") {
    World w;
    w.driver->pushes = true;
    w.begin(PowerState::off);
    w.worker->submit(bmc::SetBoot{once_pxe});
    w.driver->push(bmc::PowerSeen{PowerState::on});
    w.power(PowerAction::reset, 1);
    w.pass(5s);
    CHECK(w.driver->calls == Words{"reset"});
}

TEST_CASE("native one-time boot is told at once and not put back", "[boot]") {
    World w;
    w.driver->native_once = true;
    w.begin(PowerState::off);
    w.worker->submit(bmc::SetBoot{once_pxe});
    w.pass(1s);
    CHECK(w.driver->calls == Words{"boot 1"});
    w.power(PowerAction::on, 1);
    w.pass(5s);
    CHECK(w.driver->calls == Words{"boot 1", "on"});
    CHECK(w.host.was_told("boot taken"));
}

TEST_CASE("a reset becomes off and on where a boot device needs that", "[boot]") {
    World w;
    w.driver->needs_cycle = true;
    w.begin(PowerState::on);
    w.power(PowerAction::reset, 1);
    w.pass(5s);
    CHECK(w.driver->calls == Words{"reset"});
    w.worker->submit(bmc::SetBoot{once_pxe});
    w.power(PowerAction::reset, 2);
    w.pass(5s);
    CHECK(w.driver->calls == Words{"reset", "off", "boot 1", "on", "boot 0"});
    CHECK(w.host.was_told("done 2 ok"));
}

TEST_CASE("a machine is not started from the wrong device", "[boot]") {
    World w;
    w.begin(PowerState::off);
    w.worker->submit(bmc::SetBoot{once_pxe});
    w.driver->fail_boot = 100;
    w.power(PowerAction::on, 1);
    w.pass(1min);
    CHECK(w.host.was_told("done 1 unreachable"));
    CHECK(w.host.was_told("failed on"));
    CHECK(std::count(w.driver->calls.begin(), w.driver->calls.end(), "on") == 0);
    REQUIRE(w.host.ended.size() == 1);
    CHECK(w.host.ended[0] == "cannot boot from pxe at the next start: no answer");
}

TEST_CASE("a lasting device is told again when the backend was silent", "[boot]") {
    World w;
    w.begin(PowerState::off);
    w.driver->fail_boot = 2;
    w.worker->submit(bmc::SetBoot{always_disk});
    w.pass(1min);
    CHECK(w.driver->calls == Words{"boot failed", "boot failed", "boot 2p"});
    CHECK(w.host.trouble.empty());
    w.driver->fail_boot = 100;
    w.worker->submit(bmc::SetBoot{BootRequest{BootDevice::pxe, true, false}});
    w.pass(30min);
    CHECK(w.host.trouble == Words{"boot"});
}

TEST_CASE("the sim backend behind a worker boots what was armed, once", "[boot]") {
    World w;
    const auto config = backend::DriverConfig::check(backend::sim::kind.schema, {{"speed", "10"}});
    auto made = backend::sim::kind.create({w.context, w.timers, "n1", read_clock}, *config);
    REQUIRE(made.has_value());
    std::shared_ptr<backend::Driver> driver = std::move(*made);
    w.worker = std::make_shared<NodeWorker>(
        w.place(), w.host, Routes({driver}, {}), std::make_shared<WorkerLimits>(), 1
    );
    w.worker->start({});
    w.pass(1s);
    CHECK(w.worker->idle());
    w.worker->submit(bmc::ConsoleOpen());
    w.worker->submit(bmc::SetBoot{once_pxe});
    w.power(PowerAction::on, 1);
    w.pass(5s);
    CHECK(w.host.was_told("console open"));
    CHECK(w.host.screen.find("boot=pxe") != std::string::npos);
    w.host.screen.clear();
    w.power(PowerAction::cycle, 2);
    w.pass(5s);
    CHECK(w.host.screen.find("boot=disk") != std::string::npos);
    w.host.screen.clear();
    w.worker->submit(bmc::ConsoleInput{{'e', 'c', 'h', 'o', ' ', 'h', 'i', '\r'}});
    w.pass(1s);
    CHECK(w.host.screen == "echo hi\r\nhi\r\n# ");
    w.worker->submit(bmc::ConsoleClose());
    w.pass(1s);
    CHECK(w.host.was_told("console closed"));
    CHECK(w.worker->idle());
}

TEST_CASE("a guest's own reset takes what was armed, where that takes a cold start", "[boot]") {
    World w;
    w.driver->needs_cycle = true;
    w.begin(PowerState::on);
    w.worker->submit(bmc::SetBoot{once_pxe});
    w.pass(1s);
    REQUIRE(w.driver->calls.empty());
    w.driver->push(bmc::PowerSeen{PowerState::on, true});
    w.driver->push(bmc::PowerSeen{PowerState::on, true}); // QEMU tells twice
    w.pass(5s);
    CHECK(w.driver->calls == Words{"off", "boot 1", "on", "boot 0"});
    CHECK(w.host.was_told("boot taken"));
    w.driver->push(bmc::PowerSeen{PowerState::on, true}); // nothing is ordered any more
    w.pass(5s);
    CHECK(w.driver->calls.size() == 4);
    w.driver->stale_boot = true; // it runs with what is used up
    w.driver->push(bmc::PowerSeen{PowerState::on, true});
    w.pass(5s);
    CHECK(w.driver->calls == Words{"off", "boot 1", "on", "boot 0", "off", "on"});
}

TEST_CASE("a reset while a used one-time choice still stands is a cold start", "[boot]") {
    World w;
    w.driver->needs_cycle = true;
    w.driver->settle_time = 10s;
    w.begin(PowerState::off);
    w.worker->submit(bmc::SetBoot{once_pxe});
    w.power(PowerAction::on, 1);
    w.pass(2s);
    REQUIRE(w.driver->calls == Words{"boot 1", "on"});
    w.driver->push(bmc::PowerSeen{PowerState::on, true}); // the firmware's own: the same start
    w.pass(1s);
    CHECK(w.driver->calls == Words{"boot 1", "on"});
    w.power(PowerAction::reset, 2);
    w.pass(3s);
    CHECK(w.driver->calls == Words{"boot 1", "on", "off", "boot 0", "on"});
}

TEST_CASE("a push that tells of silence, or of its end, makes the worker look", "[boot]") {
    World w;
    w.driver->pushes = true;
    w.begin(PowerState::on);
    const int looks = w.driver->looks;
    w.driver->fail_looks = true;
    w.driver->push(bmc::Unreachable());
    w.pass(100ms);
    CHECK(w.driver->looks > looks);
    CHECK(w.host.backend == Words{"down"});
    w.pass(5min);
    w.driver->fail_looks = false;
    w.driver->push(bmc::PowerSeen{PowerState::off, false});
    w.pass(100ms);
    CHECK(w.host.backend == Words{"down", "up"});
}
