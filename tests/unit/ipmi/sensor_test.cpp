// Sensor/Event commands (IPMI 2.0 §29, §30, §35) byte for byte.

#include "support/sensors.h"
#include "unit/ipmi/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using test::Rig;

namespace {

bmc::Config with_sensors() {
    bmc::Config made = test::config();
    made.sensors = test::test_sensors();
    made.capabilities.sensors = true;
    return made;
}

struct Row {
    const char* name;
    const char* request;
    const char* reply;
};

/// A node that is on, with readings.
Rig running() {
    Rig rig(with_sensors());
    rig.see(bmc::PowerState::on);
    rig.bmc.observe(
        rig.now,
        bmc::SensorsSeen{
            {{test::cpu_temperature, true, 85},
             {test::fan, true, 3000},
             {test::power_meter, true, 200},
             {test::health, true, 2}}}
    );
    rig.bmc.sel.clear(rig.now);
    rig.bmc.dirty.clear();
    return rig;
}

} // namespace

TEST_CASE("Sensor commands answer byte for byte") {
    const Row row = GENERATE(values<Row>({
        {"Get Event Receiver", "04 01", "00 20 00"},
        {"Set Event Receiver", "04 00 ff 00", "00"},
        {"Set Event Receiver, odd address", "04 00 21 00", "cc"},
        {"Platform Event, unknown revision", "04 02 05 01 10 01 57 50 50", "cc"},
        {"Get Device SDR Info, sensors", "04 20", "00 0c 01"},
        {"Get Device SDR Info, records", "04 20 01", "00 0e 01"},
        {"Reserve Device SDR", "04 22", "00 01 00"},
        {"Get Device SDR, first bytes", "04 21 00 00 00 00 00 05", "00 02 00 01 00 51 12 10"},
        {"Get Device SDR, rest unreserved", "04 21 00 00 00 00 05 05", "c5"},
        {"Get Sensor Reading Factors", "04 23 11 0a", "00 0a 32 00 00 00 00 00"},
        {"Get Sensor Reading Factors, discrete", "04 23 01 00", "cd"},
        {"Get Sensor Hysteresis", "04 25 10 ff", "00 02 02"},
        {"Get Sensor Hysteresis, discrete", "04 25 13 ff", "cd"},
        {"Set Sensor Hysteresis", "04 24 10 ff 03 04", "00"},
        {"Set Sensor Hysteresis, no sensor", "04 24 50 ff 03 04", "cb"},
        {"Get Sensor Thresholds", "04 27 10", "00 3f 05 00 f6 50 5a 64"},
        {"Get Sensor Thresholds, one", "04 27 11", "00 02 00 0a 00 00 00 00"},
        {"Get Sensor Thresholds, discrete", "04 27 02", "cd"},
        {"Get Sensor Thresholds, no sensor", "04 27 ff", "cb"},
        {"Set Sensor Thresholds", "04 26 10 08 00 00 00 46 00 00", "00"},
        {"Set Sensor Thresholds, one it has not", "04 26 11 01 00 00 00 00 00 00", "cc"},
        {"Get Sensor Event Enable", "04 29 10", "00 c0 95 0a 95 0a"},
        {"Get Sensor Event Enable, events only", "04 29 05", "00 c0 ff 00 ff 00"},
        {"Set Sensor Event Enable, reserved", "04 28 10 f0", "cc"},
        {"Re-arm Sensor Events", "04 2a 10 00", "00"},
        {"Re-arm Sensor Events, no sensor", "04 2a 60 00", "cb"},
        {"Get Sensor Event Status", "04 2b 10", "00 c0 80 00 00 00"},
        {"Get Sensor Event Status, never read", "04 2b 14", "00 e0 00 00 00 00"},
        {"Get Sensor Reading, threshold", "04 2d 10", "00 55 c0 c8"},
        {"Get Sensor Reading, unsigned", "04 2d 11", "00 3c c0 c0"},
        {"Get Sensor Reading, discrete", "04 2d 13", "00 00 c0 02 80"},
        {"Get Sensor Reading, power unit", "04 2d 01", "00 00 c0 00 80"},
        {"Get Sensor Reading, never read", "04 2d 14", "00 00 e0 c0"},
        {"Get Sensor Reading, events only", "04 2d 05", "cd"},
        {"Get Sensor Reading, no sensor", "04 2d 30", "cb"},
        {"Set Sensor Type", "04 2e 10 01 01", "cd"},
        {"Set Sensor Type, no sensor", "04 2e 30 01 01", "cb"},
        {"Get Sensor Type", "04 2f 10", "00 01 01"},
        {"Get Sensor Type, boot", "04 2f 05", "00 1d 6f"},
        {"Set Sensor Reading", "04 30 10 01 55", "cd"},
        {"Set Sensor Reading, no sensor", "04 30 30 01 55", "cb"},
        {"Get PEF Capabilities", "04 10", "00 51 2e 10"},
        {"Arm PEF Postpone Timer", "04 11 3c", "00 3c"},
        {"Arm PEF Postpone Timer, ask", "04 11 ff", "00 00"},
        {"Get Last Processed Event", "04 15", "00 00 d2 49 6b ff ff ff ff ff ff"},
        {"Alert Immediate", "04 16 01 00 00", "cb"},
        {"Alert Immediate, status", "04 16 0e 40 00", "00 00"},
        {"Alert Immediate, clear status", "04 16 0e 80 00", "00"},
        {"Alert Immediate, no channel", "04 16 03 00 00", "cc"},
        {"PET Acknowledge", "04 17 01 00 00 00 00 00 00 00 00 00 00 00", "00"},
    }));
    INFO(row.name);
    Rig rig = running();
    CHECK(rig.ask(row.request) == row.reply);
}

