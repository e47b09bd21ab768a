#pragma once
// The words that power is talked about in, shared by intents, observations and drivers.

#include "base/bytes.h"

namespace vbmc::bmc {

/// What a backend last confirmed. `changing`: it says that the machine is being switched on, which
/// may still fail. IPMI has one bit for it; what is neither on nor off never becomes a guess.
enum class PowerState : u8 { unknown, off, on, changing };

constexpr bool is_settled(PowerState state) noexcept {
    return state == PowerState::off || state == PowerState::on;
}

/// Chassis Control (IPMI 2.0 §28.3), with the numbers of the wire.
enum class PowerAction : u8 { off = 0, on = 1, cycle = 2, reset = 3, diag = 4, soft = 5 };

/// Get System Restart Cause (IPMI 2.0 §28.11), with the numbers of the wire.
enum class RestartCause : u8 {
    unknown = 0,
    chassis_control = 1,
    reset_button = 2,
    power_button = 3,
    watchdog = 4,
    oem = 5,
    policy_always_on = 6,
    policy_restore_previous = 7,
    pef_reset = 8,
    pef_cycle = 9,
    soft_reset = 10,
    rtc = 11,
};

/// How a backend call ended, as far as a client can be told.
enum class Outcome : u8 {
    ok,
    unsupported,   // this backend never can
    invalid_state, // not now: reset while off
    busy,          // try again
    failed,        // refused or broke
    unreachable,   // the backend did not answer
};

/// Set System Boot Options parameter 5, byte 2 bits 5:2 (IPMI 2.0 §28.13 table 28-14).
enum class BootDevice : u8 {
    none = 0, // no override
    pxe = 1,
    disk = 2,
    disk_safe = 3,
    diagnostics = 4,
    cdrom = 5,
    bios_setup = 6,
    remote_floppy = 7,
    remote_cdrom = 8,
    remote_media = 9,
    remote_disk = 11,
    floppy = 15,
};

/// What the next start (or every start) shall boot from.
struct BootRequest {
    BootDevice device = BootDevice::none;
    bool persistent = false;
    bool efi = false;

    friend bool operator==(const BootRequest&, const BootRequest&) = default;
};

} // namespace vbmc::bmc
