#include "unit/ipmi/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using test::Rig;

namespace {

struct Row {
    const char* name;
    const char* request;
    const char* reply;
};

} // namespace

TEST_CASE("App commands answer a fresh controller byte for byte") {
    const Row row = GENERATE(values<Row>({
        {"Get Device ID", "06 01", "00 20 81 01 23 02 9f 00 00 00 01 00 00 00 00 00"},
        {"Cold Reset", "06 02", "00"},
        {"Warm Reset", "06 03", "00"},
        {"Get Self Test Results", "06 04", "00 55 00"},
        {"Set ACPI Power State", "06 06 83 82", "00"},
        {"Set ACPI Power State, reserved", "06 06 8b 80", "cc"},
        {"Get ACPI Power State, unknown power", "06 07", "00 2a 2a"},
        {"Get Device GUID", "06 08", "00 a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 aa ab ac ad ae af"},
        {"Reset Watchdog, never set", "06 22", "80"},
        {"Set Watchdog", "06 24 04 01 00 3e 64 00", "00"},
        {"Set Watchdog, use 0", "06 24 00 01 00 00 64 00", "cc"},
        {"Set Watchdog, use 6", "06 24 06 01 00 00 64 00", "cc"},
        {"Set Watchdog, action 4", "06 24 04 04 00 00 64 00", "cc"},
        {"Set Watchdog, SMI", "06 24 04 11 00 00 64 00", "cc"},
        {"Get Watchdog", "06 25", "00 00 00 00 00 00 00 00 00"},
        {"Set BMC Global Enables", "06 2e 0c", "00"},
        {"Set BMC Global Enables, reserved", "06 2e 1c", "cc"},
        {"Get BMC Global Enables", "06 2f", "00 08"},
        {"Clear Message Flags", "06 30 ff", "00"},
        {"Get Message Flags", "06 31", "00 00"},
        {"Enable Message Channel Receive, get", "06 32 0e 02", "00 01 00"},
        {"Enable Message Channel Receive, on", "06 32 01 01", "d5"},
        {"Enable Message Channel Receive, no channel", "06 32 04 02", "cc"},
        {"Get Message", "06 33", "80"},
        {"Send Message to nobody", "06 34 40 72 1c 72 20 04 01 db", "83"},
        {"Read Event Message Buffer", "06 35", "80"},
        {"Get BT Interface Capabilities", "06 36", "cb"},
        {"Master Write-Read", "06 52 00 a0 01 00", "83"},
        {"Get System Interface Capabilities, KCS", "06 57 01", "cb"},
        {"Get System Interface Capabilities, reserved", "06 57 03", "cc"},
        {"Set Channel Access, stored and active", "06 40 01 42 43", "00"},
        {"Set Channel Access, no channel", "06 40 02 82 84", "cc"},
        {"Set Channel Access, disabled", "06 40 01 80 84", "83"},
        {"Set Channel Access, reserved target", "06 40 01 c2 00", "cc"},
        {"Set Channel Access, limit 0", "06 40 01 00 80", "cc"},
        {"Get Channel Access, stored", "06 41 0e 40", "00 22 04"},
        {"Get Channel Access, active", "06 41 01 80", "00 22 04"},
        {"Get Channel Access, reserved", "06 41 01 00", "cc"},
        {"Get Channel Info, current", "06 42 0e", "00 01 04 01 80 f2 1b 00 00 00"},
        {"Get Channel Info, no channel", "06 42 00", "cc"},
        {"Get Channel Info, system interface", "06 42 0f", "cc"},
        {"Get Channel Payload Support", "06 4e 0e", "00 03 00 3f 00 00 00 00 00"},
        {"Get Channel Payload Version, SOL", "06 4f 0e 01", "00 10"},
        {"Get Channel Payload Version, RAKP 1", "06 4f 01 12", "00 10"},
        {"Get Channel Payload Version, OEM", "06 4f 01 20", "80"},
        {"Get Channel OEM Payload Info", "06 50 01 20 00 00 00 00 00", "80"},
        {"Set User Access", "06 43 91 02 04", "00"},
        {"Set User Access, null user", "06 43 91 01 04", "cc"},
        {"Set User Access, user 0", "06 43 91 00 04", "cc"},
        {"Set User Access, user 17", "06 43 91 11 04", "c9"},
        {"Set User Access, limit 0", "06 43 91 02 00", "cc"},
        {"Set User Access, no channel", "06 43 92 02 04", "cc"},
        {"Get User Access, null user", "06 44 0e 01", "00 10 80 01 0f"},
        {"Get User Access, empty slot", "06 44 01 02", "00 10 80 01 0f"},
        {"Get User Access, user 0", "06 44 01 00", "cc"},
        {"Get User Access, user 17", "06 44 01 11", "c9"},
        {"Set User Name", "06 45 02 61 64 6d 69 6e 00 00 00 00 00 00 00 00 00 00 00", "00"},
        {"Set User Name, null user",
         "06 45 01 61 64 6d 69 6e 00 00 00 00 00 00 00 00 00 00 00",
         "cc"},
        {"Get User Name, empty slot",
         "06 46 02",
         "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"},
        {"Get User Name, user 0", "06 46 00", "cc"},
        {"Set User Password, disable", "06 47 02 00", "00"},
        {"Set User Password, null user", "06 47 01 01", "cc"},
        {"Set User Payload Access", "06 4c 01 02 02 00 00 00", "00"},
        {"Set User Payload Access, reserved", "06 4c 01 82 02 00 00 00", "cc"},
        {"Get User Payload Access, empty slot", "06 4d 01 02", "00 00 00 00 00"},
        {"Set Channel Security Keys, K_r", "06 56 01 00 00", "84"},
        {"Set Channel Security Keys, read K_g",
         "06 56 01 00 01",
         "00 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"},
        {"Set Channel Security Keys, short", "06 56 01 01 01 31", "81"},
        {"Set Channel Security Keys, no channel", "06 56 03 00 01", "cc"},
        {"Set System Info, set in progress", "06 58 00 01", "00"},
        {"Set System Info, unknown", "06 58 08 00", "80"},
        {"Get System Info, revision", "06 59 80 01 00 00", "00 11"},
        {"Get System Info, set in progress", "06 59 00 00 00 00", "00 11 00"},
        {"Get System Info, empty text",
         "06 59 00 02 00 00",
         "00 11 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"},
        {"Get System Info, block 17", "06 59 00 02 11 00", "c9"},
        {"Get System Info, unknown", "06 59 00 c0 00 00", "80"},
    }));
    INFO(row.name);
    Rig rig;
    CHECK(rig.ask(row.request) == row.reply);
}

