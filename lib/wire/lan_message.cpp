#include "wire/lan_message.h"

namespace vbmc::wire {

u8 checksum(Bytes bytes) noexcept {
    u8 sum = 0;
    for (const u8 byte : bytes) {
        sum = static_cast<u8>(sum + byte);
    }
    return static_cast<u8>(0x100 - sum);
}

Parsed<LanMessage> parse_lan_message(Bytes payload) noexcept {
    if (payload.size() < lan_message_overhead) {
        return ParseError::truncated;
    }
    if (checksum(payload.first(3)) != 0 || checksum(payload.subspan(3)) != 0) {
        return ParseError::bad_checksum;
    }
    ByteReader in(payload);
    LanMessage message;
    message.to_address = in.read_u8();
    const u8 net_fn_lun = in.read_u8();
    in.skip(1);
    message.from_address = in.read_u8();
    const u8 sequence_lun = in.read_u8();
    message.command = in.read_u8();
    message.net_fn = net_fn_lun >> 2;
    message.to_lun = net_fn_lun & 3;
    message.sequence = sequence_lun >> 2;
    message.from_lun = sequence_lun & 3;
    message.data = in.take(in.remaining() - 1);
    return message;
}

void write(ByteWriter& out, const LanMessage& message) noexcept {
    const std::size_t start = out.size();
    out.write_u8(message.to_address);
    out.write_u8(static_cast<u8>(message.net_fn << 2 | (message.to_lun & 3)));
    out.write_u8(checksum(out.written().subspan(std::min(start, out.size()))));
    const std::size_t second = out.size();
    out.write_u8(message.from_address);
    out.write_u8(static_cast<u8>(message.sequence << 2 | (message.from_lun & 3)));
    out.write_u8(message.command);
    out.write(message.data);
    out.write_u8(checksum(out.written().subspan(second)));
}

} // namespace vbmc::wire
