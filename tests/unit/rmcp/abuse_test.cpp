// Floods, guessing, and the packets that other BMCs die of.

#include "fixture.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::test;
using rmcp::Drop;
using rmcp::SessionEvent;
using wire::Status;
using namespace std::chrono_literals;

namespace {

const Peer alice = peer_at(1, 50000);

/// An Open Session of a stranger who never goes on.
Packet stray_open(World& world, u32 number) {
    ClientOptions options;
    options.console_id = number;
    options.tag = static_cast<u8>(number);
    return ModelClient(world.shared.tools, options).open_session();
}

} // namespace

TEST_CASE("a log-in succeeds under a flood of Open Sessions", "[rmcp][abuse]") {
    enum class Kind { one_port, many_ports, same_address, many_sources };
    for (const Kind kind :
         {Kind::one_port, Kind::many_ports, Kind::same_address, Kind::many_sources}) {
        INFO("kind " << static_cast<int>(kind));
        World world;
        u32 number = 0;
        const auto flood = [&](int count) { // at 10,000 a second
            for (int i = 0; i < count; ++i) {
                ++number;
                Peer stranger = peer_at(66, 1000);
                if (kind == Kind::many_ports) {
                    stranger.port = static_cast<u16>(number);
                } else if (kind == Kind::same_address) {
                    stranger = alice;
                    stranger.port = static_cast<u16>(number % 40000);
                } else if (kind == Kind::many_sources) {
                    world.entropy.fill(stranger.address.bytes);
                }
                world.deliver(stranger, stray_open(world, number));
                world.pass(100us);
            }
        };
        flood(5000);
        for (int login = 0; login < 10; ++login) {
            ClientOptions options;
            options.tag = static_cast<u8>(login);
            ModelClient client(world.shared.tools, options);
            Peer peer = alice;
            peer.port = static_cast<u16>(50000 + login);
            const auto opened = world.deliver(peer, client.open_session());
            flood(30); // three milliseconds of round trip
            REQUIRE(opened);
            REQUIRE(client.take_open_session(*opened));
            const auto second = world.deliver(peer, client.rakp1());
            flood(30);
            REQUIRE(second);
            REQUIRE(client.take_rakp2(*second));
            const auto fourth = world.deliver(peer, client.rakp3());
            REQUIRE(fourth);
            REQUIRE(client.take_rakp4(*fourth));
        }
        CHECK(world.engine.session_count() == 10);
        world.pass(10s);
        CHECK(world.engine.session_count() == 10);
    }
}

TEST_CASE("strangers never push out a session", "[rmcp][abuse]") {
    World world;
    world.directory.rules.sessions_max = 2;
    ModelClient first = world.log_in(alice);
    ModelClient second = world.log_in(peer_at(2, 1));
    world.pass(40s); // both could be pushed out by a log-in
    for (u32 i = 0; i < 10000; ++i) {
        Peer stranger = peer_at(66, static_cast<u16>(i));
        world.deliver(stranger, stray_open(world, i));
    }
    CHECK(world.engine.session_count() == 2);
    CHECK(first.call(world.from(alice), 6, 1));
    CHECK(second.call(world.from(peer_at(2, 1)), 6, 1));
}

TEST_CASE("half-open sessions are bounded and forgotten", "[rmcp][abuse]") {
    rmcp::Limits limits;
    limits.half_open_per_shard = 64;
    World world(limits);
    for (u32 i = 0; i < 2000; ++i) {
        Peer stranger;
        world.entropy.fill(stranger.address.bytes);
        world.deliver(stranger, stray_open(world, i));
    }
    world.log_in(alice); // the shard's pool is full of this node's own strangers
    world.pass(4s);
    world.engine.close_all();
    CHECK(world.engine.next_deadline() != never);
    world.pass(60s);
    CHECK(world.engine.next_deadline() == never);
}

TEST_CASE("a shard full of another node's strangers says so", "[rmcp][abuse]") {
    rmcp::Limits limits;
    limits.half_open_per_shard = 32;
    World world(limits);
    for (u32 i = 0; i < 100; ++i) {
        Peer stranger;
        world.entropy.fill(stranger.address.bytes);
        world.deliver(stranger, stray_open(world, i));
    }
    rmcp::Engine other(world.shared, world.directory);
    ModelClient client(world.shared.tools, {});
    Packet packet = client.open_session();
    Packet out(512);
    const auto incoming = other.open(world.now, alice, packet, out);
    REQUIRE(std::holds_alternative<rmcp::Answered>(incoming));
    out.resize(std::get<rmcp::Answered>(incoming).size);
    CHECK_FALSE(client.take_open_session(out));
    CHECK(client.status() == Status::insufficient_resources);
}

