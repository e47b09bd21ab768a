// IPMI 1.5 log-in and packets (IPMI 2.0 §6.12, §22.16, §22.17): Get Session Challenge, Activate
// Session. Only where the node's policy switches it on.

#include "crypto/mac.h"
#include "rmcp/engine.h"
#include "rmcp/pools.h"
#include "wire/lan_message.h"

namespace vbmc::rmcp {

namespace {

constexpr u8 net_fn_app = 0x06;
constexpr u8 activate_session = 0x3a;
constexpr std::size_t challenge_request_size = 17;
constexpr std::size_t activate_request_size = 22;
constexpr std::size_t password_size = 16;

namespace code {
constexpr u8 ok = 0x00;
constexpr u8 invalid_user_name = 0x81;
constexpr u8 null_user_name = 0x82;
constexpr u8 no_session_slot = 0x81;
constexpr u8 no_slot_for_user = 0x82; // §22.17
constexpr u8 privilege_exceeds_limit = 0x86;
constexpr u8 length_invalid = 0xc7;
constexpr u8 field_invalid = 0xcc;
} // namespace code

bool allows(const Policy& policy, wire::AuthType type, Privilege level) noexcept {
    return (policy.ipmi15_types(level) >> static_cast<u8>(type) & 1) != 0;
}

/// Which level is wanted is only known with Activate Session.
bool allows(const Policy& policy, wire::AuthType type) noexcept {
    constexpr std::array levels = {
        Privilege::callback,
        Privilege::user,
        Privilege::operator_,
        Privilege::administrator,
        Privilege::oem};
    return std::any_of(levels.begin(), levels.end(), [&](Privilege level) {
        return allows(policy, type, level);
    });
}

/// The name without the zeros that fill its sixteen bytes.
Bytes unpadded(Bytes name) noexcept {
    while (!name.empty() && name.back() == 0) {
        name = name.first(name.size() - 1);
    }
    return name;
}

bool is_activation(const wire::LanMessage& message) noexcept {
    return message.net_fn == net_fn_app && message.command == activate_session;
}

wire::LanMessage response_to(const wire::LanMessage& request, Bytes data) noexcept {
    wire::LanMessage message;
    message.to_address = request.from_address;
    message.net_fn = request.net_fn | 1;
    message.to_lun = request.from_lun;
    message.from_address = request.to_address;
    message.sequence = request.sequence;
    message.from_lun = request.to_lun;
    message.command = request.command;
    message.data = data;
    return message;
}

ByteArray<16> code_of(
    crypto::Toolbox& tools,
    wire::AuthType type,
    Bytes password,
    u32 session_id,
    u32 sequence,
    Bytes payload
) noexcept {
    ByteArray<16> result{};
    if (type == wire::AuthType::md5) {
        result = crypto::sign15(tools, password, session_id, sequence, payload);
    } else {
        std::copy_n(password.begin(), std::min(password.size(), result.size()), result.begin());
    }
    return result;
}

ByteArray<11> activation_data(const Session& session) noexcept {
    ByteArray<11> data{};
    ByteWriter out(data);
    out.write_u8(code::ok);
    out.write_u8(static_cast<u8>(session.auth_type));
    out.write_u32(session.id);
    out.write_u32(session.initial_inbound);
    out.write_u8(static_cast<u8>(session.privilege_max));
    return data;
}

} // namespace

bool Engine::authentic15(wire::AuthType type, Bytes password, const wire::Packet15& packet)
    const noexcept {
    const ByteArray<16> expected =
        code_of(shared_.tools, type, password, packet.session_id, packet.sequence, packet.payload);
    return equal_constant_time(expected, packet.auth_code);
}

std::size_t Engine::seal15(Session& session, Bytes payload, MutableBytes out) noexcept {
    wire::Packet15 packet;
    packet.auth_type = session.auth_type;
    packet.sequence = next_sequence(session.outbound);
    packet.session_id = session.id;
    packet.auth_code = code_of(
        shared_.tools,
        session.auth_type,
        session.keys.integrity_key(),
        session.id,
        packet.sequence,
        payload
    );
    packet.payload = payload;
    ByteWriter writer(out);
    wire::write_packet15(writer, packet);
    if (!writer.ok()) {
        return 0;
    }
    session.outbound = packet.sequence;
    return writer.size();
}

Incoming Engine::answer15(
    const Arrival& arrival, const wire::LanMessage& request, Bytes completion_code_and_data
) noexcept {
    const std::size_t size = write_sessionless(
        Framing::ipmi15, response_to(request, completion_code_and_data), arrival.out
    );
    return size > 0 ? Incoming(Answered{size}) : drop(Drop::no_room);
}

Incoming Engine::get_challenge(const Arrival& arrival, const wire::LanMessage& request) noexcept {
    if (request.data.size() != challenge_request_size) {
        return answer15(arrival, request, ByteArray<1>{code::length_invalid});
    }
    const wire::AuthType type = static_cast<wire::AuthType>(request.data[0] & 0x0f);
    const Policy& policy = directory_.policy();
    if (!allows(policy, type)) {
        return answer15(arrival, request, ByteArray<1>{code::field_invalid});
    }
    Throttle& throttle = shared_.pools->throttle;
    if (throttle.delays(arrival.now.mono, salt_, arrival.peer.address)) {
        return drop(Drop::delayed);
    }
    UserName name;
    name.assign(unpadded(request.data.subspan(1)));
    const bool known = find_user15(name.bytes()).has_value();
    if (!known && !policy.hide_users) {
        // Not held against the source: nothing has shown yet that the sender's address is his, and
        // a forged one would slow down somebody else. What it costs is an answer.
        refused(arrival.peer, Reason::unknown_name, name.bytes(), 0, Privilege::none);
        const u8 completion = name.empty() ? code::null_user_name : code::invalid_user_name;
        return answer15(arrival, request, ByteArray<1>{completion});
    }
    u32 slot = find_same_challenge(arrival.peer, type, name.bytes());
    if (slot == no_slot) {
        slot = make_half_open(arrival);
        if (slot == no_slot) {
            return drop(Drop::throttled);
        }
        Challenged state{type, {}, name};
        shared_.entropy.fill(state.challenge);
        shared_.pools->half_open[slot].state = state;
    }
    const HalfOpen& half = shared_.pools->half_open[slot];
    ByteArray<21> data{};
    ByteWriter out(data);
    out.write_u8(code::ok);
    out.write_u32(half.id);
    out.write(std::get<Challenged>(half.state).challenge);
    return answer15(arrival, request, data);
}

std::optional<Credentials> Engine::find_user15(Bytes name) const noexcept {
    if (name.empty()) {
        return std::nullopt;
    }
    std::optional<Credentials> user = directory_.find_user(name, std::nullopt);
    if (user && user->key_is_20) {
        user.reset(); // a 20-byte password has no place in an IPMI 1.5 code (IPMI 2.0 §22.30)
    }
    return user;
}

Incoming
Engine::activate15(const Arrival& arrival, u32 half_slot, const wire::Packet15& packet) noexcept {
    HalfOpen& half = shared_.pools->half_open[half_slot];
    const Challenged* const state = std::get_if<Challenged>(&half.state);
    if (state == nullptr) {
        return drop(Drop::out_of_order);
    }
    if (packet.auth_type != state->auth_type) {
        return drop(Drop::unprotected);
    }
    Throttle& throttle = shared_.pools->throttle;
    if (throttle.delays(arrival.now.mono, salt_, arrival.peer.address)) {
        return drop(Drop::delayed);
    }
    const UserName name = state->name;
    const std::optional<Credentials> user = find_user15(name.bytes());
    ByteArray<password_size> password{};
    if (user) {
        std::copy_n(user->key.begin(), password_size, password.begin());
    } else {
        shared_.entropy.fill(password);
    }
    const bool proven = authentic15(state->auth_type, password, packet);
    if (!proven || !user) {
        wipe(password);
        throttle.guessed_wrong(arrival.now.mono, salt_, arrival.peer.address);
        refused(
            arrival.peer,
            user ? Reason::wrong_password : Reason::unknown_name,
            name.bytes(),
            0,
            Privilege::none
        );
        end_half_open(half_slot); // one guess a challenge
        return drop(Drop::bad_code);
    }
    const Incoming result = activate15_proven(arrival, half_slot, packet, *user, password);
    wipe(password);
    return result;
}

Incoming Engine::activate15_proven(
    const Arrival& arrival,
    u32 half_slot,
    const wire::Packet15& packet,
    const Credentials& user,
    Bytes password
) noexcept {
    const wire::Parsed<wire::LanMessage> message = wire::parse_lan_message(packet.payload);
    if (!message || !is_activation(*message)) {
        return drop(Drop::out_of_order);
    }
    if (message->data.size() != activate_request_size) {
        return answer15(arrival, *message, ByteArray<1>{code::length_invalid});
    }
    HalfOpen& half = shared_.pools->half_open[half_slot];
    const Challenged state = std::get<Challenged>(half.state);
    ByteReader in(message->data);
    const wire::AuthType type = static_cast<wire::AuthType>(in.read_u8() & 0x0f);
    const Privilege asked = static_cast<Privilege>(in.read_u8() & 0x0f);
    const ByteArray<16> challenge = in.read_array<16>();
    const u32 initial_outbound = in.read_u32();
    if (type != state.auth_type || challenge != state.challenge ||
        !allows(directory_.policy(), type, asked)) { // no level is outside callback .. OEM
        return answer15(arrival, *message, ByteArray<1>{code::field_invalid});
    }
    if (asked > user.privilege_max || asked > directory_.policy().privilege_max) {
        refused(arrival.peer, Reason::role_too_high, state.name.bytes(), 0, asked);
        return answer15(arrival, *message, ByteArray<1>{code::privilege_exceeds_limit});
    }
    const Mono now = arrival.now.mono;
    if (!make_room_for(user, now)) {
        refused(arrival.peer, Reason::no_session_free, state.name.bytes(), 0, asked);
        return answer15(arrival, *message, ByteArray<1>{code::no_slot_for_user});
    }
    if (session_count_ >= directory_.policy().sessions_max && room_for_session(now)) {
        end_session(longest_idle(now), Reason::evicted);
    }
    const u32 slot = make_session(arrival, half, user);
    if (slot == no_slot) {
        refused(arrival.peer, Reason::no_session_free, state.name.bytes(), 0, asked);
        return answer15(arrival, *message, ByteArray<1>{code::no_session_slot});
    }
    Session& session = shared_.pools->sessions[slot];
    session.framing = Framing::ipmi15;
    session.auth_type = state.auth_type;
    session.keys.set_integrity_key(crypto::Integrity::none, password);
    session.privilege_max = asked;
    session.privilege = std::min(Privilege::user, asked);
    do {
        session.initial_inbound = shared_.entropy.next_u32();
    } while (session.initial_inbound == 0);
    session.inbound = ReplayWindow::ipmi15(session.initial_inbound);
    session.outbound = initial_outbound <= 1 ? 0 : initial_outbound - 1;
    shared_.pools->throttle.logged_in(arrival.now.mono, salt_, arrival.peer);
    end_half_open(half_slot);
    opened(session, state.name.bytes());
    const std::size_t size =
        seal_lan(session, response_to(*message, activation_data(session)), arrival.out);
    return size > 0 ? Incoming(Answered{size}) : drop(Drop::no_room);
}

Incoming Engine::repeat_activation15(
    const Arrival& arrival, Session& session, const wire::Packet15& packet
) noexcept {
    const wire::Parsed<wire::LanMessage> message = wire::parse_lan_message(packet.payload);
    if (!message || !is_activation(*message)) {
        return drop(Drop::replayed);
    }
    const std::size_t size =
        seal_lan(session, response_to(*message, activation_data(session)), arrival.out);
    return size > 0 ? Incoming(Answered{size}) : drop(Drop::no_room);
}

} // namespace vbmc::rmcp
