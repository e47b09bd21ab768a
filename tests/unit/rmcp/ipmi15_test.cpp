// IPMI 1.5 sessions, where a node switches them on.

#include "fixture.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::test;
using rmcp::Drop;
using rmcp::Framing;
using rmcp::Privilege;
using rmcp::SessionEvent;
using wire::AuthType;
using namespace std::chrono_literals;

namespace {

const Peer alice = peer_at(1, 50000);
const Peer bob = peer_at(2, 50000);

struct World15 : World {
    World15() {
        directory.rules.ipmi15_md5 = true;
        directory.rules.ipmi15_password = true;
    }

    ModelClient15 client(AuthType type = AuthType::md5, ClientOptions options = {}) {
        return {shared.tools, std::move(options), type};
    }
};

} // namespace

TEST_CASE("IPMI 1.5: log-in and commands", "[rmcp][ipmi15]") {
    for (const AuthType type : {AuthType::md5, AuthType::password}) {
        World15 world;
        ModelClient15 client = world.client(type);
        REQUIRE(client.log_in(world.from(alice)));
        for (u32 i = 0; i < 30; ++i) {
            const auto reply = client.call(world.from(alice), 6, 1, {static_cast<u8>(i)});
            REQUIRE(reply);
            CHECK(reply->session_sequence == 0x1001 + i);
        }
        CHECK(world.runs == 30);
        const auto info = world.engine.session(client.session_id);
        REQUIRE(info);
        CHECK(info->framing == Framing::ipmi15);
        CHECK(info->suite_id == 0);
        CHECK(info->privilege == Privilege::user);
        CHECK(info->privilege_max == Privilege::administrator);
        CHECK(world.last_request.ret.framing == Framing::ipmi15);
        Packet out(512);
        CHECK(world.engine.send_sol(client.session_id, {}, out) == 0);
    }
}

TEST_CASE("IPMI 1.5: off unless switched on", "[rmcp][ipmi15]") {
    World world;
    ModelClient15 client(world.shared.tools, {}, AuthType::md5);
    CHECK_FALSE(client.log_in(world.from(alice)));
    CHECK(world.dropped(alice, client.get_challenge()) == Drop::needs_session);

    world.directory.rules.ipmi15_md5 = true;
    ModelClient15 clear(world.shared.tools, {}, AuthType::password);
    CHECK_FALSE(clear.log_in(world.from(alice)));
    CHECK(clear.completion_code == 0xcc);
    for (const AuthType type : {AuthType::none, AuthType::md2, AuthType::oem}) {
        ModelClient15 other(world.shared.tools, {}, type);
        CHECK_FALSE(other.log_in(world.from(alice)));
    }
    CHECK(client.log_in(world.from(alice)));
}

TEST_CASE("IPMI 1.5: who may log in", "[rmcp][ipmi15]") {
    struct Row {
        const char* name;
        const char* user;
        const char* password;
        u8 role;
        bool in;
        u8 completion_code;
    };

    const Row rows[] = {
        {"administrator", "admin", "password", 4, true, 0},
        {"operator", "oper", "operpass", 3, true, 0},
        {"operator as administrator", "oper", "operpass", 4, false, 0x86},
        {"unknown", "nobody", "password", 4, false, 0x81},
        {"disabled", "off", "password", 4, false, 0x81},
        {"no name", "", "", 4, false, 0x82},
        {"a 20-byte password", "long", "12345678901234567890", 4, false, 0x81},
        {"wrong password: silence", "admin", "wrong", 4, false, 0},
        {"role 0", "admin", "password", 0, false, 0xcc},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        World15 world;
        ClientOptions options;
        options.user = row.user;
        options.password = row.password;
        options.role = row.role;
        ModelClient15 client = world.client(AuthType::md5, options);
        CHECK(client.log_in(world.from(alice)) == row.in);
        CHECK(client.completion_code == row.completion_code);
        CHECK(world.engine.session_count() == (row.in ? 1 : 0));
    }
}

