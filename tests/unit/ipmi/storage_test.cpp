// Storage commands (IPMI 2.0 §31, §33, §34) byte for byte.

#include "support/sensors.h"
#include "unit/ipmi/rig.h"

#include <catch2/catch.hpp>

#include <numeric>

using namespace vbmc;
using test::Rig;

namespace {

bmc::Config with_sensors() {
    bmc::Config made = test::config();
    made.sensors = test::test_sensors();
    return made;
}

struct Row {
    const char* name;
    const char* request;
    const char* reply;
};

constexpr const char* entry = "00 00 02 00 00 00 00 81 00 04 01 10 01 57 50 50";

/// A log of three entries of a client.
Rig logged() {
    Rig rig(with_sensors());
    for (int i = 0; i < 3; ++i) {
        rig.ask(std::string("0a 44 ") + entry);
    }
    rig.bmc.dirty.clear();
    return rig;
}

std::string hex(unsigned value) {
    const ByteArray<1> byte = {static_cast<u8>(value)};
    return test::to_hex(byte);
}

/// All records, read in parts of `chunk` bytes behind the header, as ipmitool does it.
std::vector<u8> walk_sdrs(Rig& rig, std::size_t chunk) {
    std::vector<u8> all;
    u16 next = 0;
    do {
        const std::string id = hex(next & 0xff) + " " + hex(next >> 8);
        const auto head = test::from_hex(rig.ask("0a 23 01 00 " + id + " 00 05"));
        REQUIRE(head.size() == 8);
        REQUIRE(head[0] == 0);
        all.insert(all.end(), head.begin() + 3, head.end());
        const std::size_t size = 5U + head[7];
        for (std::size_t at = 5; at < size; at += chunk) {
            const std::size_t n = std::min(chunk, size - at);
            const auto part = test::from_hex(rig.ask(
                "0a 23 01 00 " + id + " " + hex(static_cast<unsigned>(at)) + " " +
                hex(static_cast<unsigned>(n))
            ));
            REQUIRE(part.size() == 3 + n);
            all.insert(all.end(), part.begin() + 3, part.end());
        }
        next = static_cast<u16>(head[1] | head[2] << 8);
    } while (next != 0xffff);
    return all;
}

} // namespace

TEST_CASE("SEL commands answer byte for byte") {
    const Row row = GENERATE(values<Row>({
        {"Get SEL Info", "0a 40", "00 51 03 00 d0 1f 00 d2 49 6b ff ff ff ff 0f"},
        {"Get SEL Allocation Info", "0a 41", "00 00 02 10 00 fd 01 fd 01 01"},
        {"Reserve SEL", "0a 42", "00 01 00"},
        {"Get SEL Entry, first",
         "0a 43 00 00 00 00 00 ff",
         "00 02 00 01 00 02 00 d2 49 6b 81 00 04 01 10 01 57 50 50"},
        {"Get SEL Entry, last",
         "0a 43 00 00 ff ff 00 ff",
         "00 ff ff 03 00 02 00 d2 49 6b 81 00 04 01 10 01 57 50 50"},
        {"Get SEL Entry, by id", "0a 43 00 00 02 00 00 03", "00 03 00 02 00 02"},
        {"Get SEL Entry, no such id", "0a 43 00 00 09 00 00 ff", "cb"},
        {"Get SEL Entry, part unreserved", "0a 43 00 00 01 00 04 04", "c5"},
        {"Add SEL Entry", "0a 44 00 00 02 00 00 00 00 20 00 04 01 10 01 57 50 50", "00 04 00"},
        {"Delete SEL Entry, unreserved", "0a 46 00 00 01 00", "c5"},
        {"Clear SEL, unreserved", "0a 47 00 00 43 4c 52 aa", "c5"},
        {"Clear SEL, wrong letters", "0a 47 00 00 43 4c 53 aa", "cc"},
        {"Clear SEL, wrong operation", "0a 47 00 00 43 4c 52 ab", "cc"},
        {"Clear SEL, status", "0a 47 00 00 43 4c 52 00", "00 01"},
        {"Get SEL Time", "0a 48", "00 00 d2 49 6b"},
        {"Set SEL Time", "0a 49 00 00 00 60", "00"},
        {"Get Auxiliary Log Status", "0a 5a 00", "00 ff ff ff ff 00 00 00 00"},
        {"Get Auxiliary Log Status, unknown", "0a 5a 01", "cc"},
        {"Set Auxiliary Log Status", "0a 5b 00 01 00 00 00 02 00 00 00", "00"},
        {"Set Auxiliary Log Status, unknown", "0a 5b 02 01 00 00 00 02 00 00 00", "cc"},
        {"Get SEL Time UTC Offset", "0a 5c", "00 ff 07"},
        {"Set SEL Time UTC Offset", "0a 5d 88 ff", "00"},
        {"Set SEL Time UTC Offset, a day and more", "0a 5d a1 05", "cc"},
    }));
    INFO(row.name);
    Rig rig = logged();
    CHECK(rig.ask(row.request) == row.reply);
}