TEST_CASE("one stranger's port gets a bounded number of answers", "[rmcp][abuse]") {
    World world;
    int answers = 0;
    for (u32 i = 0; i < 10000; ++i) {
        answers += world.deliver(peer_at(66, 1), stray_open(world, i)) ? 1 : 0;
        answers += world.deliver(peer_at(66, 1), sessionless(false, 6, 0x38, {0x8e, 4})) ? 1 : 0;
    }
    CHECK(answers == 256);
    CHECK(world.shared.counters.drops[static_cast<std::size_t>(Drop::throttled)] == 20000 - 256);
    CHECK(world.deliver(alice, sessionless(false, 6, 0x38, {0x8e, 4})));
}

TEST_CASE("a thousand log-ins in a moment from one port are not a stranger's", "[rmcp][abuse]") {
    World world;
    for (u32 i = 0; i < 1000; ++i) {
        ClientOptions options;
        options.console_id = i + 1;
        options.tag = static_cast<u8>(i);
        ModelClient client = world.log_in(alice, options);
        REQUIRE(client.active());
        world.engine.close(client.bmc_id());
    }
    CHECK(world.shared.counters.drops[static_cast<std::size_t>(Drop::throttled)] == 0);
    CHECK(world.shared.counters.opened[3] + world.shared.counters.opened[17] == 1000);
}

TEST_CASE("who goes on with a handshake gets a bounded number of answers", "[rmcp][abuse]") {
    World world;
    ModelClient client(world.shared.tools, {});
    REQUIRE(client.take_open_session(*world.deliver(alice, client.open_session())));
    int answers = 0;
    for (int i = 0; i < 10000; ++i) {
        ++client.options.tag; // a copy would not be answered
        answers += world.deliver(alice, client.rakp1()) ? 1 : 0;
    }
    CHECK(answers == 255);
    CHECK(world.dropped(alice, client.rakp1()) == Drop::throttled);
}

TEST_CASE("no answer before log-in is much longer than its question", "[rmcp][abuse]") {
    World world;
    world.directory.only_suite(17);
    ModelClient client(world.shared.tools, {});
    const auto check = [&](const Packet& question) {
        const auto answer = world.deliver(alice, question);
        REQUIRE(answer);
        CHECK(answer->size() <= question.size() + 42);
        return *answer;
    };
    REQUIRE(client.take_open_session(check(client.open_session())));
    REQUIRE(client.take_rakp2(check(client.rakp1())));
    REQUIRE(client.take_rakp4(check(client.rakp3())));
    check(from_hex("0600ff06000011be80000000"));
}

TEST_CASE("guessing gets slow, and only for who guesses", "[rmcp][abuse]") {
    World world;
    const Peer guesser = peer_at(66, 1000);
    int tried = 0;
    int answered = 0;
    const Mono start = world.now.mono;
    while (world.now.mono - start < 60s) {
        ClientOptions options;
        options.password = "guess" + std::to_string(tried);
        options.tag = static_cast<u8>(tried++);
        ModelClient client(world.shared.tools, options);
        const auto opened = world.deliver(guesser, client.open_session());
        if (opened && client.take_open_session(*opened)) {
            const auto second = world.deliver(guesser, client.rakp1());
            if (second) {
                client.take_rakp2(*second);
                if (const auto fourth = world.deliver(guesser, client.rakp3())) {
                    client.take_rakp4(*fourth);
                    CHECK(client.status() == Status::invalid_integrity_check_value);
                    ++answered;
                }
            }
        }
        world.pass(50ms);
    }
    CHECK(tried > 1000);
    CHECK(answered < 30);
    CHECK(answered > 5);
    // The right password from elsewhere was never locked out.
    ModelClient client = world.log_in(alice);
    CHECK(client.call(world.from(alice), 6, 1));
    // And the guesser who knows it at last gets in after his delay.
    world.pass(5s);
    world.log_in(guesser);
}

TEST_CASE("many handshakes at once do not buy more guesses", "[rmcp][abuse]") {
    World world;
    std::vector<ModelClient> clients;
    for (u8 i = 0; i < 60; ++i) {
        ClientOptions options;
        options.password = "guess";
        options.console_id = i + 1;
        ModelClient client(world.shared.tools, options);
        const Peer peer = peer_at(66, static_cast<u16>(1000 + i));
        REQUIRE(client.take_open_session(*world.deliver(peer, client.open_session())));
        CHECK_FALSE(client.take_rakp2(*world.deliver(peer, client.rakp1())));
        clients.push_back(client);
    }
    int answered = 0;
    for (u16 i = 0; i < 60; ++i) {
        answered +=
            world.deliver(peer_at(66, static_cast<u16>(1000 + i)), clients[i].rakp3()) ? 1 : 0;
    }
    CHECK(answered <= 6);
}

