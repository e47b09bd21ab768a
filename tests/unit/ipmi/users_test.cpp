#include "unit/ipmi/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using test::Rig;

namespace {

constexpr const char* name_alice = "61 6c 69 63 65 00 00 00 00 00 00 00 00 00 00 00";
constexpr const char* secret_16 = "73 65 63 72 65 74 2d 31 36 00 00 00 00 00 00 00"; // secret-16
constexpr const char* secret_20 = "74 77 65 6e 74 79 2d 62 79 74 65 73 2d 6c 6f 6e 67 2d 70 77";

std::string join(const char* head, const char* tail) {
    return std::string(head) + " " + tail;
}

std::vector<u8> bytes_of(std::string_view text) {
    return {text.begin(), text.end()};
}

} // namespace

TEST_CASE("ipmitool's way to a user: name, password, access, enable") {
    Rig rig;
    CHECK(rig.ask(join("06 45 03", name_alice)) == "00");
    CHECK(rig.ask(join("06 47 03 02", secret_16)) == "00");
    CHECK(rig.ask("06 43 91 03 03") == "00");
    CHECK(rig.bmc.users.find_by_name(bytes_of("alice")) == nullptr); // not enabled yet
    CHECK(rig.ask("06 47 03 01") == "00");
    CHECK(rig.bmc.dirty.has(bmc::Section::users));

    const bmc::User* user = rig.bmc.users.find_by_name(bytes_of("alice"));
    REQUIRE(user != nullptr);
    CHECK(user->id == 3);
    CHECK(user->limit == bmc::Privilege::operator_);
    CHECK_FALSE(user->password_is_20);
    CHECK(rig.ask("06 44 01 03") == "00 10 41 01 13");
    CHECK(rig.ask("06 46 03") == join("00", name_alice));

    CHECK(rig.ask("06 47 03 00") == "00"); // disable
    CHECK(rig.bmc.users.find_by_name(bytes_of("alice")) == nullptr);
    CHECK(rig.ask("06 44 01 03") == "00 10 80 01 13");
}

TEST_CASE("passwords of 16 and 20 bytes are set and tested") {
    Rig rig;
    CHECK(rig.ask(join("06 47 02 03", secret_16)) == "80"); // nobody there
    CHECK(rig.ask(join("06 47 02 02", secret_16)) == "00");
    CHECK(rig.ask(join("06 47 02 03", secret_16)) == "00");
    CHECK(rig.ask(join("06 47 82 03", secret_20)) == "81"); // set as 16
    CHECK(rig.ask("06 47 02 03 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00") == "80");
    CHECK(rig.ask(join("06 47 82 02", secret_20)) == "00");
    CHECK(rig.ask(join("06 47 82 03", secret_20)) == "00");
    CHECK(rig.ask(join("06 47 02 03", secret_16)) == "81");
    CHECK(rig.bmc.users.find(2)->password_is_20);
    // The size bit and the size have to agree.
    CHECK(rig.ask(join("06 47 82 02", secret_16)) == "c7");
    CHECK(rig.ask(join("06 47 02 02", secret_20)) == "c7");
    CHECK(rig.ask("06 47 02 02") == "c7");
    // Enable and disable come with or without a password field.
    CHECK(rig.ask(join("06 47 02 01", secret_16)) == "00");
    CHECK(rig.ask("06 47 02 01") == "00");
    CHECK(rig.ask("06 47 02 01 00") == "c7");
    CHECK(rig.ask(join("06 47 82 03", secret_20)) == "00"); // and leave the password alone
}

TEST_CASE("a name means one user; a name of zeros removes the user") {
    Rig rig;
    CHECK(rig.ask(join("06 45 02", name_alice)) == "00");
    CHECK(rig.ask(join("06 45 02", name_alice)) == "00"); // the same again
    CHECK(rig.ask(join("06 45 03", name_alice)) == "cc");
    CHECK(rig.ask(join("06 47 02 02", secret_16)) == "00");
    CHECK(rig.ask("06 45 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00") == "00");
    CHECK(rig.bmc.users.find(2) == nullptr);
    CHECK(rig.ask(join("06 45 03", name_alice)) == "00");
}

TEST_CASE("a user without a password, a limit or messaging cannot log in") {
    Rig rig;
    REQUIRE(rig.ask(join("06 45 02", name_alice)) == "00");
    REQUIRE(rig.ask("06 47 02 01") == "00");
    REQUIRE(rig.ask("06 43 91 02 04") == "00");
    CHECK(rig.bmc.users.find_by_name(bytes_of("alice")) == nullptr);
    REQUIRE(rig.ask(join("06 47 02 02", secret_16)) == "00");
    CHECK(rig.bmc.users.find_by_name(bytes_of("alice")) != nullptr);
    REQUIRE(rig.ask("06 43 91 02 0f") == "00"); // no access
    CHECK(rig.bmc.users.find_by_name(bytes_of("alice")) == nullptr);
    REQUIRE(rig.ask("06 43 81 02 04") == "00"); // messaging off
    CHECK(rig.bmc.users.find_by_name(bytes_of("alice")) == nullptr);
    REQUIRE(rig.ask("06 43 11 02 03") == "00"); // flags not to be changed, limit is
    CHECK_FALSE(rig.bmc.users.find(2)->messaging);
    CHECK(rig.bmc.users.find(2)->limit == bmc::Privilege::operator_);
}

TEST_CASE("names of 16 bytes, and a session limit, are kept") {
    Rig rig;
    const char* longest = "30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66";
    CHECK(rig.ask(join("06 45 10", longest)) == "00");
    CHECK(rig.ask("06 46 10") == join("00", longest));
    CHECK(rig.ask("06 43 b1 10 02 05") == "00");
    CHECK(rig.bmc.users.find(16)->session_limit == 5);
    CHECK(rig.ask("06 44 01 10") == "00 10 80 01 32");
}

TEST_CASE("payload access: SOL is on by default, bits are enabled and disabled") {
    Rig rig;
    REQUIRE(rig.ask(join("06 45 02", name_alice)) == "00");
    CHECK(rig.ask("06 4d 01 02") == "00 02 00 00 00");
    CHECK(rig.ask("06 4c 01 42 02 00 00 00") == "00");
    CHECK(rig.ask("06 4d 01 02") == "00 00 00 00 00");
    CHECK(rig.ask("06 4c 01 02 06 00 01 00") == "00");
    CHECK(rig.ask("06 4d 01 02") == "00 06 00 01 00");
}

TEST_CASE("all fifteen slots can be used, and their count is true") {
    Rig rig;
    for (unsigned id = 2; id <= 16; ++id) {
        std::vector<u8> request = {0x06, 0x45, static_cast<u8>(id), 'u', static_cast<u8>('a' + id)};
        request.resize(3 + 16);
        CHECK(rig.ask_bytes(request) == "00");
        CHECK(rig.ask_bytes(std::vector<u8>{0x06, 0x47, static_cast<u8>(id), 0x01}) == "00");
    }
    CHECK(rig.bmc.users.count_enabled() == 15);
    CHECK(rig.bmc.users.free_slot() == 0);
    CHECK(rig.ask("06 44 01 01") == "00 10 8f 01 0f");
}
