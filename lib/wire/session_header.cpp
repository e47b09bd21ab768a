#include "wire/session_header.h"

#include "wire/rmcp.h"

namespace vbmc::wire {

namespace {

constexpr u8 encrypted_bit = 0x80;
constexpr u8 authenticated_bit = 0x40;

bool is_ipmi15(AuthType type) noexcept {
    return type == AuthType::none || type == AuthType::md2 || type == AuthType::md5 ||
           type == AuthType::password || type == AuthType::oem;
}

} // namespace

AuthType auth_type_of(Bytes body) noexcept {
    return body.empty() ? AuthType::none : static_cast<AuthType>(body[0]);
}

Parsed<Packet15> parse_packet15(Bytes body) noexcept {
    ByteReader in(body);
    Packet15 packet;
    packet.auth_type = static_cast<AuthType>(in.read_u8());
    packet.sequence = in.read_u32();
    packet.session_id = in.read_u32();
    if (packet.auth_type != AuthType::none) {
        packet.auth_code = in.read_array<16>();
    }
    const u8 size = in.read_u8();
    packet.payload = in.take(size);
    if (!in.ok()) {
        return ParseError::truncated;
    }
    if (!is_ipmi15(packet.auth_type)) {
        return ParseError::bad_version;
    }
    if (in.remaining() > 1) { // one byte is the legacy pad, at whatever length it is sent
        return ParseError::left_over;
    }
    return packet;
}

void write_packet15(ByteWriter& out, const Packet15& packet) noexcept {
    const bool has_code = packet.auth_type != AuthType::none;
    if (packet.payload.size() > 0xff) {
        out.fail();
        return;
    }
    write_rmcp(out, MessageClass::ipmi);
    out.write_u8(static_cast<u8>(packet.auth_type));
    out.write_u32(packet.sequence);
    out.write_u32(packet.session_id);
    if (has_code) {
        out.write(packet.auth_code);
    }
    out.write_u8(static_cast<u8>(packet.payload.size()));
    out.write(packet.payload);
}

Parsed<Packet20> parse_packet20(Bytes body) noexcept {
    ByteReader in(body);
    const AuthType auth_type = static_cast<AuthType>(in.read_u8());
    const u8 payload_type = in.read_u8();
    Packet20 packet;
    packet.payload_type = static_cast<PayloadType>(payload_type & 0x3f);
    packet.encrypted = (payload_type & encrypted_bit) != 0;
    packet.authenticated = (payload_type & authenticated_bit) != 0;
    if (packet.payload_type == PayloadType::oem) {
        return ParseError::bad_value; // six more header bytes: no OEM payload is ours
    }
    packet.session_id = in.read_u32();
    packet.sequence = in.read_u32();
    const u16 size = in.read_u16();
    packet.payload = in.take(size);
    packet.body = body;
    if (!in.ok()) {
        return ParseError::truncated;
    }
    if (auth_type != AuthType::rmcp_plus) {
        return ParseError::bad_version;
    }
    if (!packet.authenticated && in.remaining() > 0) {
        return ParseError::left_over;
    }
    return packet;
}

Parsed<Trailer> parse_trailer(const Packet20& packet, std::size_t auth_code_size) noexcept {
    const std::size_t fixed = header20_size + packet.payload.size() + 2;
    if (packet.body.size() < fixed + auth_code_size) {
        return ParseError::truncated;
    }
    Trailer trailer;
    trailer.covered = packet.body.first(packet.body.size() - auth_code_size);
    trailer.auth_code = packet.body.last(auth_code_size);
    const u8 pad_size = trailer.covered[trailer.covered.size() - 2];
    if (trailer.covered.back() != next_header) {
        return ParseError::bad_version;
    }
    if (fixed + pad_size != trailer.covered.size()) {
        return ParseError::bad_length;
    }
    return trailer;
}

void write_header20(ByteWriter& out, const Packet20& header, std::size_t payload_size) noexcept {
    if (payload_size > 0xffff) {
        out.fail();
        return;
    }
    write_rmcp(out, MessageClass::ipmi);
    out.write_u8(static_cast<u8>(AuthType::rmcp_plus));
    out.write_u8(static_cast<u8>(
        static_cast<u8>(header.payload_type) | (header.encrypted ? encrypted_bit : 0) |
        (header.authenticated ? authenticated_bit : 0)
    ));
    out.write_u32(header.session_id);
    out.write_u32(header.sequence);
    out.write_u16(static_cast<u16>(payload_size));
}

void write_trailer(ByteWriter& out, std::size_t payload_size) noexcept {
    // IPMI 2.0 Table 13-8: pad so that authentication type to next header is a multiple of four.
    const std::size_t pad_size = (4 - (header20_size + payload_size + 2) % 4) % 4;
    out.fill(0xff, pad_size);
    out.write_u8(static_cast<u8>(pad_size));
    out.write_u8(next_header);
}

} // namespace vbmc::wire