TEST_CASE("PEF parameters read, write and refuse") {
    const Row row = GENERATE(values<Row>({
        {"revision only", "04 13 85 00 00", "00 11"},
        {"set in progress", "04 13 00 00 00", "00 11 00"},
        {"control", "04 13 01 00 00", "00 11 00"},
        {"number of filters", "04 13 05 00 00", "00 11 10"},
        {"filter 0", "04 13 06 00 00", "c9"},
        {"filter 17", "04 13 06 11 00", "c9"},
        {"filter's first byte", "04 13 07 10 00", "00 11 10 00"},
        {"number of policies", "04 13 08 00 00", "00 11 00"},
        {"a policy", "04 13 09 01 00", "c9"},
        {"GUID", "04 13 0a 00 00", "00 11 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"},
        {"unknown", "04 13 60 00 00", "80"},
        {"set number of filters", "04 12 05 01", "82"},
        {"set unknown", "04 12 60 01", "80"},
        {"set control, too long", "04 12 01 01 00", "c7"},
        {"set a policy", "04 12 09 01 18 11 00", "c9"},
        {"set filter, too short", "04 12 06 01 80", "c7"},
    }));
    INFO(row.name);
    Rig rig;
    CHECK(rig.ask(row.request) == row.reply);
    CHECK(rig.bmc.dirty.empty());
}

TEST_CASE("PEF filters read back as written") {
    Rig rig;
    CHECK(rig.ask("04 12 00 01") == "00");
    CHECK(rig.ask("04 12 00 01") == "81");
    CHECK(
        rig.ask("04 12 06 02 80 02 01 10 ff ff 01 ff ff ff ff 00 00 00 00 00 00 00 00 00") == "00"
    );
    CHECK(
        rig.ask("04 13 06 02 00") ==
        "00 11 02 80 02 01 10 ff ff 01 ff ff ff ff 00 00 00 00 00 00 00 00 00"
    );
    CHECK(rig.ask("04 12 07 02 00") == "00");
    CHECK(rig.ask("04 13 07 02 00") == "00 11 02 00");
    CHECK(rig.ask("04 12 01 03") == "00");
    CHECK(rig.ask("04 13 01 00 00") == "00 11 03");
    CHECK(rig.ask("04 12 02 ff") == "00");
    CHECK(rig.ask("04 13 02 00 00") == "00 11 2e"); // no alerts
    CHECK(rig.ask("04 12 00 00") == "00");
    CHECK(rig.ask("04 13 00 00 00") == "00 11 00");
    CHECK(rig.bmc.dirty.has(bmc::Section::channel));
}

TEST_CASE("a platform event goes to the SEL with its sender") {
    Rig rig = running();
    CHECK(rig.ask("04 02 04 01 10 81 57 50 51") == "00");
    REQUIRE(rig.bmc.sel.size() == 1);
    const auto& record = rig.bmc.sel.records().front();
    CHECK(test::to_hex(Bytes(record).subspan(7)) == "81 00 04 01 10 81 57 50 51");
    CHECK(rig.bmc.dirty.has(bmc::Section::sel));
    CHECK(rig.ask("04 14 00 01 00") == "00");
    CHECK(rig.ask("04 14 01 02 00") == "00");
    CHECK(rig.ask("04 15") == "00 00 d2 49 6b 01 00 01 00 02 00");
}

