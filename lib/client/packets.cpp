#include "client/packets.h"

#include "crypto/cipher.h"
#include "crypto/mac.h"
#include "wire/rmcp.h"

namespace vbmc::client {

namespace {

constexpr u8 console_address = 0x81; // IPMI 2.0 §5.5: the first remote console software ID

/// `bytes` as the part of `whole` that may be changed.
MutableBytes writable(MutableBytes whole, Bytes bytes) noexcept {
    return whole.subspan(static_cast<std::size_t>(bytes.data() - whole.data()), bytes.size());
}

} // namespace

bool SequenceFilter::accept(u32 sequence) noexcept {
    constexpr u32 width = 64;
    if (sequence == 0) {
        return false; // outside a session
    }
    if (seen_ == 0) {
        highest_ = sequence;
        seen_ = 1;
        return true;
    }
    const u32 ahead = sequence - highest_;
    if (ahead != 0 && ahead < 0x80000000) {
        seen_ = ahead < width ? seen_ << ahead | 1 : 1;
        highest_ = sequence;
        return true;
    }
    const u32 behind = highest_ - sequence;
    if (behind >= width || (seen_ >> behind & 1) != 0) {
        return false;
    }
    seen_ |= u64{1} << behind;
    return true;
}

std::vector<u8> request_message(u8 netfn, u8 lun, u8 command, Bytes data, u8 rq_sequence) {
    wire::LanMessage message;
    message.to_address = wire::bmc_address;
    message.net_fn = netfn;
    message.to_lun = lun;
    message.from_address = console_address;
    message.sequence = rq_sequence & 0x3f;
    message.command = command;
    message.data = data;
    std::vector<u8> room(data.size() + wire::lan_message_overhead);
    ByteWriter out(room);
    wire::write(out, message);
    return room;
}

Packet sessionless_packet(bool rmcp_plus, Bytes message) {
    Packet packet(message.size() + 64);
    ByteWriter out(packet);
    if (rmcp_plus) {
        wire::write_header20(out, {}, message.size());
        out.write(message);
    } else {
        wire::Packet15 header;
        header.payload = message;
        wire::write_packet15(out, header);
    }
    packet.resize(out.size());
    return packet;
}

std::optional<Unsealed> open_sessionless(Bytes datagram) noexcept {
    const auto rmcp = wire::parse_rmcp(datagram);
    if (!rmcp || rmcp->ack || rmcp->message_class != wire::MessageClass::ipmi) {
        return std::nullopt;
    }
    if (wire::auth_type_of(rmcp->body) == wire::AuthType::rmcp_plus) {
        const auto packet = wire::parse_packet20(rmcp->body);
        if (!packet || packet->session_id != 0 || packet->encrypted || packet->authenticated) {
            return std::nullopt;
        }
        return Unsealed{packet->payload_type, packet->payload};
    }
    const auto packet = wire::parse_packet15(rmcp->body);
    if (!packet || packet->session_id != 0) {
        return std::nullopt;
    }
    return Unsealed{wire::PayloadType::ipmi, packet->payload};
}

Packet seal(
    crypto::Toolbox& tools,
    Entropy& entropy,
    Channel& channel,
    wire::PayloadType type,
    Bytes payload
) {
    const crypto::Suite& suite = *channel.suite;
    channel.sequence = channel.sequence == 0xffffffff ? 1 : channel.sequence + 1;
    const std::size_t size =
        suite.encrypts() ? crypto::encrypted_size(payload.size()) : payload.size();
    wire::Packet20 header;
    header.payload_type = type;
    header.encrypted = suite.encrypts();
    header.authenticated = suite.authenticates();
    header.session_id = channel.bmc_id;
    header.sequence = channel.sequence;
    Packet packet(size + 64);
    ByteWriter out(packet);
    wire::write_header20(out, header, size);
    const MutableBytes room = out.claim(size);
    if (suite.encrypts()) {
        entropy.fill(room.first(crypto::aes_block));
        std::copy(payload.begin(), payload.end(), room.begin() + crypto::aes_block);
        crypto::encrypt(tools, channel.keys, room, payload.size());
    } else {
        std::copy(payload.begin(), payload.end(), room.begin());
    }
    if (suite.authenticates()) {
        wire::write_trailer(out, size);
        ByteArray<crypto::digest_size_max> code{};
        const MutableBytes wanted = MutableBytes(code).first(crypto::code_size(suite.integrity));
        const Bytes covered = Bytes(out.written()).subspan(wire::rmcp_size);
        crypto::sign(tools, suite.integrity, channel.keys, covered, wanted);
        out.write(wanted);
    }
    packet.resize(out.size());
    return packet;
}

std::optional<Unsealed>
open_sealed(crypto::Toolbox& tools, Channel& channel, MutableBytes datagram) noexcept {
    const crypto::Suite& suite = *channel.suite;
    const auto rmcp = wire::parse_rmcp(datagram);
    if (!rmcp || rmcp->ack || rmcp->message_class != wire::MessageClass::ipmi ||
        wire::auth_type_of(rmcp->body) != wire::AuthType::rmcp_plus) {
        return std::nullopt;
    }
    const auto packet = wire::parse_packet20(rmcp->body);
    if (!packet || packet->session_id != channel.console_id ||
        packet->encrypted != suite.encrypts() || packet->authenticated != suite.authenticates()) {
        return std::nullopt;
    }
    const auto trailer = wire::parse_trailer(*packet, crypto::code_size(suite.integrity));
    if (!trailer ||
        !crypto::verify(
            tools, suite.integrity, channel.keys, trailer->covered, trailer->auth_code
        ) ||
        !channel.filter.accept(packet->sequence)) {
        return std::nullopt;
    }
    if (!suite.encrypts()) {
        return Unsealed{packet->payload_type, packet->payload};
    }
    const auto clear = crypto::decrypt(tools, channel.keys, writable(datagram, packet->payload));
    if (!clear) {
        return std::nullopt;
    }
    return Unsealed{packet->payload_type, *clear};
}

} // namespace vbmc::client
