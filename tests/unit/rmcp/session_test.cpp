// Inside a session: protection, replay, SOL, privilege, limits, ends; and what strangers may ask.

#include "fixture.h"
#include "wire/sol.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::test;
using rmcp::Drop;
using rmcp::Privilege;
using rmcp::SessionEvent;
using namespace std::chrono_literals;

namespace {

const Peer alice = peer_at(1, 50000);
const Peer bob = peer_at(2, 50000);

bool client_hears(World& world, ModelClient& client) {
    return client.call(world.from(peer_at(3, 1)), 6, 1).has_value();
}

} // namespace

TEST_CASE("the engine of an idle node is small", "[rmcp][session]") {
    CHECK(sizeof(rmcp::Engine) <= 64);
    CHECK(sizeof(rmcp::Return) <= 32);
}

TEST_CASE("strangers may ask three things, in both framings", "[rmcp][session]") {
    struct Row {
        const char* name;
        u8 net_fn;
        u8 command;
        bool answered;
    };

    const Row rows[] = {
        {"Get System GUID", 6, 0x37, true},
        {"Get Channel Authentication Capabilities", 6, 0x38, true},
        {"Get Channel Cipher Suites", 6, 0x54, true},
        {"Get Device ID", 6, 0x01, false},
        {"Get Session Challenge, IPMI 1.5 being off", 6, 0x39, false},
        {"Activate Session", 6, 0x3a, false},
        {"Set Session Privilege", 6, 0x3b, false},
        {"Chassis Control", 0, 0x02, false},
        {"the same number of another netFn", 0, 0x38, false},
    };
    for (const Row& row : rows) {
        for (const bool rmcp_plus : {false, true}) {
            INFO(row.name << (rmcp_plus ? ", RMCP+" : ", IPMI 1.5"));
            World world;
            world.handle = [](const rmcp::Request& request) {
                CHECK(request.session_id == 0);
                CHECK(request.privilege == Privilege::none);
                return std::vector<u8>{0x00, 0x55};
            };
            const Packet packet =
                sessionless(rmcp_plus, row.net_fn, row.command, {0x8e, 4, 0x80}, 9);
            const auto answer = world.deliver(alice, packet);
            CHECK(answer.has_value() == row.answered);
            CHECK(world.runs == (row.answered ? 1 : 0));
            if (answer) {
                const auto reply = open_sessionless(*answer);
                REQUIRE(reply);
                CHECK(reply->rq_sequence == 9);
                CHECK(to_hex(reply->data) == "55");
                CHECK((*answer)[4] == (rmcp_plus ? 6 : 0));
            } else {
                CHECK(world.dropped(alice, packet) == Drop::needs_session);
            }
        }
    }
}

TEST_CASE("nothing but 20h is addressed by strangers", "[rmcp][session]") {
    World world;
    // ipmitool's request, to 24h: the first checksum goes along.
    CHECK(
        world.dropped(alice, from_hex("0600ff07000000000000000000092418c48100388e04b5")) ==
        Drop::unwanted
    );
}

TEST_CASE("a bridged request comes out with its address", "[rmcp][session]") {
    World world;
    ModelClient client = world.log_in(alice);
    const std::vector<u8> message = from_hex("2418c4810401"
                                             "7a");
    const auto answer = world.deliver(alice, client.seal(wire::PayloadType::ipmi, message));
    REQUIRE(answer);
    CHECK(world.last_request.rs_address == 0x24);
    const auto reply = client.open(*answer);
    REQUIRE(reply);
    CHECK(reply->payload[3] == 0x24); // and goes back under it
}

TEST_CASE("LUNs and sequence come back as they were sent", "[rmcp][session]") {
    World world;
    ModelClient client = world.log_in(alice);
    // to 20h lun 3, from 82h lun 2, sequence 3fh
    std::vector<u8> message = from_hex("201bc5"
                                       "82fe01"
                                       "7f");
    const auto answer = world.deliver(alice, client.seal(wire::PayloadType::ipmi, message));
    REQUIRE(answer);
    CHECK(world.last_request.lun == 3);
    const auto reply = client.open(*answer);
    REQUIRE(reply);
    CHECK(
        to_hex(reply->payload).substr(0, 12) == "821e60"
                                                "20ff01"
    );
}

