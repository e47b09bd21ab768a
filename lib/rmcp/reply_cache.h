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

    /// Whether both carry the number that a client tells its requests apart by.
    bool same_number(const RequestKey& other) const noexcept {
        return rq_address == other.rq_address && rq_sequence_lun == other.rq_sequence_lun;
    }

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
    /// A late copy is at most 16 packets behind (ReplayWindow): it still finds its answer.
    static constexpr std::size_t entry_count = 17;
    static constexpr std::size_t reply_size_max = 64; // a larger reply is of a read: run it again
    static constexpr u8 no_slot = 0xff;

    enum class Found : u8 { nothing, running, reply };

    struct Lookup {
        Found found = Found::nothing;
        Bytes reply; // completion code and data
    };

    /// `sequence` is the session sequence number of the packet that brought the request.
    Lookup find(const RequestKey& key, u32 sequence, Mono now, Duration window) const noexcept {
        for (const Entry& entry : entries_) {
            // rqSeq comes around after 64 requests: what is far behind is somebody else's answer.
            const bool near = entry.state == State::running || started_ - entry.order < entry_count;
            if (entry.state != State::free && near && entry.key == key &&
                now - entry.since < window && !entry.is_over(sequence)) {
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

    /// Takes a free entry or the oldest that is not running; without one the request runs
    /// unremembered.
    Claim start(const RequestKey& key, u32 sequence, Mono now, Duration window) noexcept {
        close_before(key, sequence);
        Entry* chosen = nullptr;
        for (Entry& entry : entries_) {
            const bool over = entry.state == State::free || now - entry.since >= window;
            if (over) {
                chosen = &entry;
                break;
            }
            if (entry.state != State::running &&
                (chosen == nullptr || entry.order < chosen->order)) {
                chosen = &entry;
            }
        }
        if (chosen == nullptr) {
            return {};
        }
        chosen->key = key;
        chosen->since = now;
        chosen->state = State::running;
        chosen->order = ++started_;
        chosen->sequence = sequence;
        chosen->over_from = 0;
        return {static_cast<u8>(chosen - entries_.data()), static_cast<u8>(started_)};
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
        u32 order = 0;     // its low byte is the stamp
        u32 sequence = 0;  // of the packet that brought it
        u32 over_from = 0; // from this packet on the same bytes are a new request; 0: not yet
        InlineBytes<reply_size_max> reply;

        bool is_over(u32 now_at) const noexcept {
            return over_from != 0 && is_after(now_at, over_from);
        }
    };

    static bool is_after(u32 sequence, u32 other) noexcept {
        return static_cast<i32>(sequence - other) > 0;
    }

    /// A client that gives another request the number of an earlier one is done with that one: when
    /// it comes again later, it is meant (some clients never change their rqSeq). A copy that was
    /// sent before and is late still finds its answer.
    void close_before(const RequestKey& key, u32 sequence) noexcept {
        for (Entry& entry : entries_) {
            if (entry.state != State::free && entry.over_from == 0 && entry.key.same_number(key) &&
                is_after(sequence, entry.sequence)) {
                entry.over_from = sequence;
            }
        }
    }

    Entry* running(Claim claim) noexcept {
        if (claim.slot >= entry_count) {
            return nullptr;
        }
        Entry& entry = entries_[claim.slot];
        return entry.state == State::running && static_cast<u8>(entry.order) == claim.stamp
                   ? &entry
                   : nullptr;
    }

    std::array<Entry, entry_count> entries_{};
    u32 started_ = 0;
};

} // namespace vbmc::rmcp
