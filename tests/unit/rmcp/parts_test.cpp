// The parts of a session by themselves: replay window, reply cache, pool, throttle.

#include "fixture.h"
#include "rmcp/replay_window.h"
#include "rmcp/reply_cache.h"
#include "rmcp/session_pool.h"
#include "rmcp/throttle.h"

#include <catch2/catch.hpp>

#include <set>

using namespace vbmc;
using namespace vbmc::rmcp;
using namespace std::chrono_literals;

TEST_CASE("replay window: RMCP+", "[rmcp][window]") {
    struct Row {
        const char* name;
        std::vector<u32> before;
        u32 sequence;
        bool fresh;
    };

    const Row rows[] = {
        {"the first may be 1", {}, 1, true},
        {"the first may be 3", {}, 3, true},
        {"the first may be anything", {}, 0x80000000, true},
        {"zero is no number", {}, 0, false},
        {"zero later", {1}, 0, false},
        {"the next", {1}, 2, true},
        {"the same", {5}, 5, false},
        {"15 ahead", {100}, 115, true},
        {"16 ahead", {100}, 116, false},
        {"16 behind", {100}, 84, true},
        {"17 behind", {100}, 83, false},
        {"behind and seen", {99, 100}, 99, false},
        {"behind the first one", {3}, 1, true},
        {"reordered", {1, 3}, 2, true},
        {"twice reordered", {1, 3, 2}, 2, false},
        {"the other end of the numbers", {100}, 0x80000064, false},
        {"wrap: zero is skipped", {0xffffffff}, 1, true},
        {"wrap: 15 ahead", {0xffffffff}, 15, true},
        {"wrap: 16 ahead", {0xffffffff}, 16, false},
        {"wrap: behind", {1}, 0xffffffff, true},
        {"wrap: 16 behind", {1}, 0xfffffff0, true},
        {"wrap: 17 behind", {1}, 0xffffffef, false},
        {"wrap: seen before it", {0xffffffff, 1}, 0xffffffff, false},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        ReplayWindow window = ReplayWindow::rmcp_plus();
        for (const u32 sequence : row.before) {
            CHECK(window.accept(sequence));
        }
        CHECK(window.fresh(row.sequence) == row.fresh);
        CHECK(window.accept(row.sequence) == row.fresh);
        CHECK_FALSE(window.accept(row.sequence));
    }
}

TEST_CASE("replay window: each number once, however they arrive", "[rmcp][window]") {
    test::SeededEntropy random(7);
    for (u32 start : {u32{1}, u32{1000}, u32{0xffffffe0}}) {
        ReplayWindow window = ReplayWindow::rmcp_plus();
        std::set<u32> taken;
        u32 highest = start;
        for (int i = 0; i < 5000; ++i) {
            const u32 sequence = highest + random.next_u32() % 40 - 20;
            if (window.accept(sequence)) {
                CHECK(taken.insert(sequence).second);
                if (static_cast<i32>(sequence - highest) > 0) {
                    highest = sequence;
                }
            }
        }
        CHECK(taken.size() > 1000);
        CHECK(taken.count(0) == 0);
    }
}

TEST_CASE("replay window: IPMI 1.5 takes eight either way", "[rmcp][window]") {
    ReplayWindow window = ReplayWindow::ipmi15(1000);
    CHECK(window.fresh(1000));
    CHECK(window.fresh(1007));
    CHECK_FALSE(window.fresh(1008));
    CHECK(window.accept(1000));
    CHECK(window.fresh(1008));
    CHECK(window.fresh(992));
    CHECK_FALSE(window.fresh(991));
    CHECK_FALSE(window.accept(1000));
    ReplayWindow first = ReplayWindow::ipmi15(1);
    CHECK(first.accept(1));
    CHECK_FALSE(first.accept(0));
}

TEST_CASE("outbound numbers skip zero", "[rmcp][window]") {
    CHECK(next_sequence(0) == 1);
    CHECK(next_sequence(0xffffffff) == 1);
}

TEST_CASE("reply cache", "[rmcp][cache]") {
    ReplyCache cache;
    const Mono start{1h};
    const RequestKey key{0x20, 0x81, 4, 0, 2, 1, hash_of(ByteArray<1>{3})};
    const std::vector<u8> reply{0x00, 0xaa};

    CHECK(cache.find(key, 1, start, 10s).found == ReplyCache::Found::nothing);
    const auto claim = cache.start(key, 1, start, 10s);
    CHECK(cache.find(key, 1, start, 10s).found == ReplyCache::Found::running);
    cache.finish(claim, reply);
    const auto found = cache.find(key, 1, start + 9s, 10s);
    CHECK(found.found == ReplyCache::Found::reply);
    CHECK(equal(found.reply, reply));
    CHECK(cache.find(key, 1, start + 10s, 10s).found == ReplyCache::Found::nothing);

    RequestKey other = key;
    other.rq_sequence_lun = 8;
    CHECK(cache.find(other, 1, start, 10s).found == ReplyCache::Found::nothing);
    other = key;
    other.data_hash = hash_of(ByteArray<1>{4});
    CHECK(cache.find(other, 1, start, 10s).found == ReplyCache::Found::nothing);
    other = key;
    other.command = 3;
    CHECK(cache.find(other, 1, start, 10s).found == ReplyCache::Found::nothing);
}

