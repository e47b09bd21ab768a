#pragma once
// The IPMI LAN message (IPMI 2.0 §13.8): addresses, netFn, two checksums, command and data.

#include "wire/parse_error.h"

namespace vbmc::wire {

inline constexpr u8 bmc_address = 0x20;
inline constexpr std::size_t lan_message_overhead = 7;  // a request without data
inline constexpr std::size_t lan_response_overhead = 7; // completion code counts as data

/// As it is on the wire, both for requests (rs = responder, addressed first) and responses.
struct LanMessage {
    u8 to_address = 0;
    u8 net_fn = 0;
    u8 to_lun = 0;
    u8 from_address = 0;
    u8 sequence = 0; // six bits
    u8 from_lun = 0;
    u8 command = 0;
    Bytes data; // of a response: completion code first

    bool is_response() const noexcept { return (net_fn & 1) != 0; }
};

Parsed<LanMessage> parse_lan_message(Bytes payload) noexcept;
void write(ByteWriter& out, const LanMessage& message) noexcept;

/// The two's complement that makes a sum of bytes zero.
u8 checksum(Bytes bytes) noexcept;

} // namespace vbmc::wire