TEST_CASE("the bits of protection are those of the suite", "[rmcp][session]") {
    for (const u8 suite : {u8{1}, u8{2}, u8{3}, u8{17}}) {
        World world;
        world.directory.only_suite(suite);
        ClientOptions options;
        options.suite = suite;
        ModelClient client = world.log_in(alice, options);
        const Packet good = client.request(6, 1);
        for (const u8 bits : {u8{0x00}, u8{0x40}, u8{0x80}, u8{0xc0}}) {
            Packet packet = good;
            if (static_cast<u8>(packet[5] & 0xc0) == bits) {
                continue;
            }
            packet[5] = static_cast<u8>((packet[5] & 0x3f) | bits);
            INFO("suite " << int(suite) << " bits " << int(bits));
            const Drop reason = world.dropped(alice, packet);
            CHECK((reason == Drop::unprotected || reason == Drop::malformed));
        }
        CHECK(world.deliver(alice, good));
    }
}

TEST_CASE("a clear request in an encrypted session is not heard", "[rmcp][session]") {
    World world;
    const ModelClient client = world.log_in(alice);
    Packet packet = sessionless(true, 0, 2, {1});
    for (int i = 0; i < 4; ++i) {
        packet[static_cast<std::size_t>(6 + i)] = static_cast<u8>(client.bmc_id() >> 8 * i);
    }
    packet[10] = 1; // a session sequence number
    CHECK(world.dropped(alice, packet) == Drop::unprotected);
    CHECK(world.runs == 0);
}

TEST_CASE("a replayed packet is not heard, a reordered one is", "[rmcp][session]") {
    World world;
    ModelClient client = world.log_in(alice);
    const Packet first = client.request(6, 1);
    const Packet second = client.request(6, 2);
    const Packet third = client.request(6, 3);
    CHECK(world.deliver(alice, first));
    CHECK(world.deliver(alice, third));
    CHECK(world.deliver(alice, second));
    CHECK(world.runs == 3);
    for (const Packet& packet : {first, second, third}) {
        CHECK(world.dropped(alice, packet) == Drop::replayed);
    }
    CHECK(world.runs == 3);
}

TEST_CASE("a forged packet does not move the window", "[rmcp][session]") {
    World world;
    ModelClient client = world.log_in(alice);
    CHECK(world.deliver(alice, client.request(6, 1)));
    client.session_sequence = 14;
    Packet forged = client.request(6, 1);
    forged.back() = static_cast<u8>(forged.back() ^ 0x80);
    CHECK(world.dropped(alice, forged) == Drop::bad_code);
    client.session_sequence = 1;
    CHECK(world.deliver(alice, client.request(6, 1)));
}

TEST_CASE("outbound numbers go from 1, one by one", "[rmcp][session]") {
    World world;
    ModelClient client = world.log_in(alice);
    for (u32 i = 1; i < 40; ++i) {
        const auto reply = client.call(world.from(alice), 6, 1);
        REQUIRE(reply);
        CHECK(reply->session_sequence == i);
    }
}

TEST_CASE("authentic, but no payload", "[rmcp][session]") {
    World world;
    ModelClient client = world.log_in(alice);
    CHECK(world.dropped(alice, client.seal(wire::PayloadType::ipmi, {})) == Drop::malformed);
    const std::vector<u8> junk(20, 0x77);
    CHECK(world.dropped(alice, client.seal(wire::PayloadType::ipmi, junk)) == Drop::malformed);
    CHECK(world.dropped(alice, client.seal(wire::PayloadType::rakp1, junk)) == Drop::unwanted);
    const std::vector<u8> response = from_hex("811c632000380001950403000000000b");
    CHECK(world.dropped(alice, client.seal(wire::PayloadType::ipmi, response)) == Drop::unwanted);
}

TEST_CASE("replies of every size that fits", "[rmcp][session]") {
    for (const u8 suite : {u8{1}, u8{2}, u8{3}, u8{12}, u8{17}}) {
        World world;
        world.directory.only_suite(suite);
        ClientOptions options;
        options.suite = suite;
        ModelClient client = world.log_in(alice, options);
        for (std::size_t size = 1; size <= 300; ++size) {
            world.handle = [size](const rmcp::Request&) { return std::vector<u8>(size, 0x42); };
            const auto reply = client.call(world.from(alice), 6, 1);
            REQUIRE(reply);
            CHECK(reply->data.size() == size - 1);
        }
        world.handle = [](const rmcp::Request&) { return std::vector<u8>(400); };
        CHECK_FALSE(client.call(world.from(alice), 6, 1));
    }
}

