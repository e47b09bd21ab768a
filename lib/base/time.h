#pragma once
// Time as an argument. The pure layers never read a clock: who calls them says what time it is.

#include <chrono>

namespace vbmc {

/// A monotonic clock without now(): only lib/net can make one of its time points.
struct MonotonicClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<MonotonicClock>;
    static constexpr bool is_steady = true;
};

using Mono = MonotonicClock::time_point;
using Duration = std::chrono::nanoseconds;
using Wall = std::chrono::sys_time<std::chrono::milliseconds>;

inline constexpr Mono never = Mono::max();

/// One moment on both clocks: deadlines and windows use `mono`, time stamps use `wall`.
struct Now {
    Mono mono{};
    Wall wall{};
};

} // namespace vbmc
