// Retransmitted requests: they run once, and their reply is repeated.

#include "fixture.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::test;
using rmcp::Drop;
using namespace std::chrono_literals;

namespace {

const Peer alice = peer_at(1, 50000);

} // namespace

TEST_CASE("a retransmitted request gets its reply again and does not run again", "[rmcp][repeat]") {
    World world;
    ModelClient client = world.log_in(alice);
    world.handle = [&](const rmcp::Request&) {
        return std::vector<u8>{0x00, static_cast<u8>(world.runs)};
    };
    const auto first = client.call(world.from(alice), 0, 2, {3});
    REQUIRE(first);
    world.pass(1s);
    const auto answer = world.deliver(alice, client.retransmit());
    REQUIRE(answer);
    const auto second = client.open(*answer);
    REQUIRE(second);
    CHECK(second->data == first->data);
    CHECK(second->rq_sequence == first->rq_sequence);
    CHECK(second->session_sequence == first->session_sequence + 1); // sealed anew
    CHECK(world.runs == 1);
}

TEST_CASE("a retransmission while the first waits is dropped", "[rmcp][repeat]") {
    World world;
    ModelClient client = world.log_in(alice);
    world.park = true;
    CHECK_FALSE(world.deliver(alice, client.request(0, 2, {3})));
    CHECK(world.dropped(alice, client.retransmit()) == Drop::in_progress);
    world.pass(600ms);
    CHECK(world.dropped(alice, client.retransmit()) == Drop::in_progress);
    CHECK(world.runs == 1);

    // Other commands go on meanwhile.
    world.park = false;
    Packet saved = client.retransmit();
    CHECK(client.call(world.from(alice), 6, 1));

    Packet out(512);
    const ByteArray<1> ok{0x00};
    out.resize(world.engine.reply(world.now, world.parked[0], ok, out));
    const auto reply = client.open(out);
    REQUIRE(reply);
    CHECK(reply->command == 2);
    CHECK(reply->rq_sequence == 1);
    const auto again = world.deliver(alice, saved);
    REQUIRE(again);
    CHECK(client.open(*again)->command == 2);
    CHECK(world.runs == 2);
}

TEST_CASE("what makes a request another one", "[rmcp][repeat]") {
    World world;
    ModelClient client = world.log_in(alice);
    const auto run = [&](u8 net_fn, u8 command, std::vector<u8> data, u8 rq_sequence) {
        client.rq_sequence = static_cast<u8>(rq_sequence - 1);
        const int before = world.runs;
        REQUIRE(client.call(world.from(alice), net_fn, command, data));
        return world.runs - before;
    };
    CHECK(run(0, 2, {3}, 10) == 1);
    CHECK(run(0, 2, {3}, 10) == 0);
    CHECK(run(0, 2, {3}, 11) == 1); // rqSeq
    CHECK(run(0, 2, {2}, 10) == 1); // data
    CHECK(run(0, 1, {3}, 10) == 1); // command
    CHECK(run(6, 2, {3}, 10) == 1); // netFn
}

TEST_CASE("a reply is repeated for ten seconds", "[rmcp][repeat]") {
    World world;
    ModelClient client = world.log_in(alice);
    CHECK(client.call(world.from(alice), 0, 2, {3}));
    for (int i = 0; i < 9; ++i) {
        world.pass(1s);
        CHECK(world.deliver(alice, client.retransmit()));
    }
    CHECK(world.runs == 1);
    world.pass(1s); // ten since the first: repeating did not make it longer
    CHECK(world.deliver(alice, client.retransmit()));
    CHECK(world.runs == 2);
}

TEST_CASE("a pure read is run again", "[rmcp][repeat]") {
    World world;
    ModelClient client = world.log_in(alice);
    world.repeat = rmcp::Repeat::rerun;
    CHECK(client.call(world.from(alice), 0, 1));
    CHECK(world.deliver(alice, client.retransmit()));
    CHECK(world.runs == 2);
}

TEST_CASE("a request that was given up runs anew", "[rmcp][repeat]") {
    World world;
    ModelClient client = world.log_in(alice);
    world.park = true;
    CHECK_FALSE(world.deliver(alice, client.request(0, 2, {3})));
    world.engine.forget(world.parked[0]);
    CHECK_FALSE(world.deliver(alice, client.retransmit()));
    CHECK(world.runs == 2);
}

TEST_CASE("two sessions do not share replies", "[rmcp][repeat]") {
    World world;
    ModelClient first = world.log_in(alice);
    ModelClient second = world.log_in(peer_at(2, 50000));
    CHECK(first.call(world.from(alice), 0, 2, {3}));
    CHECK(second.call(world.from(peer_at(2, 50000)), 0, 2, {3}));
    CHECK(world.runs == 2);
}

TEST_CASE("a replay of the very packet gets nothing, whatever the cache holds", "[rmcp][repeat]") {
    World world;
    ModelClient client = world.log_in(alice);
    const Packet packet = client.request(0, 2, {3});
    CHECK(world.deliver(alice, packet));
    CHECK(world.dropped(alice, packet) == Drop::replayed);
    CHECK(world.runs == 1);
}

TEST_CASE("a client that never changes its rqSeq has every request carried out", "[rmcp][repeat]") {
    World world;
    ModelClient client = world.log_in(alice);
    const auto control = [&](u8 action) {
        client.rq_sequence = 0; // call() counts it up to 1
        REQUIRE(client.call(world.from(alice), 0, 2, {action}));
        return std::exchange(world.runs, 0);
    };
    CHECK(control(1) == 1);
    CHECK(control(0) == 1);
    CHECK(control(1) == 1); // on again: not the answer of the first "on"
    CHECK(control(1) == 0); // sent again

    // A copy from before the client went on is late, not new.
    client.rq_sequence = 0;
    REQUIRE(world.deliver(alice, client.request(0, 2, {3})));
    const Packet late = client.retransmit();
    CHECK(control(0) == 2);
    REQUIRE(world.deliver(alice, late));
    CHECK(world.runs == 0);
}