TEST_CASE("an answer that does not fit is no answer", "[rmcp][session]") {
    World world;
    ModelClient client = world.log_in(alice);
    for (std::size_t size = 0; size < 64; ++size) {
        world.out_size = size;
        CHECK_FALSE(world.deliver(alice, client.request(6, 1)));
        if (size < 16 + wire::open_session_response_size) {
            CHECK_FALSE(world.deliver(bob, client.open_session()));
        }
        CHECK(world.dropped(bob, from_hex("0600ff07061000")) == Drop::malformed);
    }
    world.out_size = 512;
    const auto reply = client.call(world.from(alice), 6, 1);
    REQUIRE(reply);
    CHECK(reply->session_sequence == 1); // no number was used up
}

TEST_CASE("SOL goes both ways", "[rmcp][session]") {
    World world;
    ModelClient client = world.log_in(alice);
    const std::vector<u8> typed = from_hex("010000006c73");
    CHECK_FALSE(world.deliver(alice, client.seal(wire::PayloadType::sol, typed)));
    REQUIRE(world.last_sol);
    CHECK(world.last_sol->session_id == client.bmc_id());
    CHECK(to_hex(world.last_sol_payload) == "010000006c73");

    Packet out(512);
    const std::vector<u8> characters = from_hex("010102006f6b");
    out.resize(world.engine.send_sol(client.bmc_id(), characters, out));
    const auto shown = client.open(out);
    REQUIRE(shown);
    CHECK(shown->payload_type == wire::PayloadType::sol);
    CHECK(to_hex(shown->payload) == "010102006f6b");
    Packet room(512);
    CHECK(world.engine.send_sol(client.bmc_id() + 1, characters, room) == 0);
    const std::vector<u8> huge(600);
    CHECK(world.engine.send_sol(client.bmc_id(), huge, room) == 0);
}

TEST_CASE("set session privilege", "[rmcp][session]") {
    struct Row {
        const char* name;
        const char* user;
        const char* password;
        u8 role;
        u8 asked;
        u8 completion_code;
        Privilege now;
    };

    const Row rows[] = {
        {"the present one", "admin", "password", 0x14, 0, 0x00, Privilege::user},
        {"administrator", "admin", "password", 0x14, 4, 0x00, Privilege::administrator},
        {"operator", "admin", "password", 0x14, 3, 0x00, Privilege::operator_},
        {"above what was asked at log-in", "admin", "password", 0x13, 4, 0x81, Privilege::user},
        {"above the user's", "oper", "operpass", 0x13, 4, 0x81, Privilege::user},
        {"OEM", "admin", "password", 0x14, 5, 0x81, Privilege::user},
        {"callback", "admin", "password", 0x14, 1, 0xcc, Privilege::user},
        {"6", "admin", "password", 0x14, 6, 0xcc, Privilege::user},
        {"15", "admin", "password", 0x14, 15, 0xcc, Privilege::user},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        World world;
        ClientOptions options;
        options.user = row.user;
        options.password = row.password;
        options.role = row.role;
        ModelClient client = world.log_in(alice, options);
        const auto answer = world.engine.set_privilege(client.bmc_id(), row.asked);
        CHECK(answer.completion_code == row.completion_code);
        CHECK(answer.privilege == row.now);
        CHECK(client.call(world.from(alice), 6, 1));
        CHECK(world.last_request.privilege == row.now);
    }
    World world;
    CHECK(world.engine.set_privilege(77, 4).completion_code != 0);
}

TEST_CASE("an idle session ends after a minute, a used one does not", "[rmcp][session]") {
    World world;
    ModelClient client = world.log_in(alice);
    for (int i = 0; i < 5; ++i) {
        world.pass(50s);
        CHECK(client.call(world.from(alice), 6, 1));
    }
    world.pass(50s);
    CHECK_FALSE(world.deliver(alice, client.seal(wire::PayloadType::sol, from_hex("00000000"))));
    world.pass(50s);
    CHECK(world.engine.session_count() == 1); // a SOL acknowledgement counts as well
    world.engine.touch(world.now, client.bmc_id());
    world.pass(59s);
    CHECK(world.engine.session_count() == 1);
    world.pass(2s);
    CHECK(world.engine.session_count() == 0);
    CHECK(world.directory.events.back().reason == SessionEvent::Reason::idle);
    CHECK(world.dropped(alice, client.request(6, 1)) == Drop::unknown_session);
    CHECK(world.engine.next_deadline() == never);
    CHECK(world.shared.pools != nullptr);
}

