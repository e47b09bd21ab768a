#include "rmcp/throttle.h"

#include <bit>
#include <cstring>

namespace vbmc::rmcp {

namespace {

constexpr std::size_t port_entries = 4096;
constexpr std::size_t source_entries = 1024;
constexpr std::size_t guess_entries = 1024;
constexpr Duration burst = std::chrono::seconds(1);
constexpr int answers_back = 8; // a whole log-in of ipmitool takes six
constexpr u32 any_port = 0xffffffff;
constexpr u32 any_engine = 0xffffffff;

struct SipState {
    u64 a, b, c, d;

    void round() noexcept {
        a += b;
        c += d;
        b = std::rotl(b, 13) ^ a;
        d = std::rotl(d, 16) ^ c;
        a = std::rotl(a, 32);
        c += b;
        a += d;
        b = std::rotl(b, 17) ^ c;
        d = std::rotl(d, 21) ^ a;
        c = std::rotl(c, 32);
    }

    void absorb(u64 word) noexcept {
        d ^= word;
        round();
        round();
        a ^= word;
    }
};

/// Eight bytes in one load.
u64 word_at(Bytes data, std::size_t at) noexcept {
    u64 word = 0;
    std::memcpy(&word, data.data() + at, sizeof(word));
    return std::endian::native == std::endian::little ? word : __builtin_bswap64(word);
}

/// What a source is told apart by; hashed as its bytes are, so without padding.
struct Source {
    ByteArray<16> address;
    u32 scope;
    u32 port;
    u32 engine;
    u32 unused = 0;
};

} // namespace

u64 keyed_hash(const ByteArray<16>& key, Bytes data) noexcept {
    const u64 k0 = word_at(key, 0);
    const u64 k1 = word_at(key, 8);
    SipState state{
        k0 ^ 0x736f6d6570736575,
        k1 ^ 0x646f72616e646f6d,
        k0 ^ 0x6c7967656e657261,
        k1 ^ 0x7465646279746573,
    };
    const std::size_t whole = data.size() / 8 * 8;
    for (std::size_t at = 0; at < whole; at += 8) {
        state.absorb(word_at(data, at));
    }
    u64 last = static_cast<u64>(data.size()) << 56;
    for (std::size_t at = whole; at < data.size(); ++at) {
        last |= u64{data[at]} << (at - whole) * 8;
    }
    state.absorb(last);
    state.c ^= 0xff;
    for (int i = 0; i < 4; ++i) {
        state.round();
    }
    return state.a ^ state.b ^ state.c ^ state.d;
}

Throttle::Throttle(Entropy& entropy, const Limits& limits)
    : limits_(limits), ports_(port_entries), sources_(source_entries), guesses_(guess_entries) {
    entropy.fill(key_);
}

u64 Throttle::tag_of(u32 engine, const IpAddress& source, u32 port) const noexcept {
    const auto raw =
        std::bit_cast<ByteArray<sizeof(Source)>>(Source{source.bytes, source.scope, port, engine});
    return keyed_hash(key_, raw) | 1; // 0 is an unused entry
}

bool Throttle::spend(std::vector<Budget>& table, u64 tag, Mono now, u32 per_second) noexcept {
    const std::size_t set = (tag >> 8) % (table.size() / ways) * ways;
    Budget* entry = &table[set];
    for (std::size_t way = 0; way < ways; ++way) {
        Budget& candidate = table[set + way];
        if (candidate.tag == tag) {
            entry = &candidate;
            break;
        }
        if (candidate.due < entry->due) {
            entry = &candidate; // the one that has spent least goes, if none is ours
        }
    }
    if (entry->tag != tag) {
        *entry = {tag, now};
    }
    const Mono due = std::max(entry->due, now);
    if (due - now >= burst) {
        return false;
    }
    entry->due = due + std::chrono::duration_cast<Duration>(std::chrono::seconds(1)) / per_second;
    return true;
}

void Throttle::give_back(std::vector<Budget>& table, u64 tag, Mono now, u32 per_second) noexcept {
    const std::size_t set = (tag >> 8) % (table.size() / ways) * ways;
    for (std::size_t way = 0; way < ways; ++way) {
        Budget& entry = table[set + way];
        if (entry.tag == tag) {
            const Duration returned =
                std::chrono::duration_cast<Duration>(std::chrono::seconds(answers_back)) /
                per_second;
            entry.due = std::max(entry.due - returned, now);
            return;
        }
    }
}

bool Throttle::may_go_on(Mono now, u32 engine, const Peer& peer) noexcept {
    return spend(ports_, tag_of(engine, peer.address, peer.port), now, limits_.answers_per_port);
}

bool Throttle::may_answer(Mono now, u32 engine, const Peer& peer) noexcept {
    return may_go_on(now, engine, peer) &&
           spend(
               sources_, tag_of(any_engine, peer.address, any_port), now, limits_.answers_per_source
           );
}

std::size_t Throttle::guesses_of(u64 tag) const noexcept {
    const std::size_t set = (tag >> 8) % (guesses_.size() / ways) * ways;
    for (std::size_t at = set; at < set + ways; ++at) {
        if (guesses_[at].tag == tag) {
            return at;
        }
    }
    return guesses_.size();
}

bool Throttle::delays(Mono now, u32 engine, const IpAddress& source) const noexcept {
    const std::size_t at = guesses_of(tag_of(engine, source, any_port));
    return at < guesses_.size() && now < guesses_[at].until;
}

void Throttle::guessed_wrong(Mono now, u32 engine, const IpAddress& source) noexcept {
    const u64 tag = tag_of(engine, source, any_port);
    std::size_t at = guesses_of(tag);
    if (at == guesses_.size()) {
        at = (tag >> 8) % (guesses_.size() / ways) * ways;
        for (std::size_t other = at + 1, end = at + ways; other < end; ++other) {
            if (guesses_[other].last < guesses_[at].last) {
                at = other; // the one that was quiet for longest goes
            }
        }
        guesses_[at] = Guesses{tag, now, now, 0};
    }
    Guesses& entry = guesses_[at];
    if (now - entry.last > limits_.guess_memory) {
        entry.count = 0;
    }
    entry.last = now;
    ++entry.count;
    if (entry.count > limits_.free_guesses) {
        const u32 doublings = std::min<u32>(entry.count - limits_.free_guesses - 1, 16);
        entry.until =
            now + std::min(limits_.guess_delay_first * (1 << doublings), limits_.guess_delay_max);
    }
}

void Throttle::logged_in(Mono now, u32 engine, const Peer& peer) noexcept {
    const std::size_t at = guesses_of(tag_of(engine, peer.address, any_port));
    if (at < guesses_.size()) {
        guesses_[at] = {};
    }
    give_back(ports_, tag_of(engine, peer.address, peer.port), now, limits_.answers_per_port);
    give_back(
        sources_, tag_of(any_engine, peer.address, any_port), now, limits_.answers_per_source
    );
}

} // namespace vbmc::rmcp
