#pragma once
// Which session sequence numbers were seen (IPMI 2.0 §6.12.13, §6.12.14): a number is taken once,
// and only near the highest seen. Asked after the packet's code was verified, so a forgery moves
// nothing.

#include "base/bytes.h"

namespace vbmc::rmcp {

class ReplayWindow {
  public:
    /// RMCP+: 15 ahead, 16 behind; whatever the first authentic packet carries starts the window.
    static constexpr ReplayWindow rmcp_plus() noexcept { return {15, 16}; }

    /// IPMI 1.5: 8 either way of the number that the BMC named when the session was activated.
    static constexpr ReplayWindow ipmi15(u32 initial) noexcept {
        ReplayWindow window(8, 8);
        window.highest_ = initial == 1 ? 0xffffffff : initial - 1;
        window.seen_ = 1;
        return window;
    }

    constexpr ReplayWindow() noexcept = default;

    /// Whether accept() would take this number.
    constexpr bool fresh(u32 sequence) const noexcept {
        if (sequence == 0) {
            return false; // outside a session
        }
        if (seen_ == 0) {
            return true;
        }
        const i32 step = distance(sequence);
        if (step > 0) {
            return step <= ahead_;
        }
        return -step <= behind_ && (seen_ >> -step & 1) == 0;
    }

    /// Takes the number: from now on it is a replay. False when it was not fresh.
    constexpr bool accept(u32 sequence) noexcept {
        if (!fresh(sequence)) {
            return false;
        }
        if (seen_ == 0) {
            highest_ = sequence;
            seen_ = 1;
            return true;
        }
        const i32 step = distance(sequence);
        if (step > 0) {
            seen_ = seen_ << step | 1;
            highest_ = sequence;
        } else {
            seen_ |= u32{1} << -step;
        }
        return true;
    }

  private:
    constexpr ReplayWindow(u8 ahead, u8 behind) noexcept : ahead_(ahead), behind_(behind) {}

    /// Steps from the highest number; the count goes from 2^32-1 to 1, zero is no number.
    constexpr i32 distance(u32 sequence) const noexcept {
        const i32 raw = static_cast<i32>(sequence - highest_);
        if (raw > 0 && sequence < highest_) {
            return raw - 1;
        }
        if (raw < 0 && raw != INT32_MIN && sequence > highest_) {
            return raw + 1;
        }
        return raw == INT32_MIN ? INT32_MAX : raw;
    }

    u32 highest_ = 0;
    u32 seen_ = 0; // bit n: the number n steps below the highest; 0: nothing seen yet
    u8 ahead_ = 15;
    u8 behind_ = 16;
};

/// The next outbound number; zero is skipped.
constexpr u32 next_sequence(u32 sequence) noexcept {
    return sequence == 0xffffffff ? 1 : sequence + 1;
}

} // namespace vbmc::rmcp