TEST_CASE("reply cache: the newest stay, and those that are running", "[rmcp][cache]") {
    ReplyCache cache;
    const Mono start{1h};
    const auto key = [](u8 number) {
        RequestKey result;
        result.command = number;
        return result;
    };
    constexpr u8 count = ReplyCache::entry_count;
    const auto first = cache.start(key(1), 1, start, 10s);
    for (u8 number = 2; number < 2 * count; ++number) {
        const auto claim = cache.start(key(number), 1, start, 10s);
        CHECK(claim.slot != first.slot);
        cache.finish(claim, ByteArray<1>{0});
    }
    CHECK(cache.find(key(1), 1, start, 10s).found == ReplyCache::Found::running);
    for (u8 number = count + 1; number < 2 * count; ++number) {
        CHECK(cache.find(key(number), 1, start, 10s).found == ReplyCache::Found::reply);
    }
    CHECK(cache.find(key(count), 1, start, 10s).found == ReplyCache::Found::nothing);

    // All are running: one more runs unremembered; an old one gives way after the window.
    for (u8 number = 0; number < count - 1; ++number) {
        const auto claim = cache.start(key(static_cast<u8>(100 + number)), 1, start, 10s);
        CHECK(claim.slot != ReplyCache::no_slot);
    }
    CHECK(cache.start(key(200), 1, start, 10s).slot == ReplyCache::no_slot);
    CHECK(cache.start(key(200), 1, start + 10s, 10s).slot != ReplyCache::no_slot);
}

TEST_CASE("reply cache: a late answer does not end up in another request", "[rmcp][cache]") {
    ReplyCache cache;
    const Mono start{1h};
    RequestKey old_key;
    old_key.command = 1;
    RequestKey new_key;
    new_key.command = 2;
    const auto old_claim = cache.start(old_key, 1, start, 10s);
    ReplyCache::Claim new_claim;
    do { // until the old one's place is taken
        new_key.data_hash++;
        new_claim = cache.start(new_key, 1, start + 20s, 10s);
        cache.forget(new_claim.slot == old_claim.slot ? ReplyCache::Claim{} : new_claim);
    } while (new_claim.slot != old_claim.slot);
    cache.finish(old_claim, ByteArray<1>{0xff});
    CHECK(cache.find(new_key, 1, start + 20s, 10s).found == ReplyCache::Found::running);
}

TEST_CASE("reply cache: what is too large is run again", "[rmcp][cache]") {
    ReplyCache cache;
    const RequestKey key;
    cache.finish(cache.start(key, 1, Mono(1h), 10s), std::vector<u8>(65));
    CHECK(cache.find(key, 1, Mono(1h), 10s).found == ReplyCache::Found::nothing);
    cache.finish(cache.start(key, 1, Mono(1h), 10s), std::vector<u8>(64));
    CHECK(cache.find(key, 1, Mono(1h), 10s).found == ReplyCache::Found::reply);
}

TEST_CASE(
    "reply cache: a number that was given to another request names no old one", "[rmcp][cache]"
) {
    using Found = ReplyCache::Found;
    ReplyCache cache;
    const Mono start{1h};
    const RequestKey on{0x20, 0x81, 4, 0, 2, 1, hash_of(ByteArray<1>{1})};
    const RequestKey off{0x20, 0x81, 4, 0, 2, 1, hash_of(ByteArray<1>{0})};
    cache.finish(cache.start(on, 0xfffffffe, start, 10s), ByteArray<1>{0});
    CHECK(cache.find(on, 0xffffffff, start, 10s).found == Found::reply);
    cache.finish(cache.start(off, 1, start, 10s), ByteArray<1>{0}); // the count goes around
    CHECK(cache.find(off, 2, start, 10s).found == Found::reply);
    CHECK(cache.find(on, 3, start, 10s).found == Found::nothing);
    CHECK(cache.find(on, 0xffffffff, start, 10s).found == Found::reply); // sent before, and late

    RequestKey other = off; // a client that counts its requests leaves the others alone
    other.rq_sequence_lun = 8;
    cache.finish(cache.start(other, 4, start, 10s), ByteArray<1>{0});
    CHECK(cache.find(off, 5, start, 10s).found == Found::reply);
}

