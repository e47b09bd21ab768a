// Logging in with RMCP+: suites, users, keys, roles, refusals, duplicates.

#include "fixture.h"
#include "wire/lan_message.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::test;
using rmcp::Drop;
using rmcp::Privilege;
using rmcp::SessionEvent;
using wire::Status;
using namespace std::chrono_literals;

namespace {

const Peer alice = peer_at(1, 50000);
const Peer bob = peer_at(2, 50000);

ClientOptions with(std::string user, std::string password, u8 role) {
    ClientOptions options;
    options.user = std::move(user);
    options.password = std::move(password);
    options.role = role;
    return options;
}

} // namespace

TEST_CASE("a log-in and a command with every suite", "[rmcp][handshake]") {
    for (const crypto::Suite& suite : crypto::suites) {
        INFO("suite " << int(suite.id));
        World world;
        world.directory.only_suite(suite.id);
        ClientOptions options;
        options.suite = suite.id;
        ModelClient client = world.log_in(alice, options);
        world.handle = [](const rmcp::Request& request) {
            CHECK(request.net_fn == 0x00);
            CHECK(request.command == 0x01);
            CHECK(to_hex(request.data) == "aabb");
            CHECK(request.privilege == Privilege::user);
            CHECK(request.user_id == 2);
            return std::vector<u8>{0x00, 0x01, 0x02, 0x03};
        };
        const auto reply = client.call(world.from(alice), 0x00, 0x01, {0xaa, 0xbb});
        REQUIRE(reply);
        CHECK(reply->net_fn == 0x01);
        CHECK(reply->completion_code == 0);
        CHECK(to_hex(reply->data) == "010203");
        CHECK(reply->session_sequence == 1);
        REQUIRE(world.directory.events.size() == 1);
        CHECK(world.directory.events[0].kind == SessionEvent::Kind::opened);
        CHECK(world.directory.events[0].user_name == "admin");
        CHECK(world.directory.events[0].suite_id == suite.id);
        CHECK(world.engine.session(client.bmc_id())->suite_id == suite.id);
    }
}

TEST_CASE("only allowed triples, not a mix of allowed algorithms", "[rmcp][handshake]") {
    World world; // 17 and 3
    for (const crypto::Suite& suite : crypto::suites) {
        INFO("suite " << int(suite.id));
        ClientOptions options;
        options.suite = suite.id;
        options.tag = suite.id;
        ModelClient client(world.shared.tools, options);
        const bool in = client.log_in(world.from(peer_at(1, suite.id)));
        CHECK(in == (suite.id == 3 || suite.id == 17));
        CHECK(client.status() == (in ? Status::ok : Status::no_cipher_suite_match));
    }
    ClientOptions none;
    none.suite = 0;
    ModelClient client(world.shared.tools, none);
    CHECK_FALSE(client.log_in(world.from(alice)));
    CHECK(client.status() == Status::no_cipher_suite_match);

    // SHA-256 log-in with SHA-1 packets: each is allowed, together they are no suite.
    wire::OpenSessionRequest request;
    request.console_session_id = 1;
    request.authentication = {false, 3};
    request.integrity = {false, 1};
    request.confidentiality = {false, 1};
    Packet packet = from_hex("0600ff070610000000000000000020000100000001000000");
    packet.resize(16 + wire::open_session_request_size);
    ByteWriter out(MutableBytes(packet).subspan(16));
    wire::write(out, request);
    const auto answer = world.deliver(alice, packet);
    REQUIRE(answer);
    CHECK(
        to_hex(*answer) == "0600ff07061100000000000000000800001100000100"
                           "0000"
    );
}

TEST_CASE("suite 0 is refused even when a policy lists it", "[rmcp][handshake]") {
    World world;
    world.directory.only_suite(0);
    ClientOptions none;
    none.suite = 0;
    ModelClient client(world.shared.tools, none);
    CHECK_FALSE(client.log_in(world.from(alice)));
    CHECK(client.status() == Status::no_cipher_suite_match);
}

TEST_CASE("any algorithm: suite 3 if it is allowed, else the preferred one", "[rmcp][handshake]") {
    struct Row {
        std::vector<u8> suites;
        u8 expect;
    };

    const Row rows[] = {{{17, 3}, 3}, {{3, 17}, 3}, {{17, 12}, 17}, {{12, 17}, 12}};
    for (const Row& row : rows) {
        World world;
        world.directory.rules.suite_count = 0;
        for (const u8 id : row.suites) {
            world.directory.rules.suites[world.directory.rules.suite_count++] = {
                id, Privilege::administrator};
        }
        ClientOptions options;
        options.any_suite = true;
        options.suite = row.expect;
        const ModelClient client = world.log_in(alice, options);
        CHECK(world.engine.session(client.bmc_id())->suite_id == row.expect);
    }
}