TEST_CASE("a session of the guesser's source goes on", "[rmcp][abuse]") {
    World world;
    ModelClient session = world.log_in(alice);
    for (int i = 0; i < 20; ++i) {
        ClientOptions options;
        options.user = "nobody";
        options.tag = static_cast<u8>(i);
        Peer peer = alice;
        peer.port = static_cast<u16>(i + 1);
        ModelClient client(world.shared.tools, options);
        client.log_in(world.from(peer));
        CHECK(session.call(world.from(alice), 6, 1));
    }
}

TEST_CASE("the packets that kill other BMCs", "[rmcp][abuse]") {
    World world;
    ModelClient client(world.shared.tools, {});
    // RAKP 3 without RAKP 1, without and with a known session.
    CHECK(world.dropped(alice, client.rakp3()) == Drop::unknown_session);
    REQUIRE(client.take_open_session(*world.deliver(alice, client.open_session())));
    CHECK(world.dropped(alice, client.rakp3()) == Drop::out_of_order);

    // RAKP 1 too short, at every length.
    const Packet rakp1 = client.rakp1();
    for (std::size_t size = 16; size < rakp1.size(); ++size) {
        Packet cut(rakp1.begin(), rakp1.begin() + static_cast<long>(size));
        cut[14] = static_cast<u8>(size - 16);
        CHECK(world.dropped(alice, cut) == Drop::malformed);
    }

    // Every name length, with as many bytes as it says and with none; none of them UTF-8.
    for (unsigned length = 0; length < 256; ++length) {
        INFO("name length " << length);
        World fresh;
        ModelClient other(fresh.shared.tools, {});
        REQUIRE(other.take_open_session(*fresh.deliver(alice, other.open_session())));
        Packet packet = other.rakp1();
        packet.resize(16 + 28);
        packet[14] = 28;
        packet[16 + 27] = static_cast<u8>(length);
        const auto bare = fresh.deliver(alice, packet);
        CHECK(bare.has_value() == (length == 0 || length > 16));
        packet[14] = static_cast<u8>((28 + length) & 0xff);
        packet[15] = static_cast<u8>((28 + length) >> 8);
        packet.insert(packet.end(), length, 0xff);
        const auto answer = fresh.deliver(alice, packet);
        REQUIRE(answer);
        CHECK(answer->size() == 24);
        const Status status = static_cast<Status>((*answer)[17]);
        CHECK(status == (length > 16 ? Status::invalid_name_length : Status::unauthorized_name));
    }

    // An empty Set Session Privilege after log-in is the endpoint's: it arrives whole.
    ModelClient in = world.log_in(peer_at(9, 9));
    world.handle = [](const rmcp::Request& request) {
        CHECK(request.command == 0x3b);
        CHECK(request.data.empty());
        return std::vector<u8>{0xc7};
    };
    const auto reply = in.call(world.from(peer_at(9, 9)), 6, 0x3b);
    REQUIRE(reply);
    CHECK(reply->completion_code == 0xc7);
}

TEST_CASE("random bytes are one counter each", "[rmcp][abuse]") {
    World world;
    ModelClient client = world.log_in(alice);
    SeededEntropy random(3);
    u64 dropped = 0;
    for (int i = 0; i < 20000; ++i) {
        Packet packet(random.next_u32() % 120);
        random.fill(packet);
        if (packet.size() > 4) { // mostly past the first checks
            packet[0] = 6;
            packet[2] = 0xff;
            packet[3] = 7;
            packet[4] = (random.next_u32() & 1) != 0 ? 6 : packet[4];
        }
        if (packet.size() > 15 && (random.next_u32() & 1) != 0) {
            packet[5] = static_cast<u8>((packet[5] & 0xc0) | (random.next_u32() % 6 + 0x10));
            packet[14] = static_cast<u8>(packet.size() - 16);
            packet[15] = 0;
            std::fill(packet.begin() + 6, packet.begin() + 14, u8{0});
        }
        dropped += world.deliver(alice, packet) ? 0 : 1;
    }
    CHECK(world.runs == 0);
    u64 counted = 0;
    for (const u64 count : world.shared.counters.drops) {
        counted += count;
    }
    CHECK(counted == dropped);
    CHECK(client.call(world.from(alice), 6, 1));
}
