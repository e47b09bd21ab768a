#pragma once
// The last few requests of a session and their replies: a retransmitted request (a new session
// sequence number around the same request) gets the reply again and does not run again.

#include "base/inline_bytes.h"
#include "base/time.h"

namespace vbmc::rmcp {

/// What makes two requests the same.
struct RequestKey {
    u8 rs_address = 0;
    u8 rq_address = 0;
    u8 rq_sequence_lun = 0;
    u8 net_fn_lun = 0;
    u8 command = 0;
    u16 data_size = 0;
    u64 data_hash = 0;

    friend bool operator==(const RequestKey&, const RequestKey&) = default;
};

/// FNV-1a. Only a session's own peer could make two requests collide, and only for itself.
constexpr u64 hash_of(Bytes data) noexcept {
    u64 hash = 0xcbf29ce484222325;
    for (const u8 byte : data) {
        hash = (hash ^ byte) * 0x100000001b3;
    }
    return hash;
}

class ReplyCache {
  public:
    static constexpr std::size_t entry_count = 4;
    static constexpr std::size_t reply_size_max = 64; // a larger reply is of a read: run it again
    static constexpr u8 no_slot = 0xff;

    enum class Found : u8 { nothing, running, reply };

    struct Lookup {
        Found found = Found::nothing;
        Bytes reply; // completion code and data
    };

    Lookup find(const RequestKey& key, Mono now, Duration window) const noexcept {
        for (const Entry& entry : entries_) {
            if (entry.state != State::free && entry.key == key && now - entry.since < window) {
                return entry.state == State::running ? Lookup{Found::running, {}}
                                                     : Lookup{Found::reply, entry.reply.bytes()};
            }
        }
        return {};
    }

    struct Claim {
        u8 slot = no_slot;
        u8 stamp = 0;
    };

    /// Takes the oldest entry that is not running; without one the request runs unremembered.
    Claim start(const RequestKey& key, Mono now, Duration window) noexcept {
        for (std::size_t tries = 0; tries < entry_count; ++tries) {
            next_ = static_cast<u8>((next_ + 1) % entry_count);
            Entry& entry = entries_[next_];
            if (entry.state != State::running || now - entry.since >= window) {
                entry.key = key;
                entry.since = now;
                entry.state = State::running;
                entry.stamp = ++stamp_;
                return {next_, stamp_};
            }
        }
        return {};
    }

    /// Keeps the reply for as long as the window goes on from the request's start.
    void finish(Claim claim, Bytes reply) noexcept {
        if (Entry* const entry = running(claim)) {
            entry->state = entry->reply.assign(reply) ? State::answered : State::free;
        }
    }

    void forget(Claim claim) noexcept {
        if (Entry* const entry = running(claim)) {
            entry->state = State::free;
        }
    }

  private:
    enum class State : u8 { free, running, answered };

    struct Entry {
        RequestKey key;
        Mono since{};
        State state = State::free;
        u8 stamp = 0;
        InlineBytes<reply_size_max> reply;
    };

    Entry* running(Claim claim) noexcept {
        if (claim.slot >= entry_count) {
            return nullptr;
        }
        Entry& entry = entries_[claim.slot];
        return entry.state == State::running && entry.stamp == claim.stamp ? &entry : nullptr;
    }

    std::array<Entry, entry_count> entries_{};
    u8 next_ = entry_count - 1;
    u8 stamp_ = 0;
};

} // namespace vbmc::rmcp
