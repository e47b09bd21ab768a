#pragma once
// The LAN channel's access settings (IPMI 2.0 §22.22, §22.23): what is in force, and what is put in
// force when the controller starts. Persisted in Section::channel.

#include "base/fields.h"
#include "bmc/privilege.h"

#include <vector>

namespace vbmc::bmc {

inline constexpr u8 lan_channel = 1;
inline constexpr u8 current_channel = 0x0e;
inline constexpr u8 system_interface_channel =
    0x0f; // not there: no host has a wire to this controller

enum class AccessMode : u8 { disabled = 0, pre_boot = 1, always = 2, shared = 3 };

struct ChannelAccess {
    // Bits of `flags`.
    static constexpr u8 user_auth_disabled = 0x01;
    static constexpr u8 message_auth_disabled = 0x02;
    static constexpr u8 alerting_disabled = 0x04;

    AccessMode mode = AccessMode::always;
    u8 flags = alerting_disabled;
    Privilege limit = Privilege::administrator;

    static void fields(auto& c, auto& r) {
        c.bits(bit<3>(r.mode), bit<3>(r.flags), gap<2>);
        c.bits(bit<4>(r.limit), gap<4>);
    }

    friend bool operator==(const ChannelAccess&, const ChannelAccess&) = default;
};

struct Channel {
    ChannelAccess active;   // in force now
    ChannelAccess stored;   // in force after the next start
    u8 active_sessions = 0; // kept up to date by the session table's owner; for Get Channel Info

    void save(std::vector<u8>& out) const;
    bool load(Bytes saved);

    static void fields(auto& c, auto& r) { c.nested(r.stored); }
};

/// The channel that a command means: "the current one" resolved; 0xff when there is no such
/// channel.
constexpr u8 resolve_channel(u8 wanted, u8 asked_on) noexcept {
    const u8 channel = wanted == current_channel ? asked_on : wanted;
    return channel == lan_channel ? channel : u8{0xff};
}

} // namespace vbmc::bmc