TEST_CASE("forged packets do not keep a session", "[rmcp][session]") {
    World world;
    ModelClient client = world.log_in(alice);
    for (int i = 0; i < 7; ++i) {
        world.pass(10s);
        if (world.engine.session_count() == 1) {
            Packet forged = client.request(6, 1);
            forged.back() = static_cast<u8>(forged.back() ^ 1);
            CHECK(world.dropped(alice, forged) == Drop::bad_code);
        }
    }
    CHECK(world.engine.session_count() == 0);
}

TEST_CASE("sessions are listed, found and closed", "[rmcp][session]") {
    World world;
    ModelClient first = world.log_in(alice);
    ClientOptions options;
    options.user = "oper";
    options.password = "operpass";
    options.role = 0x13;
    options.suite = 3;
    ModelClient second = world.log_in(bob, options);
    ModelClient third = world.log_in(peer_at(3, 1));
    CHECK(world.engine.session_count() == 3);
    const auto info = world.engine.session(second.bmc_id());
    REQUIRE(info);
    CHECK(info->handle == 2);
    CHECK(info->user_id == 3);
    CHECK(info->suite_id == 3);
    CHECK(info->peer == bob);
    CHECK(world.engine.session_by_handle(2)->id == second.bmc_id());
    CHECK(world.engine.session_by_index(1)->id == first.bmc_id());
    CHECK(world.engine.session_by_index(3)->id == third.bmc_id());
    CHECK_FALSE(world.engine.session_by_index(0));
    CHECK_FALSE(world.engine.session_by_index(4));
    CHECK_FALSE(world.engine.session_by_handle(4));
    CHECK(world.engine.peer_of(third.bmc_id()) == peer_at(3, 1));
    int count = 0;
    world.engine.for_each_session([&](const rmcp::SessionInfo&) { ++count; });
    CHECK(count == 3);

    CHECK(world.engine.close(second.bmc_id(), SessionEvent::Reason::by_console));
    CHECK_FALSE(world.engine.close(second.bmc_id()));
    CHECK(world.directory.events.back().reason == SessionEvent::Reason::by_console);
    CHECK(world.engine.session_by_index(2)->id == third.bmc_id());
    const ModelClient fourth = world.log_in(bob, options);
    CHECK(world.engine.session(fourth.bmc_id())->handle == 2); // a free handle is used again

    CHECK(world.engine.close_user(2) == 2);
    CHECK(world.engine.session_count() == 1);
    world.engine.close_all();
    CHECK(world.engine.session_count() == 0);
    CHECK_FALSE(client_hears(world, third));
}

TEST_CASE("a reply to a session that is gone is none", "[rmcp][session]") {
    World world;
    ModelClient client = world.log_in(alice);
    world.park = true;
    CHECK_FALSE(world.deliver(alice, client.request(0, 2, {1})));
    REQUIRE(world.parked.size() == 1);
    world.engine.close(client.bmc_id());
    Packet out(512);
    CHECK(world.engine.reply(world.now, world.parked[0], ByteArray<1>{0}, out) == 0);
}

TEST_CASE("the session limit: the longest idle goes, a fresh one stays", "[rmcp][session]") {
    World world;
    world.directory.rules.sessions_max = 3;
    ModelClient first = world.log_in(peer_at(1, 1));
    ModelClient second = world.log_in(peer_at(2, 1));
    ModelClient third = world.log_in(peer_at(3, 1));
    ModelClient late(world.shared.tools, {});
    CHECK_FALSE(late.log_in(world.from(peer_at(4, 1))));
    CHECK(late.status() == wire::Status::insufficient_resources);
    CHECK(world.engine.session_count() == 3);

    world.pass(20s);
    CHECK(first.call(world.from(peer_at(1, 1)), 6, 1));
    CHECK(third.call(world.from(peer_at(3, 1)), 6, 1));
    world.pass(15s); // the second one is idle for 35 s
    world.log_in(peer_at(4, 1));
    CHECK(world.engine.session_count() == 3);
    CHECK_FALSE(world.engine.session(second.bmc_id()));
    CHECK(world.engine.session(first.bmc_id()));
    bool evicted = false;
    for (const auto& event : world.directory.events) {
        evicted |=
            event.reason == SessionEvent::Reason::evicted && event.session_id == second.bmc_id();
    }
    CHECK(evicted);
}

