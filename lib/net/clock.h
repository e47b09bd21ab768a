#pragma once
// The real clocks, and the only place that reads them. Everything below lib/net gets the time as an
// argument; everything above asks here. Any thread.

#include "base/time.h"

#include <chrono>

namespace vbmc::net {

/// This moment on the monotonic and on the wall clock.
Now now() noexcept;

/// A monotonic moment as Asio's timers take it, and back. `never` becomes a moment years away.
std::chrono::steady_clock::time_point to_steady(Mono when) noexcept;
Mono to_mono(std::chrono::steady_clock::time_point when) noexcept;

} // namespace vbmc::net