TEST_CASE("the highest privilege is named, never 0", "[rmcp][handshake]") {
    struct Row {
        const char* name;
        u8 asked;
        Privilege channel;
        Privilege suite;
        u8 granted;
    };

    const Row rows[] = {
        {"highest", 0, Privilege::administrator, Privilege::administrator, 4},
        {"operator", 3, Privilege::administrator, Privilege::administrator, 3},
        {"channel is lower", 4, Privilege::operator_, Privilege::administrator, 3},
        {"suite is lower", 0, Privilege::administrator, Privilege::user, 2},
        {"OEM", 5, Privilege::administrator, Privilege::administrator, 4},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        World world;
        world.directory.rules.privilege_max = row.channel;
        world.directory.rules.suites[0].privilege_max = row.suite;
        ClientOptions options;
        options.privilege_asked = row.asked;
        ModelClient client(world.shared.tools, options);
        const auto answer = world.deliver(alice, client.open_session());
        REQUIRE(answer);
        REQUIRE(client.take_open_session(*answer));
        CHECK(client.privilege_granted() == row.granted);
    }
    World world;
    ClientOptions options;
    options.privilege_asked = 6;
    ModelClient client(world.shared.tools, options);
    CHECK_FALSE(client.log_in(world.from(alice)));
    CHECK(client.status() == Status::invalid_role);
}

TEST_CASE("who may log in, and as what", "[rmcp][handshake]") {
    struct Row {
        const char* name;
        ClientOptions options;
        Status status;
        Privilege privilege_max; // of the session
    };

    const Row rows[] = {
        {"administrator", with("admin", "password", 0x14), Status::ok, Privilege::administrator},
        {"administrator as user", with("admin", "password", 0x12), Status::ok, Privilege::user},
        {"operator", with("oper", "operpass", 0x13), Status::ok, Privilege::operator_},
        {"operator as administrator",
         with("oper", "operpass", 0x14),
         Status::invalid_role,
         Privilege::none},
        {"user as operator", with("user", "userpass", 0x13), Status::invalid_role, Privilege::none},
        {"callback", with("admin", "password", 0x11), Status::ok, Privilege::callback},
        {"unknown name",
         with("nobody", "password", 0x14),
         Status::unauthorized_name,
         Privilege::none},
        {"disabled", with("off", "password", 0x14), Status::unauthorized_name, Privilege::none},
        {"no name", with("", "password", 0x14), Status::unauthorized_name, Privilege::none},
        {"a name too long",
         with("aaaaaaaaaaaaaaaaa", "x", 0x14),
         Status::invalid_name_length,
         Privilege::none},
        {"role 0", with("admin", "password", 0x10), Status::invalid_role, Privilege::none},
        {"role 6", with("admin", "password", 0x16), Status::invalid_role, Privilege::none},
        {"name and privilege: right",
         with("admin", "password", 0x04),
         Status::ok,
         Privilege::administrator},
        {"name and privilege: no such",
         with("admin", "password", 0x03),
         Status::unauthorized_name,
         Privilege::none},
        {"a password of 20",
         with("long", "12345678901234567890", 0x14),
         Status::ok,
         Privilege::administrator},
        {"cut to 16", with("long", "1234567890123456", 0x14), Status::ok, Privilege::none},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        World world;
        ModelClient client(world.shared.tools, row.options);
        const bool in = client.log_in(world.from(alice));
        CHECK(client.status() == row.status);
        CHECK(in == (row.privilege_max != Privilege::none));
        if (in) {
            const auto session = world.engine.session(client.bmc_id());
            REQUIRE(session);
            CHECK(session->privilege_max == row.privilege_max);
            CHECK(session->privilege == std::min(Privilege::user, row.privilege_max));
        } else {
            CHECK(world.engine.session_count() == 0);
        }
    }
}

