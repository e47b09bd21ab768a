#pragma once
// What a run of the load generator counted: units of work, their times, losses, and the CPU time of
// both ends.

#include "base/bytes.h"

#include <array>
#include <string>

namespace vbmc::bench {

struct CpuTime {
    double own_s = 0;
    double server_s = 0;

    CpuTime operator-(const CpuTime& before) const {
        return {own_s - before.own_s, server_s - before.server_s};
    }
};

/// `pid` 0: no server. From the scheduler's own accounts, in nanoseconds.
CpuTime cpu_time(int pid);

struct Counts {
    static constexpr std::size_t fine = 20'000;          // microseconds, one by one
    static constexpr std::size_t buckets = fine + 2'000; // then milliseconds

    u64 done = 0;
    u64 lost = 0;
    u64 errors = 0;
    u64 ignored = 0;
    double seconds = 0;
    CpuTime cpu;
    std::array<u32, buckets> times{};

    void add(u64 us) noexcept {
        ++done;
        const std::size_t at =
            us < fine ? us : std::min<std::size_t>(fine + us / 1000, buckets - 1);
        ++times[at];
    }

    void reset() { *this = {}; }

    double percentile_us(double share) const noexcept;

    void print(const std::string& mode, int suite, u32 count, u32 slots) const;
};

} // namespace vbmc::bench
