// DCMI 1.5 and the OEM media requests byte for byte.

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
    made.capabilities.console = true;
    made.mac = {2, 0, 0, 0xaa, 0xbb, 0xcc};
    return made;
}

struct Row {
    const char* name;
    const char* request;
    const char* reply;
};

Rig running() {
    Rig rig(with_sensors());
    rig.see(bmc::PowerState::on);
    for (const double watts : {200.0, 100.0, 150.0}) {
        rig.bmc.observe(
            rig.now,
            bmc::SensorsSeen{
                {{test::power_meter, true, watts},
                 {test::cpu_temperature, true, 45},
                 {test::inlet_temperature, true, -3}}}
        );
    }
    rig.bmc.dirty.clear();
    rig.bmc.outbox.clear();
    return rig;
}

Rig with_media() {
    bmc::Config made = test::config();
    made.capabilities.media = true;
    return Rig(made);
}

std::string ascii(std::string_view text) {
    return " " + test::to_hex(std::vector<u8>(text.begin(), text.end()));
}

} // namespace

TEST_CASE("DCMI commands answer byte for byte") {
    const Row row = GENERATE(values<Row>({
        {"capabilities: supported", "2c 01 dc 01", "00 dc 01 05 02 0f 01 18"},
        {"capabilities: platform", "2c 01 dc 02", "00 dc 01 05 02 00 92 05 03 05"},
        {"capabilities: power", "2c 01 dc 03", "00 dc 01 05 02 20 00"},
        {"capabilities: access", "2c 01 dc 04", "00 dc 01 05 02 01 ff ff"},
        {"capabilities: statistics", "2c 01 dc 05", "00 dc 01 05 02 00"},
        {"capabilities: unknown", "2c 01 dc 06", "c9"},
        {"power reading",
         "2c 02 dc 01 00 00",
         "00 dc 96 00 64 00 c8 00 96 00 00 d2 49 6b 00 00 00 00 40"},
        {"power reading, enhanced", "2c 02 dc 02 01 00", "cc"},
        {"get power limit", "2c 03 dc 00 00", "80"},
        {"set power limit", "2c 04 dc 00 00 00 01 f4 01 e8 03 00 00 00 00 0a 00", "d5"},
        {"activate power limit", "2c 05 dc 01 00 00", "d5"},
        {"deactivate power limit", "2c 05 dc 00 00 00", "00 dc"},
        {"asset tag, empty", "2c 06 dc 00 10", "00 dc 00"},
        {"asset tag, behind the end", "2c 06 dc 01 10", "c9"},
        {"asset tag, too much", "2c 06 dc 00 11", "c9"},
        {"sensor info: CPU", "2c 07 dc 01 41 00 00", "00 dc 01 01 0a 00"},
        {"sensor info: inlet by its IPMI entity", "2c 07 dc 01 37 01 00", "00 dc 01 01 0e 00"},
        {"sensor info: baseboard", "2c 07 dc 01 42 00 00", "00 dc 00 00"},
        {"sensor info: other instance", "2c 07 dc 01 41 02 00", "00 dc 01 00"},
        {"controller id",
         "2c 09 dc 00 10",
         "00 dc 10 44 43 4d 49 30 32 30 30 30 30 61 61 62 62 63 63"},
        {"controller id, part", "2c 09 dc 04 04", "00 dc 10 30 32 30 30"},
        {"temperatures: CPU", "2c 10 dc 01 41 00 01", "00 dc 01 01 2d 01"},
        {"temperatures: inlet, below zero", "2c 10 dc 01 40 00 01", "00 dc 01 01 83 01"},
        {"temperatures: not a temperature", "2c 10 dc 04 41 00 01", "cc"},
        {"configuration: discovery", "2c 13 dc 02 00", "00 dc 01 05 01 00"},
        {"configuration: contact timeout", "2c 13 dc 04 00", "00 dc 01 05 01 78 00"},
        {"configuration: unknown", "2c 13 dc 07 00", "80"},
        {"set configuration: DHCP", "2c 12 dc 01 00 01", "d5"},
        {"set configuration: unknown", "2c 12 dc 00 00 01", "80"},
        {"set configuration: too short", "2c 12 dc 04 00 01", "c7"},
        {"thermal limit", "2c 0c dc 41 01", "c1"},
        {"PICMG", "2c 00 00", "c1"},
        {"VITA", "2c 00 03", "c1"},
        {"HPM.2", "2c 3e 00 02", "c1"},
    }));
    INFO(row.name);
    Rig rig = running();
    CHECK(rig.ask(row.request) == row.reply);
}