TEST_CASE("a wrong password is found by either side", "[rmcp][handshake]") {
    World world;
    ModelClient client(world.shared.tools, with("admin", "wrong", 0x14));
    REQUIRE(client.take_open_session(*world.deliver(alice, client.open_session())));
    const auto second = world.deliver(alice, client.rakp1());
    REQUIRE(second);
    CHECK_FALSE(client.take_rakp2(*second)); // ipmitool stops here
    CHECK(client.status() == Status::ok);
    const auto fourth = world.deliver(alice, client.rakp3()); // freeipmi goes on
    REQUIRE(fourth);
    CHECK_FALSE(client.take_rakp4(*fourth));
    CHECK(client.status() == Status::invalid_integrity_check_value);
    REQUIRE(world.directory.events.size() == 1);
    CHECK(world.directory.events[0].reason == SessionEvent::Reason::wrong_password);
    CHECK(world.directory.events[0].user_name == "admin");

    // The same RAKP 3 again: the same answer. The right one now: too late for this handshake.
    CHECK(world.deliver(alice, client.rakp3()) == fourth);
    client.options.password = "password";
    const auto late = world.deliver(alice, client.rakp3());
    REQUIRE(late);
    CHECK_FALSE(client.take_rakp4(*late));
    CHECK(world.engine.session_count() == 0);
}

TEST_CASE("a console that only stops is an abandoned log-in", "[rmcp][handshake]") {
    World world;
    ModelClient client(world.shared.tools, with("admin", "wrong", 0x14));
    REQUIRE(client.take_open_session(*world.deliver(alice, client.open_session())));
    REQUIRE(world.deliver(alice, client.rakp1()));
    world.pass(2900ms);
    CHECK(world.directory.events.empty());
    world.pass(200ms);
    REQUIRE(world.directory.events.size() == 1);
    CHECK(world.directory.events[0].reason == SessionEvent::Reason::abandoned);
    CHECK(world.engine.next_deadline() == never);
    CHECK(world.dropped(alice, client.rakp3()) == Drop::unknown_session);
}

TEST_CASE("a console that refuses our RAKP 2 ends the handshake", "[rmcp][handshake]") {
    World world;
    ModelClient client(world.shared.tools, {});
    REQUIRE(client.take_open_session(*world.deliver(alice, client.open_session())));
    REQUIRE(client.take_rakp2(*world.deliver(alice, client.rakp1())));
    Packet refusal = client.rakp3();
    refusal[17] = 0x0f;
    CHECK(world.dropped(alice, refusal) == Drop::unwanted);
    CHECK(world.directory.events.back().reason == SessionEvent::Reason::wrong_password);
    CHECK(world.dropped(alice, client.rakp3()) == Drop::unknown_session);
}

TEST_CASE("two-key log-in", "[rmcp][handshake]") {
    const std::vector<u8> key{'k', 'g', 0x00, 0xff, 'x'};
    for (const u8 suite : {u8{3}, u8{17}}) {
        World world;
        std::copy(key.begin(), key.end(), world.directory.second_key.begin());
        ClientOptions options;
        options.suite = suite;
        ModelClient without(world.shared.tools, options);
        CHECK_FALSE(without.log_in(world.from(alice)));
        CHECK(without.status() == Status::ok); // it shows at the console only, as a bad RAKP 4

        options.bmc_key = key;
        options.tag = 1;
        ModelClient client = world.log_in(bob, options);
        CHECK(client.call(world.from(bob), 6, 1));
        CHECK(
            (world.engine.authentication_capabilities(true, Privilege::administrator)[1] & 0x20) !=
            0
        );
    }
}

TEST_CASE(
    "hide_users: a name that does not exist looks like a wrong password", "[rmcp][handshake]"
) {
    struct Row {
        const char* name;
        ClientOptions options;
    };

    const Row rows[] = {
        {"unknown", with("nobody", "password", 0x14)},
        {"disabled", with("off", "password", 0x14)},
        {"known, wrong password", with("admin", "wrong", 0x14)},
        {"known, role too high, wrong password", with("oper", "wrong", 0x14)},
        {"no name", with("", "", 0x14)},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        World world;
        world.directory.rules.hide_users = true;
        ModelClient client(world.shared.tools, row.options);
        REQUIRE(client.take_open_session(*world.deliver(alice, client.open_session())));
        const auto second = world.deliver(alice, client.rakp1());
        REQUIRE(second);
        CHECK(second->size() == 16 + 40 + 32);
        CHECK_FALSE(client.take_rakp2(*second));
        CHECK(client.status() == Status::ok);
        world.pass(1s);
        // Asked again, the same answer: a random code would tell the names apart.
        CHECK(world.deliver(alice, client.rakp1()) == second);
        const auto fourth = world.deliver(alice, client.rakp3());
        REQUIRE(fourth);
        CHECK_FALSE(client.take_rakp4(*fourth));
        CHECK(client.status() == Status::invalid_integrity_check_value);
        CHECK(world.engine.session_count() == 0);
    }
}