TEST_CASE("an empty log has no entry") {
    Rig rig;
    CHECK(rig.ask("0a 43 00 00 00 00 00 ff") == "cb");
    CHECK(rig.ask("0a 43 00 00 ff ff 00 ff") == "cb");
    CHECK(rig.ask("0a 40") == "00 51 00 00 00 20 ff ff ff ff ff ff ff ff 0f");
}

TEST_CASE("entries in parts need the reservation, and parts make the whole") {
    Rig rig = logged();
    CHECK(rig.ask("0a 42") == "00 01 00");
    CHECK(rig.ask("0a 43 01 00 01 00 07 04") == "00 02 00 81 00 04 01");
    CHECK(rig.ask("0a 43 01 00 01 00 0c ff") == "00 02 00 01 57 50 50");
    CHECK(rig.ask("0a 43 01 00 01 00 0c 40") == "00 02 00 01 57 50 50");
    CHECK(rig.ask("0a 43 01 00 01 00 10 01") == "c9");
    rig.ask(std::string("0a 44 ") + entry); // somebody adds one
    CHECK(rig.ask("0a 43 01 00 01 00 07 04") == "c5");
}

TEST_CASE("delete and clear work once a reservation") {
    Rig rig = logged();
    CHECK(rig.ask("0a 42") == "00 01 00");
    CHECK(rig.ask("0a 46 01 00 07 00") == "cb");
    CHECK(rig.ask("0a 46 01 00 02 00") == "00 02 00");
    CHECK(rig.bmc.dirty.has(bmc::Section::sel));
    CHECK(rig.ask("0a 46 01 00 03 00") == "c5");
    CHECK(rig.ask("0a 42") == "00 02 00");
    CHECK(rig.ask("0a 47 02 00 43 4c 52 aa") == "00 01");
    CHECK(rig.ask("0a 47 02 00 43 4c 52 00") == "00 01");
    CHECK(rig.ask("0a 47 02 00 43 4c 52 aa") == "c5");
    CHECK(rig.ask("0a 40") == "00 51 00 00 00 20 00 d2 49 6b 00 d2 49 6b 0f");
}

TEST_CASE("an entry comes in parts") {
    Rig rig = logged();
    CHECK(rig.ask("0a 45 01 00 00 00 00 00 00 00 02") == "c5");
    CHECK(rig.ask("0a 42") == "00 01 00");
    CHECK(rig.ask("0a 45 01 00 00 00 00 00 00 00 02 00 00 00 00") == "00 04 00");
    CHECK(rig.ask("0a 45 01 00 04 00 08 00 81") == "cc"); // a gap
    CHECK(rig.ask("0a 45 01 00 05 00 07 00 81") == "cc"); // not the id it was given
    CHECK(rig.ask("0a 45 01 00 04 00 07 00 81 00 04 01 10") == "00 04 00");
    CHECK(rig.ask("0a 45 01 00 04 00 0c 01 01 57 50 50") == "00 04 00");
    CHECK(
        rig.ask("0a 43 00 00 ff ff 00 ff") ==
        "00 ff ff 04 00 02 00 d2 49 6b 81 00 04 01 10 01 57 50 50"
    );
    CHECK(rig.ask("0a 42") == "00 02 00");
    CHECK(rig.ask("0a 45 02 00 00 00 00 01 00 00 02") == "80"); // three bytes are no record
    CHECK(
        rig.ask("0a 45 02 00 00 00 00 00 00 00 02 00 00 00 00 81 00 04 01 10 01 57 50 50 99") ==
        "80"
    );
    CHECK(rig.bmc.sel.size() == 4);
}

TEST_CASE("one clock for log and records") {
    Rig rig;
    CHECK(rig.ask("0a 49 00 00 00 60") == "00");
    CHECK(rig.bmc.dirty.has(bmc::Section::sel));
    rig.pass(std::chrono::seconds(16));
    CHECK(rig.ask("0a 48") == "00 10 00 00 60");
    CHECK(rig.ask("0a 28") == "00 10 00 00 60");
    CHECK(rig.ask("0a 29 00 00 00 50") == "00");
    CHECK(rig.ask("0a 48") == "00 00 00 00 50");
    CHECK(rig.ask("0a 5d 88 ff") == "00");
    CHECK(rig.ask("0a 5c") == "00 88 ff");
    CHECK(rig.ask("0a 5b 00 01 00 00 00 02 00 00 00") == "00");
    CHECK(rig.ask("0a 5a 00") == "00 01 00 00 00 02 00 00 00");
}