TEST_CASE("IPMI 1.5: one guess a challenge", "[rmcp][ipmi15]") {
    World15 world;
    ClientOptions options;
    options.password = "wrong";
    ModelClient15 client = world.client(AuthType::md5, options);
    REQUIRE(client.take_challenge(*world.deliver(alice, client.get_challenge())));
    CHECK(world.dropped(alice, client.activate()) == Drop::bad_code);
    CHECK(world.directory.events.back().reason == SessionEvent::Reason::wrong_password);
    client.options.password = "password";
    CHECK(world.dropped(alice, client.activate()) == Drop::unknown_session);
    // Nor does the other log-in's last step find anything under that id.
    ByteArray<32> payload{};
    ByteWriter rakp3(payload);
    wire::write(rakp3, wire::Rakp3{1, wire::Status::ok, client.session_id, ByteArray<12>{}});
    wire::Packet20 header;
    header.payload_type = wire::PayloadType::rakp3;
    Packet datagram(64);
    ByteWriter out(datagram);
    wire::write_header20(out, header, rakp3.size());
    out.write(rakp3.written());
    datagram.resize(out.size());
    CHECK(world.dropped(alice, datagram) == Drop::unknown_session);
}

TEST_CASE("IPMI 1.5: a type is for the levels that parameter 2 enables it for", "[rmcp][ipmi15]") {
    constexpr u8 md5 = 0x04;
    constexpr u8 password = 0x10;
    World15 world;
    world.directory.rules.ipmi15_enables = {0, password, md5 | password, md5, 0};
    const auto logs_in = [&](AuthType type, u8 level) {
        ClientOptions options;
        options.role = level;
        ModelClient15 client = world.client(type, options);
        const bool in = client.log_in(world.from(alice));
        CHECK(client.completion_code == (in ? 0x00 : 0xcc));
        return in;
    };
    CHECK_FALSE(logs_in(AuthType::md5, 2));
    CHECK(logs_in(AuthType::md5, 3));
    CHECK(logs_in(AuthType::md5, 4));
    CHECK(logs_in(AuthType::password, 2));
    CHECK(logs_in(AuthType::password, 3));
    CHECK_FALSE(logs_in(AuthType::password, 4));
    const auto types = [&](Privilege level) {
        return world.engine.authentication_capabilities(false, level)[0];
    };
    CHECK(types(Privilege::callback) == 0);
    CHECK(types(Privilege::user) == password);
    CHECK(types(Privilege::operator_) == (md5 | password));
    CHECK(types(Privilege::administrator) == md5);

    world.directory.rules.ipmi15_enables = {};
    CHECK_FALSE(logs_in(AuthType::md5, 2)); // refused with the challenge
}

TEST_CASE("IPMI 1.5: forged questions for unknown names slow nobody down", "[rmcp][ipmi15]") {
    World15 world;
    ClientOptions nobody;
    nobody.user = "nobody";
    for (int i = 0; i < 50; ++i) {
        ModelClient15 stranger = world.client(AuthType::md5, nobody);
        REQUIRE(world.deliver(alice, stranger.get_challenge()));
    }
    ModelClient15 client = world.client();
    CHECK(client.log_in(world.from(alice)));
}

TEST_CASE("IPMI 1.5: hide_users", "[rmcp][ipmi15]") {
    World15 world;
    world.directory.rules.hide_users = true;
    for (const char* const name : {"nobody", "off", "long", ""}) {
        INFO(name);
        ClientOptions options;
        options.user = name;
        ModelClient15 client = world.client(AuthType::password, options);
        REQUIRE(client.take_challenge(*world.deliver(alice, client.get_challenge())));
        CHECK(world.dropped(alice, client.activate()) == Drop::bad_code);
    }
    CHECK(world.engine.session_count() == 0);
}

TEST_CASE("IPMI 1.5: duplicates of the log-in get the same answers", "[rmcp][ipmi15]") {
    World15 world;
    ModelClient15 client = world.client();
    const auto challenge = world.deliver(alice, client.get_challenge());
    REQUIRE(challenge);
    CHECK(world.deliver(alice, client.get_challenge()) == challenge);
    REQUIRE(client.take_challenge(*challenge));
    const Packet activate = client.activate();
    const auto first = world.deliver(alice, activate);
    REQUIRE(first);
    const auto second = world.deliver(alice, activate);
    REQUIRE(second);
    REQUIRE(client.take_activation(*second));
    CHECK(client.open(*first)->data == client.open(*second)->data);
    CHECK(world.engine.session_count() == 1);
    CHECK(client.call(world.from(alice), 6, 1));
    CHECK(world.dropped(bob, activate) == Drop::unknown_session);
}

