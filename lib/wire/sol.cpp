#include "wire/sol.h"

namespace vbmc::wire {

Parsed<SolPacket> parse_sol(Bytes payload) noexcept {
    ByteReader in(payload);
    SolPacket packet;
    packet.sequence = in.read_u8() & 0x0f;
    packet.ack_sequence = in.read_u8() & 0x0f;
    packet.accepted = in.read_u8();
    packet.control = in.read_u8();
    packet.characters = in.take_rest();
    if (!in.ok()) {
        return ParseError::truncated;
    }
    return packet;
}

void write(ByteWriter& out, const SolPacket& packet) noexcept {
    out.write_u8(packet.sequence & 0x0f);
    out.write_u8(packet.ack_sequence & 0x0f);
    out.write_u8(packet.accepted);
    out.write_u8(packet.control);
    out.write(packet.characters);
}

u8 next_sol_sequence(u8 sequence) noexcept {
    return sequence >= sol_sequence_max ? 1 : static_cast<u8>(sequence + 1);
}

} // namespace vbmc::wire