TEST_CASE("the last session is taken while two log in", "[rmcp][session]") {
    World world;
    world.directory.rules.sessions_max = 1;
    ModelClient slow(world.shared.tools, {});
    REQUIRE(slow.take_open_session(*world.deliver(alice, slow.open_session())));
    REQUIRE(slow.take_rakp2(*world.deliver(alice, slow.rakp1())));
    world.log_in(bob);
    const auto fourth = world.deliver(alice, slow.rakp3());
    REQUIRE(fourth);
    CHECK_FALSE(slow.take_rakp4(*fourth));
    CHECK(slow.status() == wire::Status::insufficient_resources);
    CHECK(world.directory.events.back().reason == SessionEvent::Reason::no_session_free);
    CHECK(world.engine.session_count() == 1);
}

TEST_CASE("authentication capabilities", "[rmcp][facts]") {
    World world;
    CHECK(
        to_hex(world.engine.authentication_capabilities(true, Privilege::administrator)) ==
        "80040200000000"
    );
    CHECK(
        to_hex(world.engine.authentication_capabilities(false, Privilege::administrator)) ==
        "00040000000000"
    );
    world.directory.second_key[0] = 1;
    CHECK(
        to_hex(world.engine.authentication_capabilities(true, Privilege::administrator)) ==
        "80240200000000"
    );
    world.directory.rules.ipmi15_md5 = true;
    CHECK(
        to_hex(world.engine.authentication_capabilities(true, Privilege::administrator)) ==
        "84240300000000"
    );
    CHECK(
        to_hex(world.engine.authentication_capabilities(false, Privilege::administrator)) ==
        "04040000000000"
    );
    world.directory.rules.ipmi15_password = true;
    CHECK(
        to_hex(world.engine.authentication_capabilities(true, Privilege::administrator)) ==
        "94240300000000"
    );
}

TEST_CASE("cipher suite records", "[rmcp][facts]") {
    World world;
    CHECK(
        to_hex(world.engine.cipher_suite_records(0x80).bytes()) == "c0110344"
                                                                   "81c0030141"
                                                                   "81"
    );
    CHECK(world.engine.cipher_suite_records(0x81).empty());
    CHECK(to_hex(world.engine.cipher_suite_records(0x00).bytes()) == "0344810141");

    u8 count = 0;
    for (const u8 suite : {u8{17}, u8{3}, u8{16}, u8{15}}) {
        world.directory.rules.suites[count++] = {suite, Privilege::administrator};
    }
    world.directory.rules.suite_count = count;
    CHECK(
        to_hex(world.engine.cipher_suite_records(0x80).bytes()) == "c011034481"
                                                                   "c003014181"
                                                                   "c010034480"
                                                                   "c0"
    );
    CHECK(to_hex(world.engine.cipher_suite_records(0x81).bytes()) == "0f034080");
    CHECK(world.engine.cipher_suite_records(0x82).empty());
    CHECK(world.engine.cipher_suite_records(0xbf).empty());
    world.directory.rules.suites[0].privilege_max = Privilege::none;
    CHECK(to_hex(world.engine.cipher_suite_records(0x80).bytes()).substr(0, 4) == "c003");
}

TEST_CASE("presence ping", "[rmcp][facts]") {
    World world;
    const auto pong = world.deliver(alice, from_hex("0600ff06000011be80420000"));
    REQUIRE(pong);
    CHECK(to_hex(*pong) == "0600ff06000011be40420010000011be000000008100000000000000");
    CHECK(world.dropped(alice, from_hex("0600ff06000011be80ff0000")) == Drop::unwanted);
    CHECK(world.dropped(alice, *pong) == Drop::unwanted);
    CHECK(world.dropped(alice, from_hex("06000086")) == Drop::unwanted); // an acknowledgement
}