TEST_CASE("a node without a power meter has no power reading") {
    Rig rig;
    CHECK(rig.ask("2c 02 dc 01 00 00") == "c1");
    CHECK(rig.ask("2c 01 dc 01") == "00 dc 01 05 02 0f 00 08");
    CHECK(rig.ask("2c 07 dc 01 41 00 00") == "00 dc 00 00");
}

TEST_CASE("the power reading says when there is none now") {
    Rig rig = running();
    rig.see(bmc::PowerState::off);
    rig.pass(std::chrono::milliseconds(2500));
    CHECK(
        rig.ask("2c 02 dc 01 00 00") == "00 dc 00 00 64 00 c8 00 96 00 02 d2 49 6b c4 09 00 00 00"
    );
}

TEST_CASE("an asset tag comes and goes in parts and is kept") {
    Rig rig = running();
    CHECK(rig.ask("2c 08 dc 00 10" + ascii("0123456789abcdef")) == "00 dc 10");
    CHECK(rig.ask("2c 08 dc 10 03" + ascii("xyz")) == "00 dc 13");
    CHECK(rig.ask("2c 06 dc 00 10") == "00 dc 13" + ascii("0123456789abcdef"));
    CHECK(rig.ask("2c 06 dc 10 10") == "00 dc 13" + ascii("xyz"));
    CHECK(rig.ask("2c 06 dc 13 10") == "00 dc 13");
    CHECK(rig.ask("2c 08 dc 00 04" + ascii("new!")) == "00 dc 04"); // ends where the part ends
    CHECK(rig.ask("2c 08 dc 00 04" + ascii("new")) == "c7");
    CHECK(rig.ask("2c 08 dc 05 01" + ascii("x")) == "c9");
    CHECK(rig.ask("2c 08 dc 00 11" + ascii("0123456789abcdefg")) == "c9");
    CHECK(rig.bmc.dirty.has(bmc::Section::system));
    Rig again = running();
    REQUIRE(
        again.bmc.load(bmc::Section::system, rig.bmc.save(bmc::Section::system, rig.now), rig.now)
    );
    CHECK(again.ask("2c 06 dc 00 10") == "00 dc 04" + ascii("new!"));
}

TEST_CASE("an asset tag ends at 63 bytes, a controller id at 64") {
    Rig rig;
    const std::string part = ascii("0123456789abcdef");
    for (const char* at : {"00", "10", "20"}) {
        CHECK(rig.ask(std::string("2c 08 dc ") + at + " 10" + part).substr(0, 5) == "00 dc");
        CHECK(rig.ask(std::string("2c 0a dc ") + at + " 10" + part).substr(0, 5) == "00 dc");
    }
    CHECK(rig.ask("2c 08 dc 30 10" + part) == "c9");
    CHECK(rig.ask("2c 08 dc 30 0f" + ascii("0123456789abcde")) == "00 dc 3f");
    CHECK(rig.ask("2c 0a dc 30 10" + part) == "00 dc 40");
    CHECK(rig.ask("2c 09 dc 30 10") == "00 dc 40" + part);
}

