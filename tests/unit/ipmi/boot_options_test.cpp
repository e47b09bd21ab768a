#include "unit/ipmi/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace std::chrono_literals;
using bmc::BootDevice;
using bmc::BootRequest;
using test::Rig;

namespace {

std::vector<BootRequest> armed(Rig& rig) {
    std::vector<BootRequest> all;
    for (const auto& intent : rig.take<bmc::SetBoot>()) {
        all.push_back(intent.boot);
    }
    return all;
}

constexpr BootRequest pxe_once{.device = BootDevice::pxe, .persistent = false, .efi = false};
constexpr BootRequest nothing{};
constexpr BootRequest nothing_at_all{.device = BootDevice::none, .persistent = true, .efi = false};

} // namespace

TEST_CASE("Ironic, UEFI: time-out off, then raw boot flags") {
    Rig rig;
    rig.see(bmc::PowerState::off);
    CHECK(rig.ask("00 08 03 08") == "00");
    CHECK(rig.ask("00 08 05 e0 04 00 00 00") == "00");
    CHECK(rig.ask("00 09 05 00 00") == "00 01 05 e0 04 00 00 00");
    CHECK(
        armed(rig) ==
        std::vector<BootRequest>{{.device = BootDevice::pxe, .persistent = true, .efi = true}}
    );
    CHECK(rig.bmc.dirty.has(bmc::Section::boot));
    rig.pass(10min);
    rig.see(bmc::PowerState::on); // persistent: stays
    CHECK(rig.ask("00 09 05 00 00") == "00 01 05 e0 04 00 00 00");
    CHECK(armed(rig).empty());
}

TEST_CASE("Ironic, UEFI, once: used up by the next start") {
    Rig rig;
    rig.see(bmc::PowerState::off);
    CHECK(rig.ask("00 08 03 08") == "00");
    CHECK(rig.ask("00 08 05 a0 14 00 00 00") == "00");
    CHECK(
        armed(rig) ==
        std::vector<BootRequest>{{.device = BootDevice::cdrom, .persistent = false, .efi = true}}
    );
    rig.pass(5min);
    CHECK(rig.ask("00 09 05 00 00") == "00 01 05 a0 14 00 00 00");
    rig.see(bmc::PowerState::on);
    CHECK(rig.ask("00 09 05 00 00") == "00 01 05 20 14 00 00 00");
    CHECK(armed(rig).empty()); // the worker, who saw the start, restores by itself
    rig.see(bmc::PowerState::off);
    rig.see(bmc::PowerState::on);
    CHECK(armed(rig).empty());
}

TEST_CASE("ipmitool chassis bootdev pxe") {
    Rig rig;
    CHECK(rig.ask("00 08 00 01") == "00");
    CHECK(rig.ask("00 08 04 01 01") == "00");
    CHECK(rig.ask("00 08 05 80 04 00 00 00") == "00");
    CHECK(rig.ask("00 08 00 02") == "00");
    CHECK(rig.ask("00 08 00 00") == "00");
    CHECK(rig.ask("00 09 04 00 00") == "00 01 04 00 01");
    CHECK(armed(rig) == std::vector<BootRequest>{pxe_once});
    // Nobody started the machine within 60 s.
    rig.pass(59s);
    CHECK(rig.ask("00 09 05 00 00") == "00 01 05 80 04 00 00 00");
    rig.pass(1s);
    CHECK(rig.ask("00 09 05 00 00") == "00 01 05 00 04 00 00 00");
    CHECK(armed(rig) == std::vector<BootRequest>{nothing});
}

TEST_CASE("ipmitool chassis bootdev disk options=persistent") {
    Rig rig;
    CHECK(rig.ask("00 08 05 c0 08 00 00 00") == "00");
    CHECK(
        armed(rig) ==
        std::vector<BootRequest>{{.device = BootDevice::disk, .persistent = true, .efi = false}}
    );
    rig.pass(10min);
    CHECK(rig.ask("00 09 05 00 00") == "00 01 05 c0 08 00 00 00");
    CHECK(rig.ask("00 08 05 00 00 00 00 00") == "00");
    CHECK(armed(rig) == std::vector<BootRequest>{nothing_at_all});
}

