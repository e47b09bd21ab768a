#pragma once
// What a shard's engines counted since they were made: plain numbers of the shard's own thread, so
// counting costs an addition and no lock. Whoever wants them reads a copy that the shard made.

#include "rmcp/directory.h"
#include "rmcp/incoming.h"

#include <array>
#include <string_view>

namespace vbmc::rmcp {

/// How often each command ended with each completion code. Fixed size: what finds no room any more
/// (only a client that tries everything gets there) is counted together.
class CommandCounts {
  public:
    struct Entry {
        u32 key = 0; // 0: unused
        u64 count = 0;

        u8 net_fn() const noexcept { return static_cast<u8>(key >> 16 & 0x3f); }

        u8 command() const noexcept { return static_cast<u8>(key >> 8); }

        u8 completion_code() const noexcept { return static_cast<u8>(key); }
    };

    void count(u8 net_fn, u8 command, u8 completion_code) noexcept {
        if (completion_code == invalid_command) {
            ++unknown_;
            return;
        }
        count_key(in_use | u32{net_fn} << 16 | u32{command} << 8 | completion_code, 1);
    }

    /// Commands that do not exist: one number, or a client could make as many series as it likes.
    u64 unknown() const noexcept { return unknown_; }

    u64 others() const noexcept { return others_; }

    template <class F>
    void for_each(F&& visit) const {
        for (const Entry& entry : entries_) {
            if (entry.key != 0) {
                visit(entry);
            }
        }
    }

    void add(const CommandCounts& other) noexcept {
        other.for_each([this](const Entry& entry) { count_key(entry.key, entry.count); });
        unknown_ += other.unknown_;
        others_ += other.others_;
    }

  private:
    static constexpr u32 in_use = 0x0100'0000;
    static constexpr u8 invalid_command = 0xc1;

    void count_key(u32 key, u64 times) noexcept {
        std::size_t at = (key * 2654435761U) >> 24;
        for (std::size_t tries = 0; tries < entries_.size(); ++tries) {
            Entry& entry = entries_[at];
            if (entry.key == key || entry.key == 0) {
                entry.key = key;
                entry.count += times;
                return;
            }
            at = (at + 1) % entries_.size();
        }
        others_ += times;
    }

    std::array<Entry, 256> entries_{};
    u64 unknown_ = 0;
    u64 others_ = 0;
};

struct Counters {
    static constexpr std::size_t suites = 19; // by id; 0 is IPMI 1.5
    static constexpr std::size_t reasons =
        static_cast<std::size_t>(SessionEvent::Reason::user_changed) + 1;

    /// Upper bounds of how long a request waited for its backend, in milliseconds.
    static constexpr std::array<u32, 8> wait_bounds_ms = {1, 5, 10, 50, 100, 250, 500, 1000};

    u64 datagrams = 0;
    u64 answers = 0; // sent at once; what waited for a backend is in `waited`
    std::array<u64, suites> opened{};
    std::array<u64, reasons> refused{};
    std::array<u64, reasons> closed{};
    std::array<u64, drop_count> drops{};
    CommandCounts commands;
    std::array<u64, wait_bounds_ms.size() + 1> waited{}; // the last: longer than all bounds
    double waited_s = 0;

    void count_wait(Duration wait) noexcept {
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
        std::size_t at = 0;
        while (at < wait_bounds_ms.size() && ms >= wait_bounds_ms[at]) {
            ++at;
        }
        ++waited[at];
        waited_s += std::chrono::duration<double>(wait).count();
    }

    void add(const Counters& other) noexcept {
        datagrams += other.datagrams;
        answers += other.answers;
        add(opened, other.opened);
        add(refused, other.refused);
        add(closed, other.closed);
        add(drops, other.drops);
        commands.add(other.commands);
        add(waited, other.waited);
        waited_s += other.waited_s;
    }

  private:
    template <class Array>
    static void add(Array& sum, const Array& more) noexcept {
        for (std::size_t i = 0; i < sum.size(); ++i) {
            sum[i] += more[i];
        }
    }
};

/// The name of a reason or a drop as labels and events have it.
std::string_view to_string(SessionEvent::Reason reason) noexcept;
std::string_view to_string(Drop drop) noexcept;

} // namespace vbmc::rmcp
