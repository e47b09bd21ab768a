#include "unit/endpoint/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::test;

namespace {

constexpr const char* activate = "06 48 01 01 c6 00 00 00";
constexpr const char* deactivate = "06 49 01 01 00 00 00 00";

bmc::ConsoleBytes printed(std::string_view text) {
    return {{text.begin(), text.end()}};
}

} // namespace

TEST_CASE("Activate Payload tells sizes and the port that the client came to") {
    Rig rig;
    Visitor admin = rig.admin();
    // inbound 255, outbound 255, port 623 (26fh), no VLAN: IPMI 2.0 §24.1
    CHECK(admin.ask(activate) == "0000000000ff00ff006f02ffff");
    CHECK(rig.intents<bmc::ConsoleOpen>().size() == 1);
    CHECK(admin.ask("06 4a 01") == "00010100");
    CHECK(admin.ask(activate) == "80");
    CHECK(admin.ask(deactivate) == "00");
    CHECK(rig.intents<bmc::ConsoleClose>().size() == 1);
    CHECK(admin.ask(deactivate) == "80");
    CHECK(admin.ask("06 4a 01") == "00010000");
}

TEST_CASE("what is typed reaches the machine, what it prints reaches the client") {
    Rig rig;
    Visitor admin = rig.admin();
    admin.ask(activate);
    rig.observe(bmc::ConsoleOpened{});
    CHECK(admin.sol("01000000 6c730d") == "00010300"); // acknowledged: three characters of packet 1
    const auto typed = rig.intents<bmc::ConsoleInput>();
    REQUIRE(typed.size() == 1);
    CHECK(typed[0].bytes == std::vector<u8>{'l', 's', 0x0d});

    rig.observe(printed("bin etc"));
    rig.pass(60ms); // for company (§26.3 parameter 3)
    REQUIRE(rig.sent.size() == 1);
    CHECK(admin.read(rig.sent[0]) == "0100000062696e20657463");
    rig.pass(500ms);
    CHECK(rig.sent.size() == 2); // not acknowledged: again
    CHECK(admin.read(rig.sent[1]) == "0100000062696e20657463");
    admin.sol("00010700");
    rig.pass(2s);
    CHECK(rig.sent.size() == 2);
}

TEST_CASE("a repeated SOL packet types once, also when it comes behind the next one") {
    Rig rig;
    Visitor admin = rig.admin();
    admin.ask(activate);
    CHECK(admin.sol("01000000 61") == "00010100");
    CHECK(admin.sol("01000000 61") == "00010100");
    CHECK(admin.sol("02000000 62") == "00020100");
    CHECK(admin.sol("01000000 61").empty());
    CHECK(admin.sol("03000000 63") == "00030100");
    std::string typed;
    for (const bmc::ConsoleInput& input : rig.intents<bmc::ConsoleInput>()) {
        typed.append(input.bytes.begin(), input.bytes.end());
    }
    CHECK(typed == "abc");
}

TEST_CASE("a console that was left behind is freed from any session") {
    Rig rig;
    Visitor dead = rig.admin(40000);
    Visitor next = rig.admin(40001);
    CHECK(dead.ask(activate).substr(0, 2) == "00");
    CHECK(next.ask(activate) == "80");
    CHECK(next.ask(deactivate) == "00");
    REQUIRE(rig.sent.size() == 1);
    CHECK(dead.read(rig.sent[0]) == "00000010"); // its last words: deactivated
    CHECK(next.ask(activate).substr(0, 2) == "00");
    CHECK(dead.sol("01000000 61").empty());
    CHECK(rig.intents<bmc::ConsoleInput>().empty());
}

TEST_CASE("a console ends with its session") {
    Rig rig;
    Visitor admin = rig.admin(40000);
    admin.ask(activate);
    SECTION("closed") {
        admin.ask("06 3c 00000000 01");
    }
    SECTION("idle") {
        rig.pass(61s);
    }
    SECTION("user gone") {
        rig.node.model().users.remove(2);
        rig.node.users_changed();
        rig.drain();
    }
    SECTION("controller reset") {
        admin.ask("06 02");
    }
    CHECK(rig.intents<bmc::ConsoleClose>().size() == 1);
    CHECK(rig.node.sol() == nullptr);
}

