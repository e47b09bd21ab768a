#pragma once
// ASF presence ping and pong (ASF 2.0 §3.2.4, IPMI 2.0 §13.2.3), the body of an RMCP message of
// class ASF: how discovery tools, ipmitool -I lan and powerman find a BMC.

#include "wire/parse_error.h"

namespace vbmc::wire {

inline constexpr u32 asf_enterprise = 4542;
inline constexpr u8 asf_presence_pong = 0x40;
inline constexpr u8 asf_presence_ping = 0x80;
inline constexpr u8 asf_tag_unidirectional = 0xff; // a message that wants no answer
inline constexpr std::size_t presence_pong_size = 4 + 8 + 16;

struct Asf {
    u8 type = 0;
    u8 tag = 0;
    Bytes data;
};

Parsed<Asf> parse_asf(Bytes body) noexcept;

/// A whole datagram, RMCP header included: "IPMI is supported", nothing else.
void write_presence_pong(ByteWriter& out, u8 tag) noexcept;

/// For clients and tests.
void write_presence_ping(ByteWriter& out, u8 tag) noexcept;

} // namespace vbmc::wire
