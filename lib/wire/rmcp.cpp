#include "wire/rmcp.h"

namespace vbmc::wire {

namespace {

constexpr u8 class_ack = 0x80;

} // namespace

Parsed<Rmcp> parse_rmcp(Bytes datagram) noexcept {
    ByteReader in(datagram);
    const u8 version = in.read_u8();
    in.skip(1);
    Rmcp message;
    message.sequence = in.read_u8();
    const u8 class_byte = in.read_u8();
    if (!in.ok()) {
        return ParseError::truncated;
    }
    if (version != rmcp_version) {
        return ParseError::bad_version;
    }
    message.ack = (class_byte & class_ack) != 0;
    message.message_class = static_cast<MessageClass>(class_byte & ~class_ack);
    if (message.message_class != MessageClass::asf && message.message_class != MessageClass::ipmi) {
        return ParseError::bad_class;
    }
    message.body = in.take_rest();
    return message;
}

void write_rmcp(ByteWriter& out, MessageClass message_class) noexcept {
    out.write_u8(rmcp_version);
    out.write_u8(0);
    out.write_u8(rmcp_no_ack);
    out.write_u8(static_cast<u8>(message_class));
}

std::optional<ByteArray<rmcp_size>> rmcp_acknowledgement(Bytes datagram) noexcept {
    const Parsed<Rmcp> message = parse_rmcp(datagram);
    if (!message || message->ack || message->sequence == rmcp_no_ack) {
        return std::nullopt;
    }
    const u8 class_byte = static_cast<u8>(static_cast<u8>(message->message_class) | class_ack);
    return ByteArray<rmcp_size>{rmcp_version, 0, message->sequence, class_byte};
}

} // namespace vbmc::wire
