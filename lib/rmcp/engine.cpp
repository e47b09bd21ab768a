#include "rmcp/engine.h"

#include "crypto/cipher.h"
#include "crypto/mac.h"
#include "rmcp/pools.h"
#include "wire/asf.h"
#include "wire/lan_message.h"
#include "wire/rmcp.h"

namespace vbmc::rmcp {

namespace {

constexpr u8 net_fn_app = 0x06;
constexpr u8 get_system_guid = 0x37;
constexpr u8 get_channel_authentication_capabilities = 0x38;
constexpr u8 get_session_challenge = 0x39;
constexpr u8 get_channel_cipher_suites = 0x54;
constexpr std::size_t lan_message_max = 320;

/// What may be asked without a session (IPMI 2.0 Appendix G: privilege "none").
bool for_strangers(const wire::LanMessage& message) noexcept {
    return message.net_fn == net_fn_app &&
           (message.command == get_system_guid ||
            message.command == get_channel_authentication_capabilities ||
            message.command == get_channel_cipher_suites);
}

RequestKey key_of(const wire::LanMessage& message) noexcept {
    return {
        message.to_address,
        message.from_address,
        static_cast<u8>(message.sequence << 2 | message.from_lun),
        static_cast<u8>(message.net_fn << 2 | message.to_lun),
        message.command,
        static_cast<u16>(message.data.size()),
        hash_of(message.data),
    };
}

Request request_of(const wire::LanMessage& message, Framing framing) noexcept {
    Request request;
    request.ret.framing = framing;
    request.ret.net_fn = message.net_fn;
    request.ret.command = message.command;
    request.ret.rs_address = message.to_address;
    request.ret.rs_lun = message.to_lun;
    request.ret.rq_address = message.from_address;
    request.ret.rq_sequence = message.sequence;
    request.ret.rq_lun = message.from_lun;
    request.net_fn = message.net_fn;
    request.lun = message.to_lun;
    request.command = message.command;
    request.rs_address = message.to_address;
    request.data = message.data;
    return request;
}

wire::LanMessage response_to(const Return& to, Bytes completion_code_and_data) noexcept {
    wire::LanMessage message;
    message.to_address = to.rq_address;
    message.net_fn = to.net_fn | 1;
    message.to_lun = to.rq_lun;
    message.from_address = to.rs_address;
    message.sequence = to.rq_sequence;
    message.from_lun = to.rs_lun;
    message.command = to.command;
    message.data = completion_code_and_data;
    return message;
}

/// The same bytes, writable.
MutableBytes in_place(MutableBytes whole, Bytes part) noexcept {
    return whole.subspan(static_cast<std::size_t>(part.data() - whole.data()), part.size());
}

} // namespace

Engine::Engine(Shared& shared, Directory& directory) noexcept
    : shared_(shared), directory_(directory), salt_(shared.engines++) {}

Engine::~Engine() {
    // Nobody is left to be told: the directory may be gone already.
    while (sessions_ != no_slot) {
        const u32 slot = sessions_;
        sessions_ = shared_.pools->sessions[slot].next;
        shared_.pools->sessions.release(slot);
    }
    while (half_open_ != no_slot) {
        end_half_open(half_open_);
    }
}

Incoming Engine::drop(Drop reason) const noexcept {
    ++shared_.counters.drops[static_cast<std::size_t>(reason)];
    return Dropped{reason};
}

Incoming Engine::open(Now now, const Peer& peer, MutableBytes datagram, MutableBytes out) noexcept {
    const wire::Parsed<wire::Rmcp> message = wire::parse_rmcp(datagram);
    if (!message) {
        return drop(Drop::malformed);
    }
    if (message->ack) {
        return drop(Drop::unwanted);
    }
    const Arrival arrival{now, peer, datagram, out};
    if (message->message_class == wire::MessageClass::asf) {
        return open_asf(arrival, message->body);
    }
    if (wire::auth_type_of(message->body) == wire::AuthType::rmcp_plus) {
        return open_rmcp_plus(arrival, message->body);
    }
    return open_ipmi15(arrival, message->body);
}

Incoming Engine::open_asf(const Arrival& arrival, Bytes body) noexcept {
    const wire::Parsed<wire::Asf> message = wire::parse_asf(body);
    if (!message) {
        return drop(Drop::malformed);
    }
    if (message->type != wire::asf_presence_ping || message->tag == wire::asf_tag_unidirectional) {
        return drop(Drop::unwanted);
    }
    if (!directory_.allowed(arrival.peer.address)) {
        return drop(Drop::not_allowed);
    }
    if (!shared_.pools->throttle.may_answer(arrival.now.mono, salt_, arrival.peer)) {
        return drop(Drop::throttled);
    }
    ByteWriter out(arrival.out);
    wire::write_presence_pong(out, message->tag);
    return out.ok() ? Incoming(Answered{out.size()}) : drop(Drop::no_room);
}

Incoming Engine::open_rmcp_plus(const Arrival& arrival, Bytes body) noexcept {
    const wire::Parsed<wire::Packet20> packet = wire::parse_packet20(body);
    if (!packet) {
        return drop(Drop::malformed);
    }
    if (packet->session_id != 0) {
        return in_session(arrival, *packet);
    }
    if (packet->encrypted || packet->authenticated) {
        return drop(Drop::malformed);
    }
    if (packet->payload_type == wire::PayloadType::ipmi) {
        return from_stranger(arrival, Framing::rmcp_plus, packet->payload);
    }
    return handshake(arrival, *packet);
}

Incoming Engine::open_ipmi15(const Arrival& arrival, Bytes body) noexcept {
    const wire::Parsed<wire::Packet15> packet = wire::parse_packet15(body);
    if (!packet) {
        return drop(Drop::malformed);
    }
    if (packet->session_id != 0) {
        return in_session15(arrival, *packet);
    }
    if (packet->auth_type != wire::AuthType::none) {
        return drop(Drop::unknown_session);
    }
    return from_stranger(arrival, Framing::ipmi15, packet->payload);
}

Incoming Engine::from_stranger(const Arrival& arrival, Framing framing, Bytes payload) noexcept {
    const wire::Parsed<wire::LanMessage> message = wire::parse_lan_message(payload);
    if (!message) {
        return drop(Drop::malformed);
    }
    if (message->is_response() || message->to_address != wire::bmc_address) {
        return drop(Drop::unwanted);
    }
    const bool challenge = framing == Framing::ipmi15 && message->net_fn == net_fn_app &&
                           message->command == get_session_challenge &&
                           directory_.policy().ipmi15();
    if (!challenge && !for_strangers(*message)) {
        return drop(Drop::needs_session);
    }
    if (!directory_.allowed(arrival.peer.address)) {
        return drop(Drop::not_allowed);
    }
    if (!shared_.pools->throttle.may_answer(arrival.now.mono, salt_, arrival.peer)) {
        return drop(Drop::throttled);
    }
    if (challenge) {
        return get_challenge(arrival, *message);
    }
    return request_of(*message, framing);
}

Incoming Engine::in_session(const Arrival& arrival, const wire::Packet20& packet) noexcept {
    const u32 slot = find_session(packet.session_id);
    if (slot == no_slot) {
        return drop(Drop::unknown_session);
    }
    Session& session = shared_.pools->sessions[slot];
    if (session.framing != Framing::rmcp_plus || session.peer != arrival.peer) {
        return drop(Drop::unknown_session);
    }
    const crypto::Suite& suite = *session.suite;
    if (packet.authenticated != suite.authenticates() || packet.encrypted != suite.encrypts()) {
        return drop(Drop::unprotected);
    }
    if (suite.authenticates()) {
        const auto trailer = wire::parse_trailer(packet, crypto::code_size(suite.integrity));
        if (!trailer) {
            return drop(Drop::malformed);
        }
        if (!crypto::verify(
                shared_.tools, suite.integrity, session.keys, trailer->covered, trailer->auth_code
            )) {
            return drop(Drop::bad_code);
        }
    }
    if (!session.inbound.accept(packet.sequence)) {
        return drop(Drop::replayed);
    }
    session.last_used = arrival.now.mono;
    Bytes payload = packet.payload;
    if (suite.encrypts()) {
        const auto clear = crypto::decrypt(
            shared_.tools, session.keys, in_place(arrival.datagram, packet.payload)
        );
        if (!clear) {
            return drop(Drop::bad_padding);
        }
        payload = *clear;
    }
    if (packet.payload_type == wire::PayloadType::sol) {
        return Sol{session.id, payload};
    }
    if (packet.payload_type != wire::PayloadType::ipmi) {
        return drop(Drop::unwanted);
    }
    return deliver(arrival, session, packet.sequence, payload);
}

Incoming Engine::in_session15(const Arrival& arrival, const wire::Packet15& packet) noexcept {
    const u32 slot = find_session(packet.session_id);
    if (slot == no_slot) {
        const u32 half_slot = find_half_open(packet.session_id, arrival.peer);
        return half_slot == no_slot ? drop(Drop::unknown_session)
                                    : activate15(arrival, half_slot, packet);
    }
    Session& session = shared_.pools->sessions[slot];
    if (session.framing != Framing::ipmi15 || session.peer != arrival.peer) {
        return drop(Drop::unknown_session);
    }
    if (packet.auth_type != session.auth_type) {
        return drop(Drop::unprotected);
    }
    if (!authentic15(session.auth_type, session.keys.integrity_key(), packet)) {
        return drop(Drop::bad_code);
    }
    if (packet.sequence == 0) {
        return repeat_activation15(arrival, session, packet);
    }
    if (!session.inbound.accept(packet.sequence)) {
        return drop(Drop::replayed);
    }
    session.last_used = arrival.now.mono;
    return deliver(arrival, session, packet.sequence, packet.payload);
}

Incoming
Engine::deliver(const Arrival& arrival, Session& session, u32 sequence, Bytes payload) noexcept {
    const wire::Parsed<wire::LanMessage> message = wire::parse_lan_message(payload);
    if (!message) {
        return drop(Drop::malformed);
    }
    if (message->is_response()) {
        return drop(Drop::unwanted);
    }
    const Mono now = arrival.now.mono;
    const Duration window = shared_.limits.repeat_window;
    const RequestKey key = key_of(*message);
    Request request = request_of(*message, session.framing);
    request.ret.session_id = session.id;
    const ReplyCache::Lookup before = session.replies.find(key, sequence, now, window);
    if (before.found == ReplyCache::Found::running) {
        return drop(Drop::in_progress);
    }
    if (before.found == ReplyCache::Found::reply) {
        const std::size_t size =
            seal_lan(session, response_to(request.ret, before.reply), arrival.out);
        return size > 0 ? Incoming(Answered{size}) : drop(Drop::no_room);
    }
    const ReplyCache::Claim claim = session.replies.start(key, sequence, now, window);
    request.ret.cache_slot = claim.slot;
    request.ret.cache_stamp = claim.stamp;
    request.privilege = session.privilege;
    request.user_id = session.user_id;
    request.session_id = session.id;
    return request;
}

std::size_t Engine::reply(
    Now, const Return& to, Bytes completion_code_and_data, MutableBytes out, Repeat repeat
) noexcept {
    const wire::LanMessage message = response_to(to, completion_code_and_data);
    if (!completion_code_and_data.empty()) {
        shared_.counters.commands.count(to.net_fn, to.command, completion_code_and_data[0]);
    }
    if (to.session_id == 0) {
        return write_sessionless(to.framing, message, out);
    }
    const u32 slot = find_session(to.session_id);
    if (slot == no_slot) {
        return 0;
    }
    Session& session = shared_.pools->sessions[slot];
    const ReplyCache::Claim claim{to.cache_slot, to.cache_stamp};
    if (repeat == Repeat::cached) {
        session.replies.finish(claim, completion_code_and_data);
    } else {
        session.replies.forget(claim);
    }
    return seal_lan(session, message, out);
}

void Engine::forget(const Return& to) noexcept {
    const u32 slot = find_session(to.session_id);
    if (to.session_id != 0 && slot != no_slot) {
        shared_.pools->sessions[slot].replies.forget({to.cache_slot, to.cache_stamp});
    }
}

std::size_t Engine::send_sol(u32 session_id, Bytes payload, MutableBytes out) noexcept {
    const u32 slot = find_session(session_id);
    if (slot == no_slot) {
        return 0;
    }
    Session& session = shared_.pools->sessions[slot];
    if (session.framing != Framing::rmcp_plus) {
        return 0;
    }
    return seal(session, wire::PayloadType::sol, payload, out);
}

std::size_t Engine::write_sessionless(
    Framing framing, const wire::LanMessage& message, MutableBytes out
) noexcept {
    ByteArray<lan_message_max> room;
    ByteWriter payload(room);
    wire::write(payload, message);
    ByteWriter packet(out);
    if (framing == Framing::ipmi15) {
        wire::Packet15 header;
        header.payload = payload.written();
        wire::write_packet15(packet, header);
    } else {
        wire::write_header20(packet, {}, payload.size());
        packet.write(payload.written());
    }
    return payload.ok() && packet.ok() ? packet.size() : 0;
}

std::size_t
Engine::seal_lan(Session& session, const wire::LanMessage& message, MutableBytes out) noexcept {
    ByteArray<lan_message_max> room;
    ByteWriter payload(room);
    wire::write(payload, message);
    if (!payload.ok()) {
        return 0;
    }
    return session.framing == Framing::ipmi15
               ? seal15(session, payload.written(), out)
               : seal(session, wire::PayloadType::ipmi, payload.written(), out);
}

std::size_t
Engine::seal(Session& session, wire::PayloadType type, Bytes payload, MutableBytes out) noexcept {
    const crypto::Suite& suite = *session.suite;
    const std::size_t size =
        suite.encrypts() ? crypto::encrypted_size(payload.size()) : payload.size();
    wire::Packet20 header;
    header.payload_type = type;
    header.encrypted = suite.encrypts();
    header.authenticated = suite.authenticates();
    header.session_id = session.console_id;
    header.sequence = next_sequence(session.outbound);

    ByteWriter packet(out);
    wire::write_header20(packet, header, size);
    const MutableBytes room = packet.claim(size);
    if (suite.authenticates()) {
        wire::write_trailer(packet, size);
    }
    const std::size_t covered_end = packet.size();
    const MutableBytes code = packet.claim(crypto::code_size(suite.integrity));
    if (!packet.ok()) {
        return 0;
    }
    if (suite.encrypts()) {
        shared_.entropy.fill(room.first(crypto::aes_block));
        std::copy(payload.begin(), payload.end(), room.begin() + crypto::aes_block);
        if (!crypto::encrypt(shared_.tools, session.keys, room, payload.size())) {
            return 0;
        }
    } else {
        std::copy(payload.begin(), payload.end(), room.begin());
    }
    const Bytes covered = packet.written().subspan(wire::rmcp_size, covered_end - wire::rmcp_size);
    if (!crypto::sign(shared_.tools, suite.integrity, session.keys, covered, code)) {
        return 0;
    }
    session.outbound = header.sequence;
    return packet.size();
}

} // namespace vbmc::rmcp
