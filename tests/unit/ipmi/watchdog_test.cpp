#include "unit/ipmi/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace std::chrono_literals;
using test::Rig;

namespace {

bmc::SetPower only_power(Rig& rig) {
    const auto actions = rig.take<bmc::SetPower>();
    REQUIRE(actions.size() == 1);
    return actions.front();
}

/// Event data of the newest SEL entry.
std::string newest_event(const Rig& rig) {
    REQUIRE(rig.bmc.sel.size() > 0);
    const auto& record = rig.bmc.sel.records().back();
    return test::to_hex(Bytes(record).subspan(10, 6)); // type, number, event type, data
}

} // namespace

TEST_CASE("the watchdog acts on the power when it expires") {
    struct Row {
        const char* set;
        bmc::PowerAction action;
        const char* event;
    };

    const Row row = GENERATE(values<Row>({
        {"06 24 04 01 00 00 64 00", bmc::PowerAction::reset, "23 03 6f c1 04 ff"},
        {"06 24 03 02 00 00 64 00", bmc::PowerAction::off, "23 03 6f c2 03 ff"},
        {"06 24 02 03 00 00 64 00", bmc::PowerAction::cycle, "23 03 6f c3 02 ff"},
    }));
    Rig rig;
    rig.see(bmc::PowerState::on);
    REQUIRE(rig.ask(row.set) == "00");
    CHECK(rig.bmc.dirty.has(bmc::Section::watchdog));
    REQUIRE(rig.ask("06 22") == "00");
    rig.pass(9900ms);
    CHECK(rig.bmc.outbox.empty());
    rig.pass(100ms);
    const bmc::SetPower action = only_power(rig);
    CHECK(action.action == row.action);
    CHECK(action.cause == bmc::RestartCause::watchdog);
    CHECK(newest_event(rig) == row.event);
    CHECK_FALSE(rig.bmc.watchdog.running());
}

TEST_CASE("Get Watchdog Timer tells settings, countdown and expirations") {
    Rig rig;
    REQUIRE(rig.ask("06 24 84 22 05 00 2c 01") == "00"); // don't log, NMI 5 s ahead, 30 s
    CHECK(rig.ask("06 25") == "00 84 22 05 00 2c 01 2c 01");
    REQUIRE(rig.ask("06 22") == "00");
    rig.pass(10s);
    CHECK(rig.ask("06 25") == "00 c4 22 05 00 2c 01 c8 00");
    rig.pass(20s);
    CHECK(rig.ask("06 25") == "00 84 22 05 10 2c 01 2c 01"); // SMS/OS expired
    CHECK(rig.bmc.sel.size() == 0);                          // "don't log"
    REQUIRE(rig.ask("06 24 84 22 05 10 2c 01") == "00");     // clears that flag
    CHECK(rig.ask("06 25") == "00 84 22 05 00 2c 01 2c 01");
}

TEST_CASE("the pre-timeout interrupt comes ahead, and from then on only Set stops the timer") {
    Rig rig;
    rig.see(bmc::PowerState::on);
    REQUIRE(rig.ask("06 24 04 21 05 00 64 00") == "00"); // NMI 5 s before a reset at 10 s
    REQUIRE(rig.ask("06 22") == "00");
    rig.pass(5s);
    CHECK(only_power(rig).action == bmc::PowerAction::diag);
    CHECK(newest_event(rig) == "23 03 6f c8 24 ff");
    REQUIRE(rig.ask("06 22") == "00"); // too late (§27.5)
    rig.pass(5s);
    CHECK(only_power(rig).action == bmc::PowerAction::reset);

    REQUIRE(rig.ask("06 22") == "00");
    rig.pass(6s);
    rig.take<bmc::SetPower>();
    REQUIRE(rig.ask("06 24 04 21 05 00 64 00") == "00");
    rig.pass(60s);
    CHECK(rig.bmc.outbox.empty());
}

