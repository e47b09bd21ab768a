#pragma once
// RMCP, the four bytes that open every datagram (ASF 2.0 §3.2.2, IPMI 2.0 §13.1.3): version,
// reserved, sequence, class. Pure functions; views into the caller's datagram.

#include "wire/parse_error.h"

#include <optional>

namespace vbmc::wire {

inline constexpr u8 rmcp_version = 0x06;
inline constexpr u8 rmcp_no_ack = 0xff; // this sequence number asks for no acknowledgement
inline constexpr std::size_t rmcp_size = 4;

enum class MessageClass : u8 { asf = 0x06, ipmi = 0x07 };

struct Rmcp {
    u8 sequence = rmcp_no_ack;
    MessageClass message_class = MessageClass::ipmi;
    bool ack = false; // an acknowledgement: never answered
    Bytes body;
};

Parsed<Rmcp> parse_rmcp(Bytes datagram) noexcept;

/// The header of a message that asks for no acknowledgement.
void write_rmcp(ByteWriter& out, MessageClass message_class) noexcept;

/// The acknowledgement that this datagram asks for, if it does (ASF 2.0 §3.2.3.1).
std::optional<ByteArray<rmcp_size>> rmcp_acknowledgement(Bytes datagram) noexcept;

} // namespace vbmc::wire