TEST_CASE("thresholds, hysteresis and enables read back as set and are kept") {
    Rig rig = running();
    CHECK(rig.ask("04 26 10 28 01 02 03 46 05 6e") == "00"); // the two that the mask names
    CHECK(rig.ask("04 27 10") == "00 3f 05 00 f6 46 5a 6e");
    CHECK(rig.ask("04 24 10 ff 07 08") == "00");
    CHECK(rig.ask("04 25 10 ff") == "00 07 08");
    CHECK(rig.ask("04 28 10 e0 80 00 00 02") == "00"); // disable these
    CHECK(rig.ask("04 29 10") == "00 c0 15 0a 95 08");
    CHECK(rig.ask("04 28 10 d0 80 ff") == "00"); // enable, deassertions left out
    CHECK(rig.ask("04 29 10") == "00 c0 95 0a 95 08");
    CHECK(rig.ask("04 28 10 00") == "00"); // all events and scanning off
    CHECK(rig.ask("04 29 10") == "00 00 95 0a 95 08");
    CHECK(rig.ask("04 2d 10").substr(0, 8) == "00 55 00");
    CHECK(rig.bmc.dirty.has(bmc::Section::sensors));
}

TEST_CASE("an old reading waits for a fresh one, once for all readers") {
    Rig rig = running();
    rig.bmc.outbox.clear();
    CHECK(rig.ask("04 2d 11") == "00 3c c0 c0");
    CHECK(rig.take<bmc::RefreshSensors>().empty());
    rig.pass(std::chrono::seconds(6));
    CHECK(rig.ask("04 2d 11") == "defer");
    const bmc::Ticket ticket = rig.ticket;
    CHECK(rig.ask("04 2b 10") == "defer");
    CHECK(rig.ticket == ticket);
    CHECK(rig.take<bmc::RefreshSensors>().size() == 1);
    rig.bmc.observe(rig.now, bmc::SensorsSeen{{{test::fan, true, 4000}}});
    CHECK(rig.bmc.sensors.take_refresh() == ticket);
    const ipmi::Completion completion{bmc::Outcome::ok, false};
    CHECK(rig.ask("04 2d 11", &completion) == "00 50 c0 c0");
    CHECK(rig.ask("04 2d 11") == "00 50 c0 c0");
    CHECK(rig.bmc.sensors.take_refresh() == 0);
}

TEST_CASE("a backend that does not tell holds a reader up once in a while, not each time") {
    Rig rig = running();
    rig.pass(std::chrono::seconds(6));
    CHECK(rig.ask("04 2d 11") == "defer");
    const ipmi::Completion timed_out{bmc::Outcome::ok, true};
    rig.pass(rig.bmc.config.confirm_window);
    CHECK(rig.ask("04 2d 11", &timed_out) == "00 3c c0 c0"); // the last one is young enough
    CHECK(rig.ask("04 2d 10") == "00 55 c0 c8");
    rig.pass(std::chrono::seconds(60));
    CHECK(rig.ask("04 2d 11") == "defer");
    CHECK(rig.ask("04 2d 11", &timed_out) == "00 3c e0 c0"); // not any more
}

TEST_CASE("nobody waits for what has no reading while the node is off") {
    Rig rig = running();
    rig.see(bmc::PowerState::off);
    rig.pass(std::chrono::seconds(6));
    CHECK(rig.ask("04 2d 11") == "00 3c e0 c0");
    CHECK(rig.ask("04 2d 14") == "defer");
}

TEST_CASE("the power unit's state waits for a look at the power") {
    Rig rig = running();
    CHECK(rig.ask("04 2d 01") == "00 00 c0 00 80");
    rig.pass(std::chrono::seconds(3));
    rig.bmc.outbox.clear();
    CHECK(rig.ask("04 2d 01") == "defer");
    CHECK(rig.take<bmc::RefreshPower>().size() == 1);
    rig.see(bmc::PowerState::off);
    const ipmi::Completion completion{bmc::Outcome::ok, false};
    CHECK(rig.ask("04 2d 01", &completion) == "00 00 c0 01 80");
    rig.pass(std::chrono::seconds(61));
    CHECK(rig.ask("04 2d 01", &completion) == "00 00 e0 00 80"); // too old to be told
}

TEST_CASE("device SDRs have a reservation of their own") {
    Rig rig = running();
    CHECK(rig.ask("04 22") == "00 01 00");
    CHECK(rig.ask("0a 22") == "00 01 00");
    CHECK(rig.ask("04 22") == "00 02 00");
    CHECK(rig.ask("0a 23 01 00 01 00 05 03") == "00 02 00 20 00 00");
    CHECK(rig.ask("04 21 01 00 01 00 05 03") == "c5");
    CHECK(rig.ask("04 21 02 00 01 00 05 03") == "00 02 00 20 00 00");
}
