#pragma once
// The Serial-over-LAN payload (IPMI 2.0 §15.9): four bytes and characters, both directions.

#include "wire/parse_error.h"

namespace vbmc::wire {

inline constexpr std::size_t sol_header_size = 4;
inline constexpr u8 sol_sequence_max = 15; // numbers go 1..15 and around; 0: no data, no ack wanted

struct SolPacket {
    u8 sequence = 0;
    u8 ack_sequence = 0; // 0: this packet acknowledges nothing
    u8 accepted = 0;     // how many characters of the acknowledged packet were taken
    u8 control = 0;      // SolOperation bits to the BMC, SolStatus bits to the console
    Bytes characters;
};

namespace sol_operation { // console to BMC, Table 15-2
inline constexpr u8 nack = 0x40;
inline constexpr u8 ring = 0x20;
inline constexpr u8 send_break = 0x10;
inline constexpr u8 cts_pause = 0x08;
inline constexpr u8 drop_dcd_dsr = 0x04;
inline constexpr u8 flush_inbound = 0x02;
inline constexpr u8 flush_outbound = 0x01;
} // namespace sol_operation

namespace sol_status { // BMC to console
inline constexpr u8 nack = 0x40;
inline constexpr u8 transfer_unavailable = 0x20;
inline constexpr u8 sol_deactivating = 0x10;
inline constexpr u8 transmit_overrun = 0x08;
inline constexpr u8 break_detected = 0x04;
} // namespace sol_status

Parsed<SolPacket> parse_sol(Bytes payload) noexcept;
void write(ByteWriter& out, const SolPacket& packet) noexcept;

/// 1 follows 15.
u8 next_sol_sequence(u8 sequence) noexcept;

} // namespace vbmc::wire
