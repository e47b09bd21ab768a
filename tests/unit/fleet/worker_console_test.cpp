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

TEST_CASE("what is typed before the stream is open reaches it, up to a bound", "[console]") {
    World w;
    w.begin(PowerState::on);
    w.driver->latency = 2s;
    w.worker->submit(bmc::ConsoleInput{{'n', 'o'}}); // nobody wants it yet
    w.worker->submit(bmc::ConsoleOpen());
    w.pass(1s);
    w.worker->submit(bmc::ConsoleInput{{'d', 'a', 't', 'e'}});
    w.worker->submit(bmc::ConsoleInput{{'\r'}});
    SECTION("as it is") {
        w.pass(2s);
        CHECK(w.driver->typed == "date\r");
    }
    SECTION("more than it holds") {
        w.worker->submit(bmc::ConsoleInput{std::vector<u8>(5000, 'x')});
        w.worker->submit(bmc::ConsoleInput{std::vector<u8>(5000, 'y')});
        w.pass(2s);
        CHECK(w.driver->typed == "date\r" + std::string(4096 - 5, 'x'));
    }
    w.driver->typed.clear();
    w.worker->submit(bmc::ConsoleInput{{'h', 'i'}});
    CHECK(w.driver->typed == "hi");
}

TEST_CASE("what was typed for a stream that does not open is forgotten", "[console]") {
    World w;
    w.begin(PowerState::on);
    w.driver->console_error = ErrorCode::unavailable;
    w.worker->submit(bmc::ConsoleOpen());
    w.worker->submit(bmc::ConsoleInput{{'r', 'm'}});
    w.settle();
    REQUIRE(w.host.refused.size() == 1);
    w.worker->submit(bmc::ConsoleInput{{'l', 's'}});
    w.driver->console_error.reset();
    SECTION("until it is tried again by itself") {
        w.pass(2min);
        CHECK(w.driver->typed.empty());
    }
    SECTION("and somebody comes") {
        w.worker->submit(bmc::ConsoleOpen());
        w.worker->submit(bmc::ConsoleInput{{'w'}});
        w.settle();
        CHECK(w.driver->typed == "w");
    }
}
