#include "unit/ipmi/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using test::Rig;

namespace {

std::string answer_mask(const Rig&, const std::string& reply) {
    return reply.substr(3);
}

bool bit_of(const std::string& mask, unsigned bit) {
    return (test::from_hex(mask)[bit / 8] >> bit % 8 & 1) != 0;
}

} // namespace

TEST_CASE("Get NetFn Support lists the functions of LUN 0") {
    Rig rig;
    const std::string reply = rig.ask("06 09 0e");
    CHECK(reply.substr(0, 5) == "00 01");
    const std::string mask = reply.substr(6);
    CHECK(bit_of(mask, 0x00 / 2));
    CHECK(bit_of(mask, 0x06 / 2));
    CHECK_FALSE(bit_of(mask, 0x08 / 2));
    CHECK_FALSE(bit_of(mask, 32)); // LUN 1
    CHECK(rig.ask("06 09 05") == "cc");
}

TEST_CASE("Get Command Support says 0 for a command that is there") {
    Rig rig;
    const std::string mask = answer_mask(rig, rig.ask("06 0a 0e 06 00"));
    CHECK_FALSE(bit_of(mask, 0x01));
    CHECK_FALSE(bit_of(mask, 0x0a));
    CHECK(bit_of(mask, 0x55)); // Suspend/Resume Payload Encryption
    CHECK(bit_of(mask, 0x00));
    CHECK(answer_mask(rig, rig.ask("06 0a 0e 07 00")) == mask); // odd function
    CHECK_FALSE(bit_of(answer_mask(rig, rig.ask("06 0a 0e 00 00")), 0x02));
    const std::string none = answer_mask(rig, rig.ask("06 0a 0e 46 00")); // 80h-FFh
    CHECK(none == "ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff");
    CHECK(answer_mask(rig, rig.ask("06 0a 0e 06 01")) == none); // LUN 1
    CHECK(rig.ask("06 0a 0e 86 00") == "cc");
    CHECK(rig.ask("06 0a 03 06 00") == "cc");
    CHECK(rig.ask("06 0a 0e 2c 00") == "c7"); // whose?
    CHECK(rig.ask("06 0a 0e 06 00 dc") == "c7");
}

TEST_CASE("nothing can be switched off, and what is on says so") {
    Rig rig;
    const std::string zeros = "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00";
    CHECK(rig.ask("06 0c 0e 06 00") == "00 " + zeros);
    const std::string enabled = answer_mask(rig, rig.ask("06 61 0e 00 00"));
    CHECK(bit_of(enabled, 0x02));
    CHECK_FALSE(bit_of(enabled, 0x20));
    CHECK(rig.ask("06 60 0e 00 00 " + enabled) == "00");
    CHECK(rig.ask("06 60 0e 00 00 " + zeros) == "80");
    CHECK(rig.ask("06 0b 0e 06 00 24") == "00 00 20 11 00 00 00 00");
    CHECK(rig.ask("06 0b 0e 06 00 55") == "cc");
    CHECK(rig.ask("06 0d 0e 06 00 24") == "00 00 00 00 00");
    CHECK(rig.ask("06 63 0e 06 00 24") == "00 ff ff ff ff");
    CHECK(rig.ask("06 62 0e 06 00 24 ff ff ff ff") == "00");
    CHECK(rig.ask("06 62 0e 06 00 24 ff ff ff ff ff ff ff ff") == "00");
    CHECK(rig.ask("06 62 0e 06 00 24 fe ff ff ff") == "80");
    CHECK(rig.ask("06 62 0e 06 00 24 ff ff") == "c7");
    CHECK(rig.ask("06 62 0e 06 00 55 ff ff ff ff") == "cc");
    CHECK(rig.ask("06 64 0e 2e 00") == "c9");
    CHECK(rig.ask("06 64 07 2e 00") == "cc");
}