TEST_CASE("pool", "[rmcp][pool]") {
    struct Thing {
        u32 next = no_slot;
        u32 value = 0;
    };

    Pool<Thing> pool(64);
    std::set<u32> taken;
    for (int i = 0; i < 64; ++i) {
        const u32 slot = pool.take();
        REQUIRE(slot != no_slot);
        CHECK(taken.insert(slot).second);
        pool[slot].value = 7;
    }
    CHECK(pool.take() == no_slot);
    CHECK(pool.used() == 64);
    pool.release(13);
    const u32 again = pool.take();
    CHECK(again == 13);
    CHECK(pool[again].value == 0);
}

TEST_CASE("SipHash-2-4 of its authors' test vectors", "[rmcp][throttle]") {
    ByteArray<16> key{};
    ByteArray<15> message{};
    for (std::size_t i = 0; i < 16; ++i) {
        key[i] = static_cast<u8>(i);
    }
    for (std::size_t i = 0; i < 15; ++i) {
        message[i] = static_cast<u8>(i);
    }
    CHECK(keyed_hash(key, message) == 0xa129ca6149be45e5);
    CHECK(keyed_hash(key, {}) == 0x726fdb47dd0e0e31);
}

TEST_CASE("throttle: answers to a port and to a source are bounded", "[rmcp][throttle]") {
    test::SeededEntropy entropy;
    Limits limits;
    limits.answers_per_port = 10;
    limits.answers_per_source = 25;
    Throttle throttle(entropy, limits);
    Mono now{1h};
    const auto burst = [&](const Peer& peer) {
        int answers = 0;
        for (int i = 0; i < 100; ++i) {
            answers += throttle.may_answer(now, 0, peer) ? 1 : 0;
        }
        return answers;
    };
    CHECK(burst(test::peer_at(1, 1000)) == 10);
    CHECK(burst(test::peer_at(1, 1001)) == 10);
    CHECK(burst(test::peer_at(1, 1002)) == 5); // the source's
    CHECK(burst(test::peer_at(2, 1000)) == 10);
    now += 500ms;
    CHECK(burst(test::peer_at(2, 1000)) == 5);
    now += 10s;
    CHECK(burst(test::peer_at(2, 1000)) == 10); // no credit is saved up
}

TEST_CASE("throttle: wrong passwords slow one source at one node", "[rmcp][throttle]") {
    test::SeededEntropy entropy;
    const Limits limits;
    Throttle throttle(entropy, limits);
    Mono now{1h};
    const IpAddress guesser = IpAddress::v4(192, 0, 2, 1);
    const IpAddress other = IpAddress::v4(192, 0, 2, 2);
    for (u32 i = 0; i < limits.free_guesses; ++i) {
        throttle.guessed_wrong(now, 0, guesser);
        CHECK_FALSE(throttle.delays(now, 0, guesser));
    }
    Duration before{};
    for (int i = 0; i < 8; ++i) {
        throttle.guessed_wrong(now, 0, guesser);
        Duration delay{};
        while (throttle.delays(now + delay, 0, guesser)) {
            delay += 10ms;
        }
        CHECK(delay >= before);
        CHECK(delay <= limits.guess_delay_max);
        before = delay;
        now += delay;
    }
    CHECK(before == limits.guess_delay_max);
    throttle.guessed_wrong(now, 0, guesser);
    CHECK(throttle.delays(now, 0, guesser));
    CHECK_FALSE(throttle.delays(now, 0, other));
    CHECK_FALSE(throttle.delays(now, 1, guesser)); // another node
    throttle.logged_in(now, 0, {guesser, 1});
    CHECK_FALSE(throttle.delays(now, 0, guesser));

    for (u32 i = 0; i < limits.free_guesses; ++i) {
        throttle.guessed_wrong(now, 0, guesser);
    }
    now += limits.guess_memory + 1s;
    throttle.guessed_wrong(now, 0, guesser);
    CHECK_FALSE(throttle.delays(now, 0, guesser)); // forgotten
}

TEST_CASE("throttle: a flood of sources does not free a guesser", "[rmcp][throttle]") {
    test::SeededEntropy entropy;
    Limits limits;
    limits.guess_delay_first = 4s;
    Throttle throttle(entropy, limits);
    const Mono now{1h};
    const IpAddress guesser = IpAddress::v4(192, 0, 2, 1);
    for (int i = 0; i < 10; ++i) {
        throttle.guessed_wrong(now, 0, guesser);
    }
    for (int i = 0; i < 100000; ++i) {
        Peer stranger;
        entropy.fill(stranger.address.bytes);
        throttle.may_answer(now, 0, stranger);
    }
    CHECK(throttle.delays(now, 0, guesser));
}
