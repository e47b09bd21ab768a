#include "unit/ipmi/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using test::Rig;

TEST_CASE("a text over several blocks reads back and persists") {
    Rig rig;
    // "hypervisor-01.example" (21 characters), UTF-8, as freeipmi writes it.
    CHECK(rig.ask("06 58 00 01") == "00");
    CHECK(rig.ask("06 58 00 01") == "81");
    CHECK(rig.ask("06 58 02 00 01 15 68 79 70 65 72 76 69 73 6f 72 2d 30 31 2e") == "00");
    CHECK(rig.ask("06 58 02 01 65 78 61 6d 70 6c 65 00 00 00 00 00 00 00 00 00") == "00");
    CHECK(rig.ask("06 58 00 00") == "00");
    CHECK(
        rig.bmc.system_info.text(bmc::SystemInfoParameter::system_name) == "hypervisor-01.example"
    );
    CHECK(
        rig.ask("06 59 00 02 00 00") == "00 11 00 01 15 68 79 70 65 72 76 69 73 6f 72 2d 30 31 2e"
    );
    CHECK(
        rig.ask("06 59 00 02 01 00") == "00 11 01 65 78 61 6d 70 6c 65 00 00 00 00 00 00 00 00 00"
    );
    CHECK(rig.bmc.dirty.has(bmc::Section::system));

    Rig other;
    REQUIRE(
        other.bmc.load(bmc::Section::system, rig.bmc.save(bmc::Section::system, rig.now), other.now)
    );
    CHECK(
        other.bmc.system_info.text(bmc::SystemInfoParameter::system_name) == "hypervisor-01.example"
    );
}

TEST_CASE("the OS name is gone with the next start and never saved") {
    Rig rig;
    rig.see(bmc::PowerState::off);
    rig.bmc.dirty.clear();
    CHECK(rig.ask("06 58 04 00 00 02 4f 53") == "00");
    CHECK_FALSE(rig.bmc.dirty.has(bmc::Section::system));
    CHECK(rig.bmc.system_info.text(bmc::SystemInfoParameter::os_name) == "OS");
    Rig other;
    REQUIRE(
        other.bmc.load(bmc::Section::system, rig.bmc.save(bmc::Section::system, rig.now), other.now)
    );
    CHECK(other.bmc.system_info.text(bmc::SystemInfoParameter::os_name).empty());
    rig.see(bmc::PowerState::on);
    CHECK(rig.bmc.system_info.text(bmc::SystemInfoParameter::os_name).empty());
}

TEST_CASE("a text is as long as block 0 said, whatever later blocks bring") {
    Rig rig;
    CHECK(rig.ask("06 58 01 00 00 03 61 62 63 64 65") == "00");
    CHECK(rig.ask("06 58 01 05 66 67") == "00");
    CHECK(rig.bmc.system_info.text(bmc::SystemInfoParameter::firmware_version) == "abc");
    CHECK(rig.ask("06 58 01 00 03 01 61") == "cc"); // encoding 3
    CHECK(rig.ask("06 58 01 11 61") == "cc");       // block 17
    CHECK(rig.ask("06 58 01 00 00") == "cc");       // block 0 without a length
    CHECK(rig.ask("06 58 01 00") == "c7");
}

TEST_CASE("the longest text fills its 17 blocks") {
    Rig rig;
    CHECK(rig.ask("06 58 06 00 00 ff") == "00");
    for (unsigned block = 1; block < 17; ++block) {
        std::vector<u8> request = {0x06, 0x58, 0x06, static_cast<u8>(block)};
        request.insert(request.end(), 16, 'x');
        CHECK(rig.ask_bytes(request) == "00");
    }
    const auto text = rig.bmc.system_info.text(bmc::SystemInfoParameter::bmc_url);
    CHECK(text.size() == 255);
    CHECK(text.back() == 'x');
}
