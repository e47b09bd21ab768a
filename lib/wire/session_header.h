#pragma once
// The session header and trailer of IPMI 1.5 and RMCP+ packets (IPMI 2.0 §13.6, Table 13-8): what
// stands between the RMCP header and the payload. Views into the caller's datagram.

#include "wire/parse_error.h"

namespace vbmc::wire {

enum class AuthType : u8 {
    none = 0,
    md2 = 1,
    md5 = 2,
    password = 4,
    oem = 5,
    rmcp_plus = 6,
};

enum class PayloadType : u8 {
    ipmi = 0x00,
    sol = 0x01,
    oem = 0x02,
    open_session_request = 0x10,
    open_session_response = 0x11,
    rakp1 = 0x12,
    rakp2 = 0x13,
    rakp3 = 0x14,
    rakp4 = 0x15,
};

/// The authentication type that opens an IPMI packet and tells 1.5 from RMCP+; none when empty.
AuthType auth_type_of(Bytes body) noexcept;

/// An IPMI 1.5 packet.
struct Packet15 {
    AuthType auth_type = AuthType::none;
    u32 sequence = 0;
    u32 session_id = 0;
    ByteArray<16> auth_code{}; // zeros with AuthType::none
    Bytes payload;
};

Parsed<Packet15> parse_packet15(Bytes body) noexcept;

/// Header and payload; the whole datagram with its RMCP header. Never with the legacy pad byte of
/// IPMI 2.0 Table 13-8: it was for network chips long gone, and python-ipmi refuses it.
void write_packet15(ByteWriter& out, const Packet15& packet) noexcept;

/// An RMCP+ packet up to the end of its payload, and what follows it.
struct Packet20 {
    PayloadType payload_type = PayloadType::ipmi;
    bool encrypted = false;
    bool authenticated = false;
    u32 session_id = 0;
    u32 sequence = 0;
    Bytes payload; // as it is on the wire: ciphertext when encrypted
    Bytes body;    // from the authentication type to the end of the datagram
};

inline constexpr std::size_t header20_size = 12; // authentication type to payload length
inline constexpr u8 next_header = 0x07;

Parsed<Packet20> parse_packet20(Bytes body) noexcept;

/// The session trailer of an authenticated packet: pad, pad length, next header, code.
struct Trailer {
    Bytes covered; // what the code is computed over: authentication type to next header
    Bytes auth_code;
};

/// Needs the code's length, which the session's cipher suite gives.
Parsed<Trailer> parse_trailer(const Packet20& packet, std::size_t auth_code_size) noexcept;

/// RMCP header and session header; the payload's length is fixed.
void write_header20(ByteWriter& out, const Packet20& header, std::size_t payload_size) noexcept;

/// Integrity pad, pad length and next header behind a payload of `payload_size` bytes: afterwards
/// everything from the RMCP header's end on is what the code covers.
void write_trailer(ByteWriter& out, std::size_t payload_size) noexcept;

} // namespace vbmc::wire