TEST_CASE("hide_users: who proves the password is told about the role", "[rmcp][handshake]") {
    World world;
    world.directory.rules.hide_users = true;
    ModelClient client(world.shared.tools, with("oper", "operpass", 0x14));
    CHECK_FALSE(client.log_in(world.from(alice)));
    CHECK(client.status() == Status::invalid_role);
    world.log_in(bob, with("oper", "operpass", 0x13));
}

TEST_CASE("duplicates of the handshake get the same answers", "[rmcp][handshake]") {
    World world;
    ModelClient client(world.shared.tools, {});
    const auto opened = world.deliver(alice, client.open_session());
    REQUIRE(opened);
    world.pass(1s);
    CHECK(world.deliver(alice, client.open_session()) == opened);
    REQUIRE(client.take_open_session(*opened));

    const auto second = world.deliver(alice, client.rakp1());
    REQUIRE(second);
    world.pass(1s);
    CHECK(world.deliver(alice, client.rakp1()) == second);
    CHECK(world.deliver(alice, client.open_session()) == opened); // a late one
    REQUIRE(client.take_rakp2(*second));

    const Packet third = client.rakp3();
    const auto fourth = world.deliver(alice, third);
    REQUIRE(fourth);
    REQUIRE(client.take_rakp4(*fourth));
    world.pass(1s);
    CHECK(world.deliver(alice, third) == fourth);
    CHECK(client.call(world.from(alice), 6, 1));
    world.pass(30s);
    CHECK(world.deliver(alice, third) == fourth); // also when the session has long begun
    CHECK(world.engine.session_count() == 1);
    CHECK(world.directory.events.size() == 1);

    CHECK(world.dropped(bob, third) == Drop::unknown_session);
    Packet forged = third;
    forged.back() = static_cast<u8>(forged.back() ^ 1);
    CHECK(world.dropped(alice, forged) == Drop::unknown_session);
}

TEST_CASE("a handshake that the network doubles is answered once", "[rmcp][handshake]") {
    World world;
    ModelClient client(world.shared.tools, {});
    const auto doubled = [&world](const Packet& packet) {
        const auto answer = world.deliver(alice, packet);
        world.pass(299ms);
        CHECK(world.dropped(alice, packet) == Drop::replayed);
        world.pass(1ms);
        CHECK(world.deliver(alice, packet) == answer); // resent: the answer was lost
        return answer.value_or(Packet());
    };
    REQUIRE(client.take_open_session(doubled(client.open_session())));
    REQUIRE(client.take_rakp2(doubled(client.rakp1())));
    REQUIRE(client.take_rakp4(doubled(client.rakp3())));
    CHECK(client.call(world.from(alice), 6, 1));

    // A refusal has no other answer to be taken for: it is said as often as it is asked for.
    ModelClient nobody(world.shared.tools, with("nobody", "password", 0x14));
    REQUIRE(nobody.take_open_session(*world.deliver(bob, nobody.open_session())));
    const auto refusal = world.deliver(bob, nobody.rakp1());
    REQUIRE(refusal);
    CHECK(world.deliver(bob, nobody.rakp1()) == refusal);
}

TEST_CASE("a console that counts its tag up when it resends", "[rmcp][handshake]") {
    // As freeipmi's tools do: only the answer to the last message counts for them.
    World world;
    ModelClient client(world.shared.tools, {});
    auto resent = [&](auto message) {
        const auto lost = world.deliver(alice, (client.*message)());
        REQUIRE(lost);
        ++client.options.tag;
        auto answer = world.deliver(alice, (client.*message)());
        REQUIRE(answer);
        CHECK(answer->at(16) == client.options.tag);
        Packet same_but_tag = *answer;
        same_but_tag[16] = lost->at(16);
        CHECK(same_but_tag == *lost);
        return *answer;
    };
    REQUIRE(client.take_open_session(resent(&ModelClient::open_session)));
    REQUIRE(client.take_rakp2(resent(&ModelClient::rakp1)));
    REQUIRE(client.take_rakp4(resent(&ModelClient::rakp3)));
    CHECK(client.call(world.from(alice), 6, 1));
    CHECK(world.engine.session_count() == 1);
}

