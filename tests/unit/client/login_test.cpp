#include "unit/client/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::test;
using client::Failure;
using client::Request;

TEST_CASE("a log-in takes the best suite that both sides have") {
    struct Row {
        const char* name;
        std::vector<u8> wanted;
        std::vector<u8> offered;
        int suite; // 0: none
    };

    const Row row = GENERATE(
        Row{"17 first", {17, 3}, {17, 3}, 17},
        Row{"only 3 there", {17, 3}, {3}, 3},
        Row{"3 preferred here", {3, 17}, {17, 3}, 3},
        Row{"no list is asked for one suite", {3}, {17, 3}, 3},
        Row{"an MD5 suite", {8}, {8}, 8},
        Row{"signed, not encrypted", {2}, {2}, 2},
        Row{"nothing in common", {17}, {3}, 0},
        Row{"nothing in common of several", {17, 8}, {3}, 0}
    );
    INFO(row.name);
    client::Settings settings;
    settings.suites = row.wanted;
    endpoint::Access access;
    access.cipher_suites = row.offered;
    Rig rig(settings, access);
    CHECK(rig.log_in() == (row.suite != 0));
    CHECK(rig.suite == row.suite);
    if (row.suite == 0) {
        REQUIRE(rig.logged_out.size() == 1);
        CHECK(rig.logged_out[0].failure == Failure::no_common_suite);
    } else {
        CHECK(rig.ask(Request(0x00, 0x01, {})).substr(0, 4) == "0001"); // ok, and on
    }
}

TEST_CASE("what is refused says why") {
    struct Row {
        const char* name;
        const char* user;
        const char* password;
        const char* key;
        u8 privilege;
        Failure failure;
    };

    const Row row = GENERATE(
        Row{"password", "admin", "Password", "", 4, Failure::wrong_password},
        Row{"user", "nobody", "password", "", 4, Failure::unknown_user},
        Row{"K_g where there is none", "admin", "password", "key", 4, Failure::wrong_bmc_key},
        Row{"privilege", "oper", "operator1", "", 4, Failure::role_refused}
    );
    INFO(row.name);
    client::Settings settings;
    settings.privilege = row.privilege;
    Rig rig(settings);
    CHECK_FALSE(rig.log_in(credentials(row.user, row.password, row.key)));
    REQUIRE(rig.logged_out.size() == 1);
    CHECK(rig.logged_out[0].failure == row.failure);
    CHECK(rig.session.state() == client::Session::State::closed);
    CHECK(rig.log_in(credentials("oper", "operator1")) == (row.privilege == 3));
}

TEST_CASE("K_g is used, and only the right one works") {
    for (const char* key : {"01234567890123456789", "short", ""}) {
        Rig rig;
        rig.node->model().users.set_kg(bmc::Key20(as_bytes("01234567890123456789")));
        rig.node->users_changed();
        const bool right = std::string_view(key).size() == 20;
        CHECK(rig.log_in(credentials("admin", "password", key)) == right);
        if (!right) {
            CHECK(rig.logged_out.at(0).failure == Failure::wrong_bmc_key);
        }
    }
}

TEST_CASE("an operator's session has an operator's privilege") {
    client::Settings settings;
    settings.privilege = 3;
    Rig rig(settings);
    REQUIRE(rig.log_in(credentials("oper", "operator1")));
    CHECK(rig.ask(Request(0x06, 0x3b, {0})) == "0003");
}

TEST_CASE("nobody there: the log-in ends") {
    Rig rig;
    rig.network = [](bool, Packet&) { return 0; };
    const auto id = rig.submit(Request(0x06, 0x01, {}));
    CHECK_FALSE(rig.log_in());
    CHECK(rig.logged_out.at(0).failure == Failure::no_answer);
    CHECK(rig.result(id) == "!" + std::to_string(static_cast<int>(Failure::no_answer)));
    CHECK(rig.to_node == client::Settings().tries);
    CHECK(rig.session.next_deadline() == never);
}

TEST_CASE("a BMC that ignores a user whom it does not know") {
    Rig rig;
    rig.network = [](bool to_node, Packet& packet) {
        const bool rakp1 = to_node && packet.size() > 5 && packet[4] == 6 && packet[5] == 0x12;
        return rakp1 ? 0 : 1;
    };
    CHECK_FALSE(rig.log_in());
    CHECK(rig.logged_out.at(0).failure == Failure::user_ignored);
}

TEST_CASE("a BMC that never lists its suites is tried with ours") {
    endpoint::Access access;
    access.cipher_suites = {3};
    Rig rig({}, access);
    rig.network = [](bool to_node, Packet& packet) {
        const bool lists = to_node && packet.size() > 22 && packet[4] == 6 && packet[21] == 0x54;
        return lists ? 0 : 1;
    };
    CHECK(rig.log_in());
    CHECK(rig.suite == 3);
}

TEST_CASE("the suite that worked is tried first the next time") {
    Rig rig;
    REQUIRE(rig.log_in());
    rig.session.close(rig.now());
    rig.pass(1s);
    const std::size_t before = rig.to_node;
    REQUIRE(rig.log_in());
    CHECK(rig.to_node - before == 5); // capabilities, Open Session, RAKP 1, RAKP 3, privilege
}

TEST_CASE("log-ins survive a bad network") {
    for (u64 seed = 1; seed <= 60; ++seed) {
        INFO("seed " << seed);
        Rig rig({}, {}, seed);
        SeededEntropy dice(seed * 77);
        rig.network = [&dice](bool, Packet&) {
            const u32 roll = dice.next_u32() % 10;
            return roll < 2 ? 0 : roll < 4 ? 2 : 1;
        };
        rig.delay = [&dice] { return (1 + dice.next_u32() % 120) * 1ms; };
        bool in = false;
        for (int tries = 0; tries < 6 && !in; ++tries) { // what is left of a loss: another try
            in = rig.log_in();
        }
        CHECK(in);
        for (int i = 0; i < 20; ++i) {
            if (rig.session.state() == client::Session::State::closed) {
                rig.log_in();
            }
            Request request(0x06, 0x01, {});
            request.deadline = rig.now() + 20s;
            const std::string answer = rig.ask(request);
            CHECK((answer.substr(0, 2) == "00" || answer.substr(0, 1) == "!"));
        }
        for (const auto& [id, results] : rig.results) {
            CHECK(results.size() == 1); // each request ends once
        }
    }
}

TEST_CASE("a refusal may be as short as OpenIPMI's simulator makes it") {
    endpoint::Access access;
    access.cipher_suites = {3};
    Rig rig({}, access);
    rig.network = [](bool to_node, Packet& packet) {
        if (to_node && packet.size() > 21 && packet[21] == 0x54) {
            return 0; // nor does it list its suites
        }
        if (!to_node && packet[5] == 0x11 && packet[17] != 0) {
            packet.resize(18);
            packet[14] = 2;
        }
        return 1;
    };
    CHECK(rig.log_in(credentials(), 3s));
    CHECK(rig.suite == 3);
}