TEST_CASE("a controller id ends at its null byte") {
    Rig rig;
    CHECK(rig.ask("2c 0a dc 00 05 6e 6f 64 65 00") == "00 dc 05");
    CHECK(rig.ask("2c 09 dc 00 10") == "00 dc 04 6e 6f 64 65");
    CHECK(rig.ask("2c 0a dc 00 01 00") == "00 dc 01"); // back to the default
    CHECK(rig.ask("2c 09 dc 00 04").substr(0, 17) == "00 dc 10 44 43 4d");
}

TEST_CASE("DCMI configuration reads back as set") {
    Rig rig;
    CHECK(rig.ask("2c 12 dc 02 00 81") == "00 dc");
    CHECK(rig.ask("2c 12 dc 03 00 09") == "00 dc");
    CHECK(rig.ask("2c 12 dc 04 00 34 12") == "00 dc");
    CHECK(rig.ask("2c 12 dc 05 00 78 56") == "00 dc");
    CHECK(rig.ask("2c 13 dc 02 00") == "00 dc 01 05 01 81");
    CHECK(rig.ask("2c 13 dc 03 00") == "00 dc 01 05 01 09");
    CHECK(rig.ask("2c 13 dc 04 00") == "00 dc 01 05 01 34 12");
    CHECK(rig.ask("2c 13 dc 05 00") == "00 dc 01 05 01 78 56");
}

TEST_CASE("media requests are unknown where the backend has no media") {
    Rig rig;
    for (const char* request : {"3c 00", "3c 01 61", "3c 02", "3c 03"}) {
        CHECK(rig.ask(request) == "c1");
    }
    CHECK(rig.ask("30 70 0c 00") == "c1");
    CHECK(rig.bmc.outbox.empty());
}

TEST_CASE("an image is named, inserted, asked for and ejected") {
    Rig rig = with_media();
    CHECK(rig.ask("3c 03") == "00 01");
    CHECK(rig.ask("3c 02") == "d5");
    CHECK(rig.ask("3c 01" + ascii("http://10.0.0.1/boot.iso") + " 00") == "00");
    CHECK(rig.ask("3c 02 01") == "00");
    const auto inserted = rig.take<bmc::InsertMedia>();
    REQUIRE(inserted.size() == 1);
    CHECK(inserted[0].image == "http://10.0.0.1/boot.iso");
    CHECK_FALSE(inserted[0].writable);
    rig.bmc.observe(rig.now, bmc::MediaSeen{true});
    CHECK(rig.ask("3c 03") == "00 00");
    CHECK(rig.ask("3c 00") == "00");
    CHECK(rig.take<bmc::EjectMedia>().size() == 1);
    CHECK(rig.ask("3c 02") == "d5");
}

TEST_CASE("host and path come apart; what is no image is refused") {
    Rig rig = with_media();
    CHECK(rig.ask("3c 01 00" + ascii("10.0.0.1") + " 00") == "00");
    CHECK(rig.ask("3c 01 01" + ascii("/iso/a.iso") + " 00") == "00");
    CHECK(rig.ask("3c 01 02 00") == "00"); // no user
    CHECK(rig.ask("3c 01 03" + ascii("secret")) == "cc");
    CHECK(rig.ask("3c 02") == "00");
    CHECK(rig.take<bmc::InsertMedia>().at(0).image == "nfs://10.0.0.1/iso/a.iso");
    CHECK(rig.ask("3c 01") == "c7");
    CHECK(rig.ask("3c 01 61 0a 62") == "cc");
    for (const char* image : {"/etc/shadow", "../vbmcd.db", "file:///etc/shadow", "C:\\boot.iso"}) {
        INFO(image);
        CHECK(rig.ask("3c 01" + ascii(image)) == "00");
        CHECK(rig.ask("3c 02") == "cc");
    }
    CHECK(rig.ask("3c 01" + ascii("debian-12.iso")) == "00");
    CHECK(rig.ask("3c 02") == "00");
    CHECK(rig.take<bmc::InsertMedia>().size() == 1);
}