TEST_CASE("the same console id at two addresses is two sessions", "[rmcp][handshake]") {
    World world;
    ModelClient first = world.log_in(alice);
    ModelClient second = world.log_in(bob); // also a0a2a3a4, tag 0
    CHECK(first.bmc_id() != second.bmc_id());
    CHECK(first.call(world.from(alice), 6, 1));
    CHECK(second.call(world.from(bob), 6, 1));
    CHECK(world.dropped(bob, first.request(6, 1)) == Drop::unknown_session);
    CHECK(world.engine.session_count() == 2);
}

TEST_CASE("one address logs in again while its old session lives", "[rmcp][handshake]") {
    World world;
    const ModelClient first = world.log_in(alice);
    const ModelClient second = world.log_in(alice); // same port, same console id, same tag
    CHECK(first.bmc_id() != second.bmc_id());
    CHECK(world.engine.session_count() == 2);
}

TEST_CASE("a new RAKP 1 in the same handshake starts it over", "[rmcp][handshake]") {
    World world;
    ModelClient client(world.shared.tools, {});
    REQUIRE(client.take_open_session(*world.deliver(alice, client.open_session())));
    const auto before = world.deliver(alice, client.rakp1());
    client.options.role = 0x13;
    const auto after = world.deliver(alice, client.rakp1());
    REQUIRE(after);
    CHECK(after != before);
    REQUIRE(client.take_rakp2(*after));
    REQUIRE(client.take_rakp4(*world.deliver(alice, client.rakp3())));
}

TEST_CASE("messages out of order have nothing to act on", "[rmcp][handshake]") {
    World world;
    ModelClient client(world.shared.tools, {});
    CHECK(world.dropped(alice, client.rakp1()) == Drop::unknown_session);
    CHECK(world.dropped(alice, client.rakp3()) == Drop::unknown_session);
    REQUIRE(client.take_open_session(*world.deliver(alice, client.open_session())));
    CHECK(world.dropped(alice, client.rakp3()) == Drop::out_of_order);
    CHECK(world.dropped(bob, client.rakp1()) == Drop::unknown_session);
    REQUIRE(client.take_rakp2(*world.deliver(alice, client.rakp1())));
    REQUIRE(client.take_rakp4(*world.deliver(alice, client.rakp3())));
    CHECK(world.dropped(alice, client.rakp1()) == Drop::unknown_session);
    CHECK(world.engine.session_count() == 1);
}

TEST_CASE("a change of user during the handshake counts", "[rmcp][handshake]") {
    World world;
    ModelClient client(world.shared.tools, {});
    REQUIRE(client.take_open_session(*world.deliver(alice, client.open_session())));
    REQUIRE(client.take_rakp2(*world.deliver(alice, client.rakp1())));
    world.directory.users[2].enabled = false;
    const auto fourth = world.deliver(alice, client.rakp3());
    REQUIRE(fourth);
    CHECK_FALSE(client.take_rakp4(*fourth));
    CHECK(client.status() == Status::invalid_integrity_check_value);
}

TEST_CASE("clients outside the allowed networks see nothing", "[rmcp][handshake]") {
    World world;
    world.directory.networks.push_back(*IpNetwork::parse("192.0.2.2/32"));
    ModelClient client(world.shared.tools, {});
    CHECK(world.dropped(alice, client.open_session()) == Drop::not_allowed);
    CHECK(world.dropped(alice, sessionless(false, 6, 0x38, {0x8e, 4})) == Drop::not_allowed);
    CHECK(world.dropped(alice, from_hex("0600ff06000011be80000000")) == Drop::not_allowed);
    world.log_in(bob);
}

TEST_CASE("ids are never zero and never taken", "[rmcp][handshake]") {
    World world;
    world.entropy.script = {0, 0, 0, 0, 5, 0, 0, 0};
    ModelClient client(world.shared.tools, {});
    REQUIRE(client.take_open_session(*world.deliver(alice, client.open_session())));
    CHECK(client.bmc_id() == 5);
    world.entropy.script = {5, 0, 0, 0, 6, 0, 0, 0};
    REQUIRE(client.take_open_session(*world.deliver(bob, client.open_session())));
    CHECK(client.bmc_id() == 6);
}