TEST_CASE("ACPI state follows the power until software says otherwise, and again after a change") {
    Rig rig;
    rig.see(bmc::PowerState::on);
    CHECK(rig.ask("06 07") == "00 00 00");
    CHECK(rig.ask("06 06 83 82") == "00"); // S3, D2
    CHECK(rig.ask("06 07") == "00 03 02");
    CHECK(rig.ask("06 06 7f 7f") == "00"); // nothing to set
    CHECK(rig.ask("06 06 ff ff") == "00"); // "no change"
    CHECK(rig.ask("06 07") == "00 03 02");
    rig.see(bmc::PowerState::off);
    CHECK(rig.ask("06 07") == "00 06 03");
}

TEST_CASE("a controller reset is asked for, and touches no power") {
    for (const char* request : {"06 02", "06 03"}) {
        Rig rig;
        CHECK(rig.ask(request) == "00");
        CHECK(rig.bmc.reset_requested);
        CHECK(rig.bmc.outbox.empty());
    }
}

TEST_CASE("a restart of the controller forgets what is volatile") {
    Rig rig;
    REQUIRE(rig.ask("06 40 01 00 83") == "00"); // active limit: operator
    REQUIRE(rig.ask("00 08 00 01") == "00");
    REQUIRE(rig.ask("06 58 00 01") == "00");
    REQUIRE(rig.ask("06 24 04 01 00 00 64 00") == "00");
    REQUIRE(rig.ask("06 22") == "00");
    REQUIRE(rig.ask("06 02") == "00");
    rig.bmc.restart_controller(rig.now);
    CHECK_FALSE(rig.bmc.reset_requested);
    CHECK(rig.ask("06 41 01 80") == "00 22 04");
    CHECK(rig.ask("00 09 00 00 00") == "00 01 00 00");
    CHECK(rig.ask("06 59 00 00 00 00") == "00 11 00");
    CHECK_FALSE(rig.bmc.watchdog.running());
    CHECK(rig.bmc.outbox.empty());
}

TEST_CASE("channel access has a stored and an active side") {
    Rig rig;
    CHECK(rig.ask("06 40 01 42 43") == "00"); // stored: always, alerting enabled, operator
    CHECK(rig.ask("06 41 01 40") == "00 02 03");
    CHECK(rig.ask("06 41 01 80") == "00 22 04");
    CHECK(rig.bmc.dirty.has(bmc::Section::channel));
    CHECK(rig.ask("06 40 01 00 82") == "00"); // active: limit only
    CHECK(rig.ask("06 41 01 80") == "00 22 02");
    CHECK(rig.bmc.channel.active.limit == bmc::Privilege::user);
}

TEST_CASE("K_g is set, read, locked") {
    Rig rig;
    const std::string key = "30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49";
    CHECK(rig.ask("06 56 01 01 01 " + key) == "00 02");
    CHECK(rig.bmc.users.has_kg());
    CHECK(rig.bmc.dirty.has(bmc::Section::users));
    CHECK(rig.ask("06 56 01 00 01") == "00 02 " + key);
    CHECK(rig.ask("06 56 01 01 01 " + key + " 50") == "82");
    CHECK(rig.ask("06 56 01 00 01 00") == "c7");
    CHECK(rig.ask("06 56 01 02 01") == "00 01");
    CHECK(rig.ask("06 56 01 00 01") == "00 01");
    CHECK(rig.ask("06 56 01 01 01 " + key) == "80");
}

TEST_CASE("the event message buffer holds one event while it is enabled") {
    Rig rig;
    rig.see(bmc::PowerState::on);
    rig.see(bmc::PowerState::off);
    CHECK(rig.ask("06 31") == "00 00"); // not enabled
    CHECK(rig.ask("06 2e 0c") == "00");
    rig.see(bmc::PowerState::on);
    CHECK(rig.ask("06 31") == "00 02");
    const std::string event = rig.ask("06 35");
    CHECK(event.substr(0, 2) == "00");
    CHECK(event.size() == 17 * 3 - 1);
    CHECK(rig.ask("06 31") == "00 00");
    CHECK(rig.ask("06 35") == "80");
}

TEST_CASE("without event logging the log stays as it is") {
    Rig rig;
    rig.see(bmc::PowerState::on);
    REQUIRE(rig.ask("06 2e 00") == "00");
    rig.see(bmc::PowerState::off);
    CHECK(rig.bmc.sel.size() == 0);
}