TEST_CASE("ipmi-chassis-config: read, modify, write, a key at a time") {
    Rig rig;
    CHECK(rig.ask("00 09 05 00 00") == "00 01 05 00 00 00 00 00");
    CHECK(rig.ask("00 08 05 80 00 00 00 00") == "00");
    CHECK(rig.ask("00 09 05 00 00") == "00 01 05 80 00 00 00 00");
    CHECK(armed(rig) == std::vector<BootRequest>{nothing_at_all});
    CHECK(rig.ask("00 08 05 a0 00 00 00 00") == "00");
    CHECK(rig.ask("00 09 05 00 00") == "00 01 05 a0 00 00 00 00");
    CHECK(armed(rig) == std::vector<BootRequest>{nothing_at_all});
    CHECK(rig.ask("00 08 05 a0 04 00 00 00") == "00");
    CHECK(
        armed(rig) ==
        std::vector<BootRequest>{{.device = BootDevice::pxe, .persistent = false, .efi = true}}
    );
    CHECK(rig.ask("00 08 03 1f") == "00");
    CHECK(rig.ask("00 08 04 ff ff") == "00");
    CHECK(rig.ask("00 09 03 00 00") == "00 01 03 1f");
    CHECK(rig.ask("00 09 04 00 00") == "00 01 04 00 ff");
    CHECK(rig.ask("00 09 05 00 00") == "00 01 05 a0 04 00 00 00");
    rig.pass(1h);
    CHECK(rig.ask("00 09 05 00 00") == "00 01 05 a0 04 00 00 00");
}

TEST_CASE("xCAT goes straight to set complete, without a commit") {
    Rig rig;
    CHECK(rig.ask("00 08 03 08") == "00");
    CHECK(rig.ask("00 08 00 01") == "00");
    CHECK(rig.ask("00 08 05 80 04 00 00 00") == "00");
    CHECK(rig.ask("00 08 00 00") == "00");
    CHECK(rig.ask("00 09 05 00 00") == "00 01 05 80 04 00 00 00");
    CHECK(armed(rig) == std::vector<BootRequest>{pxe_once});
}

TEST_CASE("every bit of the boot flags reads back as it was written") {
    Rig rig;
    CHECK(rig.ask("00 08 03 08") == "00");
    CHECK(rig.ask("00 08 05 ff ff ff ff ff") == "00");
    CHECK(rig.ask("00 09 05 00 00") == "00 01 05 ff ff ff ff ff");
    CHECK(rig.ask("00 08 05 1f c3 a5 5a 3c") == "00");
    CHECK(rig.ask("00 09 05 00 00") == "00 01 05 1f c3 a5 5a 3c");
}

TEST_CASE("set in progress: taken once, ended by the machine's power down too") {
    Rig rig;
    rig.see(bmc::PowerState::on);
    CHECK(rig.ask("00 08 00 01") == "00");
    CHECK(rig.ask("00 08 00 01") == "81");
    CHECK(rig.ask("00 09 00 00 00") == "00 01 00 01");
    CHECK(rig.ask("00 08 00 03") == "cc");
    rig.see(bmc::PowerState::off);
    CHECK(rig.ask("00 09 00 00 00") == "00 01 00 00");
}

TEST_CASE("parameters can be marked invalid, with and without data") {
    Rig rig;
    CHECK(rig.ask("00 08 81") == "00");
    CHECK(rig.ask("00 09 01 00 00") == "00 01 81 00");
    CHECK(rig.ask("00 08 81 05") == "00");
    CHECK(rig.ask("00 09 01 00 00") == "00 01 81 05");
    CHECK(rig.ask("00 08 01") == "00");
    CHECK(rig.ask("00 09 01 00 00") == "00 01 01 05");
}

