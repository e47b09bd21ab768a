// Every datagram of every golden conversation, at every length and with every single bit flipped,
// before a log-in and in the middle of a session: no crash, no wrong acceptance.

#include "fixture.h"
#include "support/golden.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::test;

namespace {

const Peer console = peer_at(1, 50000);

template <class F>
void for_each_mutation(const Packet& packet, F&& use) {
    for (std::size_t size = 0; size < packet.size(); ++size) {
        use(Packet(packet.begin(), packet.begin() + static_cast<long>(size)));
    }
    for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
        Packet flipped = packet;
        flipped[bit / 8] = static_cast<u8>(flipped[bit / 8] ^ 1U << bit % 8);
        use(flipped);
    }
    Packet longer = packet;
    longer.push_back(0);
    use(longer);
}

rmcp::Limits without_throttle() {
    rmcp::Limits limits;
    limits.answers_per_port = 1000000000;
    limits.answers_per_source = 1000000000;
    return limits;
}

} // namespace

TEST_CASE("mutated golden packets at a fresh engine", "[rmcp][mutation]") {
    World world(without_throttle());
    world.directory.rules.ipmi15_md5 = true;
    world.handle = [](const rmcp::Request& request) {
        CHECK(request.session_id == 0);
        CHECK(request.net_fn == 6);
        return std::vector<u8>{0x00};
    };
    for (const Golden& golden : load_golden()) {
        for (const GoldenPacket& packet : golden.packets) {
            for_each_mutation(packet.bytes, [&](const Packet& mutated) {
                world.deliver(console, mutated);
            });
        }
    }
    CHECK(world.engine.session_count() == 0);
}

TEST_CASE("mutated requests of a live session are not run", "[rmcp][mutation]") {
    for (const u8 suite : {u8{2}, u8{3}, u8{8}, u8{12}, u8{17}}) {
        World world(without_throttle());
        world.directory.only_suite(suite);
        ClientOptions options;
        options.suite = suite;
        ModelClient client = world.log_in(console, options);
        const Packet request = client.request(0, 2, {1, 2, 3});
        for_each_mutation(request, [&](const Packet& mutated) {
            // Bits of the RMCP header that mean nothing to an IPMI message: reserved, sequence.
            const bool header = equal(
                Bytes(mutated).subspan(std::min<std::size_t>(4, mutated.size())),
                Bytes(request).subspan(4)
            );
            if (!header) {
                CHECK_FALSE(world.deliver(console, mutated));
            }
        });
        CHECK(world.runs == 0);
        CHECK(world.deliver(console, request));
        CHECK(world.runs == 1);
    }
}

TEST_CASE("mutated handshakes give no session", "[rmcp][mutation]") {
    for (const u8 suite : {u8{3}, u8{8}, u8{17}}) {
        World world(without_throttle());
        world.directory.only_suite(suite);
        ClientOptions options;
        options.suite = suite;
        ModelClient client(world.shared.tools, options);
        REQUIRE(client.take_open_session(*world.deliver(console, client.open_session())));
        REQUIRE(client.take_rakp2(*world.deliver(console, client.rakp1())));
        const Packet third = client.rakp3();
        for (std::size_t bit = (16 + 8) * 8; bit < third.size() * 8; ++bit) {
            // Each flipped RAKP 3 needs a handshake of its own: a wrong one ends it.
            World other(without_throttle());
            other.directory.only_suite(suite);
            ModelClient victim(other.shared.tools, options);
            REQUIRE(victim.take_open_session(*other.deliver(console, victim.open_session())));
            REQUIRE(victim.take_rakp2(*other.deliver(console, victim.rakp1())));
            Packet wrong = victim.rakp3();
            wrong[bit / 8] = static_cast<u8>(wrong[bit / 8] ^ 1U << bit % 8);
            const auto answer = other.deliver(console, wrong);
            REQUIRE(answer);
            CHECK((*answer)[17] == 0x0f);
            CHECK(other.engine.session_count() == 0);
        }
        for (std::size_t size = 0; size < third.size(); ++size) {
            world.deliver(console, Packet(third.begin(), third.begin() + static_cast<long>(size)));
        }
        CHECK(world.engine.session_count() == 0);
    }
}
