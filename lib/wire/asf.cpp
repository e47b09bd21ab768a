#include "wire/asf.h"

#include "wire/rmcp.h"

namespace vbmc::wire {

Parsed<Asf> parse_asf(Bytes body) noexcept {
    ByteReader in(body);
    const u32 enterprise = in.read_u32_be();
    Asf message;
    message.type = in.read_u8();
    message.tag = in.read_u8();
    in.skip(1);
    const u8 size = in.read_u8();
    message.data = in.take(size);
    if (!in.ok()) {
        return ParseError::truncated;
    }
    if (in.remaining() > 0) {
        return ParseError::left_over;
    }
    if (enterprise != asf_enterprise) {
        return ParseError::bad_value;
    }
    return message;
}

void write_presence_pong(ByteWriter& out, u8 tag) noexcept {
    write_rmcp(out, MessageClass::asf);
    out.write_u32_be(asf_enterprise);
    out.write_u8(asf_presence_pong);
    out.write_u8(tag);
    out.write_u8(0);
    out.write_u8(16);
    out.write_u32_be(asf_enterprise); // no OEM capabilities: ASF's own number and zeros
    out.fill(0, 4);
    out.write_u8(0x81); // supported entities: IPMI, ASF 1.0
    out.write_u8(0);    // supported interactions: none
    out.fill(0, 6);
}

void write_presence_ping(ByteWriter& out, u8 tag) noexcept {
    write_rmcp(out, MessageClass::asf);
    out.write_u32_be(asf_enterprise);
    out.write_u8(asf_presence_ping);
    out.write_u8(tag);
    out.write_u8(0);
    out.write_u8(0);
}

} // namespace vbmc::wire