TEST_CASE("who types keeps his session alive") {
    Rig rig;
    Visitor admin = rig.admin();
    admin.ask(activate);
    for (int i = 0; i < 4; ++i) {
        rig.pass(40s);
        CHECK(admin.sol("00000000").empty()); // it acknowledges nothing
    }
    CHECK(rig.node.sessions().session_count() == 1);
}

TEST_CASE("who may not have a console") {
    SECTION("the node has none") {
        bmc::Config config = node_config();
        config.capabilities.console = false;
        Rig rig({}, config);
        CHECK(rig.admin().ask(activate) == "81");
    }
    SECTION("the user's payload is switched off") {
        Rig rig;
        Visitor admin = rig.admin();
        CHECK(admin.ask("06 4c 01 42 02 00 00 00") == "00");
        CHECK(admin.ask(activate) == "d4");
    }
    SECTION("the parameters want more privilege") {
        Rig rig;
        Visitor admin = rig.admin(40000);
        CHECK(admin.ask("0c 21 01 02 c4") == "00");
        CHECK(rig.visitor("oper", 3, 40001).ask(activate) == "d4");
        CHECK(admin.ask(activate).substr(0, 2) == "00");
    }
    SECTION("encryption is forced and the suite has none") {
        endpoint::Access access;
        access.cipher_suites = {17, 16};
        Rig rig(access);
        ClientOptions options;
        options.suite = 16;
        Visitor plain(rig, options);
        REQUIRE(plain.log_in());
        CHECK(plain.ask(activate) == "83"); // asked for, and not to be had
        CHECK(plain.ask("06 48 01 01 46 00 00 00") == "84");
    }
    SECTION("authentication is forced and the suite has none") {
        endpoint::Access access;
        access.cipher_suites = {17, 15};
        Rig rig(access);
        CHECK(rig.admin(40000).ask("0c 21 01 02 42") == "00"); // encryption is not
        ClientOptions options;
        options.suite = 15;
        Visitor bare(rig, options, 40001);
        REQUIRE(bare.log_in());
        CHECK(bare.ask("06 48 01 01 06 00 00 00") == "d5");
        CHECK(rig.admin(40002).ask("0c 21 01 02 02") == "00");
        CHECK(bare.ask("06 48 01 01 06 00 00 00").substr(0, 2) == "00");
    }
    SECTION("the session is of IPMI 1.5, which has no payloads") {
        endpoint::Access access;
        access.ipmi15 = true;
        Rig rig(access);
        CHECK(rig.admin(40000).ask("0c 21 01 02 02") == "00"); // nothing is forced
        ModelClient15 old(rig.shared.tools, {}, wire::AuthType::md5);
        const Send send = [&](const Packet& packet) {
            return std::optional(rig.send({IpAddress::v4(192, 0, 2, 3), 40001}, packet));
        };
        REQUIRE(old.log_in(send));
        const auto reply = old.call(send, 0x06, 0x48, {0x01, 0x01, 0x00, 0, 0, 0});
        REQUIRE(reply);
        CHECK(reply->completion_code == 0xd5);
        CHECK(rig.node.sol() == nullptr);
    }
    SECTION("another payload, another instance") {
        Rig rig;
        Visitor admin = rig.admin();
        CHECK(admin.ask("06 48 02 01 c6 00 00 00") == "cc");
        CHECK(admin.ask("06 48 01 02 c6 00 00 00") == "cc");
    }
}

TEST_CASE("a machine that prints without end costs bounded output a call") {
    Rig rig;
    Visitor admin = rig.admin();
    admin.ask(activate);
    CHECK(admin.ask("0c 21 01 04 07 00") == "00"); // retries without a pause
    admin.ask(deactivate);
    admin.ask(activate);
    rig.sent.clear();
    for (int i = 0; i < 100; ++i) {
        rig.observe(printed(std::string(2048, 'x')));
    }
    CHECK(rig.sent.size() <= 1);
    rig.pass(1s);
    CHECK(rig.sent.size() <= 101);
}