TEST_CASE("the acknowledge mask says which bits to write") {
    Rig rig;
    CHECK(rig.ask("00 08 04 ff 1f") == "00");
    CHECK(rig.ask("00 08 04 01 00") == "00");
    CHECK(rig.ask("00 09 04 00 00") == "00 01 04 00 1e");
}

TEST_CASE("initiator info and mailbox are kept") {
    Rig rig;
    CHECK(rig.ask("00 08 02 03") == "00");
    CHECK(rig.ask("00 09 02 00 00") == "00 01 02 03");
    CHECK(rig.ask("00 08 06 01 11 22 33 44 55 66 77 88") == "00");
    CHECK(rig.ask("00 09 06 00 00") == "00 01 06 01 11 22 33 44 55 66 77 88");
    CHECK(
        rig.ask("00 09 07 00 00") == "00 01 07 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
    );
    CHECK(rig.ask("00 08 07 04 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f") == "00");
    CHECK(rig.ask("00 08 07 04 ff ee") == "00");
    CHECK(
        rig.ask("00 09 07 04 00") == "00 01 07 04 ff ee 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f"
    );
    CHECK(rig.ask("00 08 07 05 00") == "c9");
    CHECK(rig.ask("00 09 07 05 00") == "c9");
}

TEST_CASE("wrong lengths of each parameter") {
    for (const char* request :
         {"00 08 00 00 00",
          "00 08 01 00 00",
          "00 08 03 08 00",
          "00 08 04 ff",
          "00 08 05 80 04 00 00",
          "00 08 05 80 04 00 00 00 00",
          "00 08 06 00 00 00 00 00 00 00 00",
          "00 08 07 00",
          "00 08 07 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
          "00 08",
          "00 09 05 00",
          "00 09 05 00 00 00"}) {
        INFO(request);
        Rig rig;
        CHECK(rig.ask(request) == "c7");
    }
}

TEST_CASE("the valid-bit time-out waits for the action that starts the machine") {
    Rig rig;
    rig.see(bmc::PowerState::off);
    REQUIRE(rig.ask("00 08 05 80 04 00 00 00") == "00");
    rig.pass(30s);
    REQUIRE(rig.ask("00 02 01") == "defer");
    rig.pass(3min); // a slow cloud
    CHECK(rig.bmc.boot.valid());
    SECTION("the start uses the flags up") {
        rig.see(bmc::PowerState::on);
        CHECK_FALSE(rig.bmc.boot.valid());
    }
    SECTION("it ends without a start: 60 s from then") {
        rig.done(rig.ticket, bmc::Outcome::failed);
        rig.pass(59s);
        CHECK(rig.bmc.boot.valid());
        rig.pass(1s);
        CHECK_FALSE(rig.bmc.boot.valid());
    }
}

TEST_CASE("the time-out can be switched off after the flags were set") {
    Rig rig;
    REQUIRE(rig.ask("00 08 05 80 04 00 00 00") == "00");
    rig.pass(30s);
    REQUIRE(rig.ask("00 08 03 08") == "00");
    rig.pass(10min);
    CHECK(rig.bmc.boot.valid());
    REQUIRE(rig.ask("00 08 03 00") == "00");
    rig.pass(60s);
    CHECK_FALSE(rig.bmc.boot.valid());
}

TEST_CASE("a watchdog reset drops one-time flags first, unless parameter 3 keeps them") {
    for (const bool keep : {false, true}) {
        Rig rig;
        rig.see(bmc::PowerState::on);
        REQUIRE(rig.ask(keep ? "00 08 03 0c" : "00 08 03 08") == "00");
        REQUIRE(rig.ask("00 08 05 80 04 00 00 00") == "00");
        CHECK(armed(rig) == std::vector<BootRequest>{pxe_once});
        REQUIRE(rig.ask("06 24 04 01 00 00 01 00") == "00");
        REQUIRE(rig.ask("06 22") == "00");
        rig.pass(1s);
        REQUIRE(rig.bmc.outbox.size() == (keep ? 1U : 2U));
        CHECK(std::holds_alternative<bmc::SetPower>(rig.bmc.outbox.back()));
        CHECK(rig.bmc.boot.valid() == keep);
    }
}