TEST_CASE("IPMI 1.5: forged, replayed, reordered, repeated", "[rmcp][ipmi15]") {
    World15 world;
    ModelClient15 client = world.client();
    REQUIRE(client.log_in(world.from(alice)));
    const Packet first = client.request(0, 2, {3});
    const Packet second = client.request(6, 1);
    CHECK(world.deliver(alice, second));
    CHECK(world.deliver(alice, first));
    CHECK(world.dropped(alice, first) == Drop::replayed);
    Packet again = client.retransmit();
    CHECK(world.deliver(alice, again));
    CHECK(world.runs == 2); // from the reply cache

    const Packet good = client.request(0, 2, {1});
    for (std::size_t bit = 4 * 8; bit < good.size() * 8; ++bit) {
        Packet forged = good;
        forged[bit / 8] = static_cast<u8>(forged[bit / 8] ^ 1U << bit % 8);
        CHECK_FALSE(world.deliver(alice, forged));
    }
    CHECK(world.runs == 2);
    CHECK(world.deliver(alice, good));

    Packet clear = sessionless(false, 0, 2, {1});
    for (std::size_t i = 0; i < 4; ++i) {
        clear[9 + i] = static_cast<u8>(client.session_id >> 8 * i);
    }
    CHECK(world.dropped(alice, clear) == Drop::unprotected);
    CHECK(world.dropped(bob, client.request(6, 1)) == Drop::unknown_session);

    client.session_sequence += 20;
    CHECK(world.dropped(alice, client.request(6, 1)) == Drop::replayed);
}

TEST_CASE("IPMI 1.5: a legacy pad byte behind a request is taken", "[rmcp][ipmi15]") {
    World15 world;
    ModelClient15 client = world.client();
    REQUIRE(client.log_in(world.from(alice)));
    Packet packet = client.request(6, 1);
    packet.push_back(0);
    CHECK(world.deliver(alice, packet));
}

TEST_CASE("IPMI 1.5: a challenge is forgotten, a session is not mixed up", "[rmcp][ipmi15]") {
    World15 world;
    ModelClient15 client = world.client();
    REQUIRE(client.take_challenge(*world.deliver(alice, client.get_challenge())));
    world.pass(4s);
    CHECK(world.dropped(alice, client.activate()) == Drop::unknown_session);
    REQUIRE(client.log_in(world.from(alice)));
    // An RMCP+ packet with the id of an IPMI 1.5 session, and the other way round.
    Packet packet = sessionless(true, 6, 1, {});
    for (std::size_t i = 0; i < 4; ++i) {
        packet[6 + i] = static_cast<u8>(client.session_id >> 8 * i);
    }
    CHECK(world.dropped(alice, packet) == Drop::unknown_session);
    ModelClient plus = world.log_in(bob);
    ModelClient15 confused = world.client();
    confused.session_id = plus.bmc_id();
    CHECK(world.dropped(bob, confused.request(6, 1)) == Drop::unknown_session);
    world.pass(61s);
    CHECK(world.engine.session_count() == 0);
}

TEST_CASE("IPMI 1.5: activation with wrong data", "[rmcp][ipmi15]") {
    World15 world;
    ModelClient15 client = world.client();
    const auto challenge = world.deliver(alice, client.get_challenge());
    REQUIRE(challenge);
    REQUIRE(client.take_challenge(*challenge));
    // Another command under the challenge's id, correctly signed.
    CHECK(world.dropped(alice, client.request(0, 2, {1})) == Drop::out_of_order);
    CHECK(world.runs == 0);
    const auto reply =
        open_sessionless(*world.deliver(alice, sessionless(false, 6, 0x39, std::vector<u8>(16))));
    REQUIRE(reply);
    CHECK(reply->completion_code == 0xc7);
}
