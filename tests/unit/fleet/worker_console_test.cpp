// The worker's console: who wants it, and what becomes of an attempt to open it.

#include "worker_world.h"

using namespace vbmc;
using namespace vbmc::fleet;
using namespace vbmc::fleet::test;

TEST_CASE("why a console cannot be opened is told at every attempt", "[console]") {
    World w;
    w.begin(PowerState::on);
    w.driver->console_error = ErrorCode::permission_denied;
    w.worker->submit(bmc::ConsoleOpen());
    w.settle();
    CHECK(w.host.refused == Words{"no console"});
    CHECK(w.host.trouble == Words{"console"});
    CHECK(w.host.told == Words{"console closed"});
    w.pass(2s);
    CHECK(w.host.refused.size() >= 2);
    w.driver->console_error.reset();
    w.pass(2min);
    CHECK(w.host.was_told("console open"));
}

TEST_CASE("a machine that is off has no console, which is no trouble but told", "[console]") {
    World w;
    w.begin(PowerState::off);
    w.driver->console_error = ErrorCode::failed_precondition;
    w.worker->submit(bmc::ConsoleOpen());
    w.settle();
    CHECK(w.host.refused == Words{"no console"});
    CHECK(w.host.trouble.empty());
}

TEST_CASE("whoever comes later does not wait for what failed before", "[console]") {
    World w;
    w.begin(PowerState::on);
    w.driver->console_error = ErrorCode::unavailable;
    w.worker->submit(bmc::ConsoleOpen());
    w.pass(5min); // the pauses have grown to a minute
    const std::size_t before = w.host.refused.size();
    w.worker->submit(bmc::ConsoleOpen());
    w.settle();
    CHECK(w.host.refused.size() == before + 1);
    w.driver->console_error.reset();
    w.worker->submit(bmc::ConsoleOpen());
    w.settle();
    CHECK(w.host.told.back() == "console open");
}