TEST_CASE("a reset's end uses one-time flags up where no look can see it") {
    Rig rig;
    rig.see(bmc::PowerState::on);
    REQUIRE(rig.ask("00 08 03 08") == "00");
    REQUIRE(rig.ask("00 08 05 80 04 00 00 00") == "00");
    REQUIRE(rig.ask("00 02 03") == "defer");
    rig.done(rig.ticket);
    CHECK_FALSE(rig.bmc.boot.valid());
    CHECK(rig.ask("00 07") == "00 01 01");
}

TEST_CASE("what was taken by a start, as the backend tells, is used up") {
    Rig rig;
    REQUIRE(rig.ask("00 08 03 08") == "00");
    REQUIRE(rig.ask("00 08 05 80 04 00 00 00") == "00");
    rig.bmc.observe(rig.now, bmc::BootTaken{});
    CHECK_FALSE(rig.bmc.boot.valid());
}

TEST_CASE("any Chassis Control restarts the time-out") {
    Rig rig;
    rig.see(bmc::PowerState::on);
    REQUIRE(rig.ask("00 08 05 80 04 00 00 00") == "00");
    rig.pass(50s);
    REQUIRE(rig.ask("00 02 00") == "defer");
    rig.done(rig.ticket);
    rig.see(bmc::PowerState::off);
    rig.pass(50s);
    CHECK(rig.bmc.boot.valid());
    REQUIRE(rig.ask("00 02 01") == "defer");
    rig.pass(10min); // its end is never told
    CHECK_FALSE(rig.bmc.boot.valid());
}

TEST_CASE("a lasting choice can be taken back behind a one-time one that is used up") {
    Rig rig;
    rig.see(bmc::PowerState::off);
    REQUIRE(rig.ask("00 08 03 08") == "00");
    REQUIRE(rig.ask("00 08 05 c0 08 00 00 00") == "00"); // the disk, from now on
    REQUIRE(rig.ask("00 08 05 80 04 00 00 00") == "00"); // PXE, once
    rig.see(bmc::PowerState::on);
    CHECK(armed(rig).size() == 2);
    REQUIRE(rig.ask("00 08 05 80 00 00 00 00") == "00"); // ipmitool chassis bootdev none
    CHECK(armed(rig) == std::vector<BootRequest>{nothing_at_all});
    rig.bmc.set_boot(rig.now, {}); // vbmcctl bootdev n1 none
    CHECK(armed(rig) == std::vector<BootRequest>{nothing_at_all});
    rig.bmc.config.capabilities.boot = false;
    rig.bmc.set_boot(rig.now, {});
    CHECK(armed(rig).empty());
}

TEST_CASE("flags marked invalid, or of a reserved device, ask for nothing") {
    Rig rig;
    REQUIRE(rig.ask("00 08 03 08") == "00");
    REQUIRE(rig.ask("00 08 05 80 04 00 00 00") == "00");
    CHECK(armed(rig) == std::vector<BootRequest>{pxe_once});
    REQUIRE(rig.ask("00 08 85") == "00");
    CHECK(armed(rig) == std::vector<BootRequest>{nothing});
    CHECK(rig.ask("00 09 05 00 00") == "00 01 85 80 04 00 00 00");
    REQUIRE(rig.ask("00 08 05 80 30 00 00 00") == "00");
    CHECK(armed(rig).empty());
    CHECK(rig.ask("00 09 05 00 00") == "00 01 05 80 30 00 00 00");
}