TEST_CASE("SDR repository commands answer byte for byte") {
    const Row row = GENERATE(values<Row>({
        {"Get SDR Repository Allocation Info", "0a 21", "00 0e 00 40 00 00 00 00 00 01"},
        {"Reserve SDR Repository", "0a 22", "00 01 00"},
        {"Get SDR, whole controller locator",
         "0a 23 00 00 00 00 00 ff",
         "00 02 00 01 00 51 12 10 20 00 00 9f 00 00 00 06 01 00 c5 76 62 6d 63 64"},
        {"Get SDR, last", "0a 23 00 00 ff ff 00 04", "00 ff ff 0e 00 51 01"},
        {"Get SDR, too much for a message", "0a 23 00 00 0a 00 00 ff", "ca"},
        {"Get SDR, 33 bytes", "0a 23 00 00 0a 00 00 21", "ca"},
        {"Get SDR, no such record", "0a 23 00 00 0f 00 00 05", "cb"},
        {"Get SDR, behind the end", "0a 23 00 00 01 00 ff 01", "c5"},
        {"Get SDR, stale reservation", "0a 23 09 00 00 00 00 05", "c5"},
        {"Add SDR", "0a 24 00 00 51 01 00", "d5"},
        {"Partial Add SDR, unreserved", "0a 25 00 00 00 00 00 00 01", "c5"},
        {"Delete SDR, unreserved", "0a 26 00 00 01 00", "c5"},
        {"Clear SDR Repository, unreserved", "0a 27 00 00 43 4c 52 aa", "c5"},
        {"Clear SDR Repository, wrong letters", "0a 27 00 00 00 4c 52 aa", "cc"},
        {"Get SDR Repository Time", "0a 28", "00 00 d2 49 6b"},
        {"Set SDR Repository Time", "0a 29 00 00 00 60", "00"},
        {"Enter SDR Repository Update Mode", "0a 2a", "d5"},
        {"Exit SDR Repository Update Mode", "0a 2b", "d5"},
        {"Run Initialization Agent", "0a 2c 01", "00 01"},
    }));
    INFO(row.name);
    Rig rig(with_sensors());
    CHECK(rig.ask(row.request) == row.reply);
}

TEST_CASE("the repository cannot be changed, with a reservation either") {
    Rig rig(with_sensors());
    CHECK(rig.ask("0a 22") == "00 01 00");
    CHECK(rig.ask("0a 25 01 00 00 00 00 00 01") == "d5");
    CHECK(rig.ask("0a 26 01 00 01 00") == "d5");
    CHECK(rig.ask("0a 27 01 00 43 4c 52 aa") == "d5");
    CHECK(rig.ask("0a 23 01 00 01 00 15 01") == "c9");
    const auto info = test::from_hex(rig.ask("0a 20"));
    REQUIRE(info.size() == 15);
    CHECK(info[1] == 0x51);
    CHECK(info[2] == 14);
    CHECK(info[14] == 0x03); // allocation info, reserve
}

TEST_CASE("records read in parts of any size are the same records") {
    Rig rig(with_sensors());
    rig.ask("0a 22");
    const auto whole = walk_sdrs(rig, 32);
    CHECK(whole.size() > 500);
    for (std::size_t chunk = 1; chunk < 32; ++chunk) {
        INFO("parts of " << chunk);
        CHECK(walk_sdrs(rig, chunk) == whole);
    }
}

TEST_CASE("FRU commands answer byte for byte") {
    const Row row = GENERATE(values<Row>({
        {"Get FRU Inventory Area Info", "0a 10 00", "00 00 04 00"},
        {"Get FRU Inventory Area Info, other", "0a 10 01", "cb"},
        {"Read FRU Data, header", "0a 11 00 00 00 04", "00 04 01 00 01 07"},
        {"Read FRU Data, other", "0a 11 01 00 00 08", "cb"},
        {"Read FRU Data, nothing", "0a 11 00 00 00 00", "c9"},
        {"Read FRU Data, too much for a message", "0a 11 00 00 00 21", "ca"},
        {"Read FRU Data, as much as it gets", "0a 11 00 00 00 ff", "ca"},
        {"Read FRU Data, behind the end", "0a 11 00 00 04 01", "c9"},
        {"Read FRU Data, over the end", "0a 11 00 fe 03 10", "00 02 00 00"},
        {"Write FRU Data", "0a 12 00 f0 03 01 02 03", "00 03"},
        {"Write FRU Data, other", "0a 12 02 00 00 01", "cb"},
        {"Write FRU Data, over the end", "0a 12 00 fe 03 01 02 03", "c9"},
        {"Write FRU Data, nothing", "0a 12 00 00 00", "c7"},
    }));
    INFO(row.name);
    Rig rig;
    CHECK(rig.ask(row.request) == row.reply);
}

TEST_CASE("FRU bytes read back as written and are kept") {
    Rig rig;
    CHECK(rig.ask("0a 12 00 10 00 aa bb cc") == "00 03");
    CHECK(rig.ask("0a 11 00 0f 00 05").substr(6) == "61 aa bb cc 61");
    CHECK(rig.bmc.dirty.has(bmc::Section::fru));
    Rig again;
    REQUIRE(again.bmc.load(bmc::Section::fru, rig.bmc.save(bmc::Section::fru, rig.now), again.now));
    CHECK(again.ask("0a 11 00 10 00 03") == "00 03 aa bb cc");
}
