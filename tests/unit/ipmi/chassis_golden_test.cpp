#include "unit/ipmi/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace std::chrono_literals;
using test::Rig;

namespace {

struct Row {
    const char* name;
    const char* request;
    const char* reply;
};

} // namespace

TEST_CASE("Chassis commands answer a controller of a machine that is on") {
    const Row row = GENERATE(values<Row>({
        {"Get Chassis Capabilities", "00 00", "00 00 20 20 20 20 20"},
        {"Get Chassis Status", "00 01", "00 01 00 40 f0"},
        {"Chassis Control, off", "00 02 00", "defer"},
        {"Chassis Control, on", "00 02 01", "defer"},
        {"Chassis Control, cycle", "00 02 02", "defer"},
        {"Chassis Control, reset", "00 02 03", "defer"},
        {"Chassis Control, diag", "00 02 04", "defer"},
        {"Chassis Control, soft", "00 02 05", "defer"},
        {"Chassis Control, reserved", "00 02 06", "cc"},
        {"Chassis Reset", "00 03", "defer"},
        {"Chassis Identify", "00 04", "00"},
        {"Chassis Identify, interval", "00 04 1e", "00"},
        {"Chassis Identify, force", "00 04 00 01", "00"},
        {"Set Chassis Capabilities", "00 05 08 20 20 20 20", "00"},
        {"Set Power Restore Policy", "00 06 02", "00 07"},
        {"Set Power Restore Policy, ask", "00 06 03", "00 07"},
        {"Set Power Restore Policy, reserved", "00 06 04", "cc"},
        {"Get System Restart Cause", "00 07", "00 00 00"},
        {"Set Boot Options, flags", "00 08 05 e0 04 00 00 00", "00"},
        {"Set Boot Options, unknown", "00 08 08 00", "80"},
        {"Set Boot Options, OEM", "00 08 60 00", "80"},
        {"Get Boot Options, flags", "00 09 05 00 00", "00 01 05 00 00 00 00 00"},
        {"Get Boot Options, unknown", "00 09 08 00 00", "80"},
        {"Set Front Panel Enables", "00 0a 03", "00"},
        {"Set Power Cycle Interval", "00 0b 05", "00"},
        {"Get POH Counter", "00 0f", "00 3c 00 00 00 00"},
        {"no such command", "00 0e", "c1"},
    }));
    INFO(row.name);
    Rig rig;
    rig.see(bmc::PowerState::on);
    CHECK(rig.ask(row.request) == row.reply);
}

TEST_CASE("chassis capabilities are kept") {
    Rig rig;
    CHECK(rig.ask("00 05 0f 22 24 26 28 2a") == "00");
    CHECK(rig.ask("00 00") == "00 0f 22 24 26 28 2a");
    CHECK(rig.ask("00 05 01 20 20 20 20") == "00"); // the bridge's address stays
    CHECK(rig.ask("00 00") == "00 01 20 20 20 20 2a");
    CHECK(rig.bmc.dirty.has(bmc::Section::power));
}

TEST_CASE("Get Chassis Status shows policy, buttons, and the lock that two of them make") {
    Rig rig;
    rig.see(bmc::PowerState::off);
    REQUIRE(rig.ask("00 06 02") == "00 07");
    CHECK(rig.ask("00 01") == "00 40 00 40 f0");
    REQUIRE(rig.ask("00 06 01") == "00 07");
    REQUIRE(rig.ask("00 06 03") == "00 07"); // only asks
    REQUIRE(rig.ask("00 0a 03") == "00");
    CHECK(rig.ask("00 01") == "00 20 00 42 f3");
}

TEST_CASE("the identify light: seconds, for ever, off") {
    bmc::Config config = test::config();
    config.capabilities.identify = true;
    config.capabilities.pushes_power = true;
    Rig rig(config);
    rig.see(bmc::PowerState::on);

    REQUIRE(rig.ask("00 04") == "00");
    CHECK(rig.ask("00 01") == "00 01 00 50 f0");
    auto lights = rig.take<bmc::Identify>();
    REQUIRE(lights.size() == 1);
    CHECK(lights[0].seconds == 15);
    rig.pass(14s);
    CHECK(rig.ask("00 01") == "00 01 00 50 f0");
    rig.pass(1s);
    CHECK(rig.ask("00 01") == "00 01 00 40 f0");

    REQUIRE(rig.ask("00 04 00 01") == "00"); // xCAT: force wins over the interval
    CHECK(rig.ask("00 01") == "00 01 00 60 f0");
    lights = rig.take<bmc::Identify>();
    REQUIRE(lights.size() == 1);
    CHECK(lights[0].indefinite);
    rig.pass(10min);
    CHECK(rig.ask("00 01") == "00 01 00 60 f0");

    REQUIRE(rig.ask("00 04 ff") == "00");
    CHECK(rig.ask("00 01") == "00 01 00 50 f0");
    REQUIRE(rig.ask("00 04 00") == "00");
    CHECK(rig.ask("00 01") == "00 01 00 40 f0");
}

TEST_CASE("the power-on hours count only time that the machine was on") {
    Rig rig;
    rig.see(bmc::PowerState::on);
    rig.pass(2h);
    rig.see(bmc::PowerState::off);
    rig.pass(5h);
    rig.see(bmc::PowerState::on);
    rig.pass(90min);
    CHECK(rig.ask("00 0f") == "00 3c 03 00 00 00");
}