TEST_CASE("a messaging interrupt raises the message flag, and Set clears it") {
    Rig rig;
    REQUIRE(rig.ask("06 24 04 30 05 00 64 00") == "00");
    REQUIRE(rig.ask("06 22") == "00");
    rig.pass(5s);
    CHECK(rig.ask("06 31") == "00 08");
    REQUIRE(rig.ask("06 24 04 30 05 00 64 00") == "00");
    CHECK(rig.ask("06 31") == "00 00");
}

TEST_CASE("Set stops the timer unless it is told not to") {
    Rig rig;
    REQUIRE(rig.ask("06 24 04 00 00 00 64 00") == "00");
    REQUIRE(rig.ask("06 22") == "00");
    rig.pass(5s);
    REQUIRE(rig.ask("06 24 44 00 00 00 c8 00") == "00"); // don't stop, 20 s
    CHECK(rig.ask("06 25") == "00 44 00 00 00 c8 00 c8 00");
    REQUIRE(rig.ask("06 24 04 00 00 00 c8 00") == "00");
    CHECK_FALSE(rig.bmc.watchdog.running());
    REQUIRE(rig.ask("06 24 44 00 00 00 c8 00") == "00"); // a stopped one stays stopped
    CHECK_FALSE(rig.bmc.watchdog.running());
}

TEST_CASE("a countdown of zero expires at once; an expired timer can be started again") {
    Rig rig;
    rig.see(bmc::PowerState::on);
    REQUIRE(rig.ask("06 24 04 01 00 00 00 00") == "00");
    REQUIRE(rig.ask("06 22") == "00");
    rig.pass(0s);
    CHECK(only_power(rig).action == bmc::PowerAction::reset);
    REQUIRE(rig.ask("06 22") == "00");
    rig.pass(0s);
    CHECK(only_power(rig).action == bmc::PowerAction::reset);
}

TEST_CASE("a start or a power down of the machine stops the timer") {
    Rig rig;
    rig.see(bmc::PowerState::on);
    REQUIRE(rig.ask("06 24 04 01 00 00 64 00") == "00");
    REQUIRE(rig.ask("06 22") == "00");
    rig.see(bmc::PowerState::off);
    CHECK_FALSE(rig.bmc.watchdog.running());
    rig.see(bmc::PowerState::on);
    REQUIRE(rig.ask("06 22") == "00");
    rig.see(bmc::PowerState::on, true);
    CHECK_FALSE(rig.bmc.watchdog.running());
}

TEST_CASE("settings persist, a countdown does not") {
    Rig rig;
    REQUIRE(rig.ask("06 24 04 01 00 00 64 00") == "00");
    REQUIRE(rig.ask("06 22") == "00");
    Rig other;
    REQUIRE(other.bmc.load(
        bmc::Section::watchdog, rig.bmc.save(bmc::Section::watchdog, rig.now), other.now
    ));
    CHECK(other.ask("06 25") == "00 04 01 00 00 64 00 64 00");
    CHECK(other.ask("06 22") == "00");
}

TEST_CASE("the watchdog's restart is the machine's restart cause") {
    Rig rig;
    rig.see(bmc::PowerState::on);
    REQUIRE(rig.ask("06 24 04 01 00 00 64 00") == "00");
    REQUIRE(rig.ask("06 22") == "00");
    rig.pass(10s);
    rig.done(only_power(rig).ticket);
    CHECK(rig.ask("00 07") == "00 04 00");
}

TEST_CASE("a watchdog over a machine that is off only logs") {
    Rig rig;
    rig.see(bmc::PowerState::off);
    REQUIRE(rig.ask("06 24 04 01 00 00 64 00") == "00");
    REQUIRE(rig.ask("06 22") == "00");
    rig.pass(10s);
    CHECK(rig.bmc.outbox.empty());
    CHECK(newest_event(rig) == "23 03 6f c1 04 ff");
}
