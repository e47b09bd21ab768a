// Open Session and RAKP 1 to 4 (IPMI 2.0 §13.17 to §13.24): half-open sessions become sessions
// here.

#include "crypto/keys.h"
#include "rmcp/engine.h"
#include "rmcp/pools.h"
#include "wire/rakp.h"
#include "wire/rmcp.h"

namespace vbmc::rmcp {

namespace {

using wire::Status;

template <class Message>
std::size_t
write_handshake(MutableBytes out, wire::PayloadType type, const Message& message) noexcept {
    ByteArray<96> room;
    ByteWriter payload(room);
    wire::write(payload, message);
    wire::Packet20 header;
    header.payload_type = type;
    ByteWriter packet(out);
    wire::write_header20(packet, header, payload.size());
    packet.write(payload.written());
    return payload.ok() && packet.ok() ? packet.size() : 0;
}

bool matches(const wire::Algorithm& asked, u8 number) noexcept {
    return asked.any || asked.number == number;
}

bool matches(const wire::OpenSessionRequest& request, const crypto::Suite& suite) noexcept {
    return matches(request.authentication, static_cast<u8>(suite.authentication)) &&
           matches(request.integrity, static_cast<u8>(suite.integrity)) &&
           matches(request.confidentiality, static_cast<u8>(suite.confidentiality));
}

struct Choice {
    const crypto::Suite* suite = nullptr;
    Privilege privilege_max = Privilege::none;
};

/// The suite of a rule, where it may be used and is one of the proposed triples: never a mix of
/// allowed algorithms.
Choice choice_by(
    const SuiteRule& rule,
    const Policy& policy,
    const crypto::Toolbox& tools,
    const wire::OpenSessionRequest& request
) noexcept {
    const crypto::Suite* const suite = crypto::find_suite(rule.id);
    if (suite == nullptr || rule.privilege_max == Privilege::none || !tools.supports(*suite) ||
        !matches(request, *suite)) {
        return {};
    }
    return {suite, std::min(rule.privilege_max, policy.privilege_max)};
}

/// The first allowed suite that fits. A console that leaves the choice to us may know the mandatory
/// suites only (OpenIPMI's has no SHA-256): then 3, if it is allowed, before what is preferred.
Choice choose_suite(
    const Policy& policy, const crypto::Toolbox& tools, const wire::OpenSessionRequest& request
) noexcept {
    const std::size_t count = std::min<std::size_t>(policy.suite_count, policy.suites.size());
    const auto rules = std::span(policy.suites).first(count);
    Choice first;
    for (const SuiteRule& rule : rules) {
        const Choice choice = choice_by(rule, policy, tools, request);
        if (choice.suite != nullptr && (!request.authentication.any || rule.id == 3)) {
            return choice;
        }
        first = first.suite == nullptr ? choice : first;
    }
    return first;
}

crypto::Exchange
exchange_of(const HalfOpen& half, const Rakp2Sent& state, const ByteArray<16>& guid) noexcept {
    crypto::Exchange exchange;
    exchange.console_session_id = half.request.console_session_id;
    exchange.bmc_session_id = half.id;
    exchange.console_random = state.console_random;
    exchange.bmc_random = state.bmc_random;
    exchange.guid = guid;
    exchange.role = state.role;
    exchange.name = state.name.bytes();
    return exchange;
}

wire::OpenSessionResponse response_to(const HalfOpen& half, u8 tag) noexcept {
    const crypto::Suite& suite = *crypto::find_suite(half.suite_id);
    wire::OpenSessionResponse response;
    response.tag = tag;
    response.privilege_max = static_cast<u8>(half.privilege_max);
    response.console_session_id = half.request.console_session_id;
    response.bmc_session_id = half.id;
    response.authentication = static_cast<u8>(suite.authentication);
    response.integrity = static_cast<u8>(suite.integrity);
    response.confidentiality = static_cast<u8>(suite.confidentiality);
    return response;
}

bool is_set(Bytes key) noexcept {
    return std::any_of(key.begin(), key.end(), [](u8 byte) { return byte != 0; });
}

} // namespace

struct Engine::Claimant {
    std::optional<Credentials> user;
    ByteArray<20> key{}; // of the user, or one that only this boot knows
    Status verdict = Status::ok;

    Claimant() = default;
    Claimant(const Claimant&) = default;
    Claimant& operator=(const Claimant&) = delete;

    ~Claimant() { wipe(key); }
};

Engine::Claimant Engine::claimant(const HalfOpen& half, u8 role, Bytes name) const noexcept {
    const Privilege asked = static_cast<Privilege>(role & 0x0f);
    const bool name_only = (role & 0x10) != 0;
    Claimant result;
    // Made for every name, so that a name that exists takes no other time than one that does not.
    shared_.boot_key.compute({directory_.guid(), name}, result.key);
    if (!name.empty()) {
        result.user =
            directory_.find_user(name, name_only ? std::nullopt : std::optional<Privilege>(asked));
    }
    if (result.user) {
        result.key = result.user->key;
    }
    if (asked < Privilege::callback || asked > Privilege::oem) {
        result.verdict = Status::invalid_role;
    } else if (!result.user) {
        result.verdict = Status::unauthorized_name;
    } else if (asked > result.user->privilege_max || asked > half.privilege_max) {
        result.verdict = Status::invalid_role; // 09h: clients step down on it, on 0Ah they give up
    }
    return result;
}

Incoming Engine::handshake(const Arrival& arrival, const wire::Packet20& packet) noexcept {
    if (!directory_.allowed(arrival.peer.address)) {
        return drop(Drop::not_allowed);
    }
    switch (packet.payload_type) {
    case wire::PayloadType::open_session_request:
        return open_session(arrival, packet.payload);
    case wire::PayloadType::rakp1:
        return rakp1(arrival, packet.payload);
    case wire::PayloadType::rakp3:
        return rakp3(arrival, packet.payload);
    default:
        return drop(Drop::unwanted);
    }
}

Incoming Engine::open_session(const Arrival& arrival, Bytes payload) noexcept {
    const auto request = wire::parse_open_session_request(payload);
    if (!request) {
        return drop(Drop::malformed);
    }
    Throttle& throttle = shared_.pools->throttle;
    if (!throttle.may_answer(arrival.now.mono, salt_, arrival.peer)) {
        return drop(Drop::throttled);
    }
    wire::OpenSessionResponse response;
    const u32 before = find_same_request(arrival.peer, *request);
    if (before != no_slot) {
        HalfOpen& half = shared_.pools->half_open[before];
        if (is_copy(arrival, half, wire::PayloadType::open_session_request, request->tag)) {
            return drop(Drop::replayed);
        }
        response = response_to(half, request->tag);
    } else if (throttle.delays(arrival.now.mono, salt_, arrival.peer.address)) {
        return drop(Drop::delayed);
    } else {
        const Choice choice = choose_suite(directory_.policy(), shared_.tools, *request);
        const Privilege asked = static_cast<Privilege>(request->privilege_max);
        response.tag = request->tag;
        response.console_session_id = request->console_session_id;
        if (choice.suite == nullptr) {
            response.status = Status::no_cipher_suite_match;
        } else if (asked > Privilege::oem) {
            response.status = Status::invalid_role;
        } else if (const u32 slot =
                       room_for_session(arrival.now.mono) ? make_half_open(arrival) : no_slot;
                   slot == no_slot) {
            response.status = Status::insufficient_resources;
        } else {
            HalfOpen& half = shared_.pools->half_open[slot];
            half.request = *request;
            half.suite_id = choice.suite->id;
            half.privilege_max = asked == Privilege::none ? choice.privilege_max
                                                          : std::min(asked, choice.privilege_max);
            half.state = Opened{};
            half.answered = {
                wire::PayloadType::open_session_request, request->tag, arrival.now.mono};
            response = response_to(half, request->tag);
        }
    }
    const std::size_t size =
        write_handshake(arrival.out, wire::PayloadType::open_session_response, response);
    return size > 0 ? Incoming(Answered{size}) : drop(Drop::no_room);
}

Incoming Engine::rakp1(const Arrival& arrival, Bytes payload) noexcept {
    const auto message = wire::parse_rakp1(payload);
    if (!message) {
        return drop(Drop::malformed);
    }
    const u32 slot = find_half_open(message->bmc_session_id, arrival.peer);
    if (slot == no_slot) {
        return drop(Drop::unknown_session);
    }
    HalfOpen& half = shared_.pools->half_open[slot];
    if (!std::holds_alternative<Opened>(half.state) &&
        !std::holds_alternative<Rakp2Sent>(half.state)) {
        return drop(Drop::out_of_order);
    }
    if (!shared_.pools->throttle.may_go_on(arrival.now.mono, salt_, arrival.peer)) {
        return drop(Drop::throttled);
    }
    if (shared_.pools->throttle.delays(arrival.now.mono, salt_, arrival.peer.address)) {
        return drop(Drop::delayed);
    }
    // The same message again, with whatever tag, keeps the same random number: the console may use
    // either answer.
    Rakp2Sent next{message->role, message->console_random, {}, {}};
    next.name.assign(message->name);
    const Rakp2Sent* const before = std::get_if<Rakp2Sent>(&half.state);
    const bool same = before != nullptr && before->role == next.role &&
                      before->console_random == next.console_random && before->name == next.name;
    if (same && is_copy(arrival, half, wire::PayloadType::rakp1, message->tag)) {
        return drop(Drop::replayed);
    }
    const crypto::Suite& suite = *crypto::find_suite(half.suite_id);
    const Claimant who = claimant(half, message->role, message->name);
    if (same) {
        next.bmc_random = before->bmc_random;
    } else {
        shared_.entropy.fill(next.bmc_random);
    }
    const crypto::Code code = crypto::rakp2_code(
        shared_.tools, suite.authentication, who.key, exchange_of(half, next, directory_.guid())
    );

    wire::Rakp2 response;
    response.tag = message->tag;
    response.console_session_id = half.request.console_session_id;
    const Privilege asked = static_cast<Privilege>(message->privilege());
    if (message->name_length > wire::user_name_max) {
        response.status = Status::invalid_name_length;
    } else if (asked < Privilege::callback || asked > Privilege::oem) {
        response.status = Status::invalid_role;
    } else if (!directory_.policy().hide_users) {
        response.status = who.verdict;
    }
    if (response.status == Status::ok) {
        if (before == nullptr) {
            half.since = arrival.now.mono; // it goes on: three more seconds
        }
        half.state = next;
        half.answered = {wire::PayloadType::rakp1, message->tag, arrival.now.mono};
        response.bmc_random = next.bmc_random;
        response.guid = directory_.guid();
        response.auth_code = code.bytes();
    } else {
        rakp1_refused(arrival, half, *message, response.status);
    }
    const std::size_t size = write_handshake(arrival.out, wire::PayloadType::rakp2, response);
    return size > 0 ? Incoming(Answered{size}) : drop(Drop::no_room);
}

void Engine::rakp1_refused(
    const Arrival& arrival, HalfOpen& half, const wire::Rakp1& message, Status status
) noexcept {
    const bool unknown = status == Status::unauthorized_name;
    if (unknown) {
        shared_.pools->throttle.guessed_wrong(arrival.now.mono, salt_, arrival.peer.address);
    }
    const Opened* const opened = std::get_if<Opened>(&half.state);
    if (opened == nullptr || !opened->refused_before) {
        refused(
            arrival.peer,
            unknown ? Reason::unknown_name : Reason::role_too_high,
            message.name,
            half.suite_id,
            static_cast<Privilege>(message.privilege())
        );
    }
    half.state = Opened{true};
}

Incoming Engine::rakp3(const Arrival& arrival, Bytes payload) noexcept {
    const auto message = wire::parse_rakp3(payload);
    if (!message) {
        return drop(Drop::malformed);
    }
    const u32 slot = find_half_open(message->bmc_session_id, arrival.peer);
    if (slot == no_slot) {
        return repeat_rakp4(arrival, *message);
    }
    if (!shared_.pools->throttle.may_go_on(arrival.now.mono, salt_, arrival.peer)) {
        return drop(Drop::throttled);
    }
    HalfOpen& half = shared_.pools->half_open[slot];
    if (const Refused* const before = std::get_if<Refused>(&half.state)) {
        return answer_rakp4(
            arrival, {message->tag, before->status, half.request.console_session_id, {}}
        );
    }
    const Rakp2Sent* const state = std::get_if<Rakp2Sent>(&half.state);
    if (state == nullptr) {
        return drop(Drop::out_of_order);
    }
    if (shared_.pools->throttle.delays(arrival.now.mono, salt_, arrival.peer.address)) {
        return drop(Drop::delayed);
    }
    const UserName name = state->name;
    if (message->status != Status::ok) {
        // The console found our RAKP 2 wrong: it holds another password.
        shared_.pools->throttle.guessed_wrong(arrival.now.mono, salt_, arrival.peer.address);
        refused(
            arrival.peer, Reason::wrong_password, name.bytes(), half.suite_id, half.privilege_max
        );
        end_half_open(slot);
        return drop(Drop::unwanted);
    }
    const crypto::Suite& suite = *crypto::find_suite(half.suite_id);
    const Claimant who = claimant(half, state->role, name.bytes());
    const crypto::Code expected = crypto::rakp3_code(
        shared_.tools, suite.authentication, who.key, exchange_of(half, *state, directory_.guid())
    );
    const bool proven = equal_constant_time(expected.bytes(), message->auth_code);
    if (!proven || !who.user) {
        shared_.pools->throttle.guessed_wrong(arrival.now.mono, salt_, arrival.peer.address);
        return rakp3_refused(
            arrival,
            half,
            *message,
            Status::invalid_integrity_check_value,
            who.user ? Reason::wrong_password : Reason::unknown_name
        );
    }
    if (who.verdict != Status::ok) {
        return rakp3_refused(arrival, half, *message, who.verdict, Reason::role_too_high);
    }
    return activate(arrival, slot, *message, who);
}

Incoming Engine::rakp3_refused(
    const Arrival& arrival, HalfOpen& half, const wire::Rakp3& message, Status status, Reason reason
) noexcept {
    const UserName name = std::get<Rakp2Sent>(half.state).name;
    refused(arrival.peer, reason, name.bytes(), half.suite_id, half.privilege_max);
    half.state = Refused{status};
    return answer_rakp4(arrival, {message.tag, status, half.request.console_session_id, {}});
}

Incoming Engine::activate(
    const Arrival& arrival, u32 half_slot, const wire::Rakp3& message, const Claimant& who
) noexcept {
    const Mono now = arrival.now.mono;
    HalfOpen& half = shared_.pools->half_open[half_slot];
    const Rakp2Sent& state = std::get<Rakp2Sent>(half.state);
    if (!make_room_for(*who.user, now)) {
        return rakp3_refused(
            arrival, half, message, Status::insufficient_resources, Reason::no_session_free
        );
    }
    if (session_count_ >= directory_.policy().sessions_max && room_for_session(now)) {
        end_session(longest_idle(now), Reason::evicted);
    }
    const u32 slot = make_session(arrival, half, *who.user);
    if (slot == no_slot) {
        return rakp3_refused(
            arrival, half, message, Status::insufficient_resources, Reason::no_session_free
        );
    }
    Session& session = shared_.pools->sessions[slot];
    const Bytes user_key = who.key;
    const Bytes bmc_key = directory_.bmc_key();
    const crypto::Established made = crypto::establish(
        shared_.tools,
        *crypto::find_suite(half.suite_id),
        user_key,
        is_set(bmc_key) ? bmc_key : user_key,
        exchange_of(half, state, directory_.guid())
    );
    session.suite = crypto::find_suite(half.suite_id);
    session.console_id = half.request.console_session_id;
    session.keys = made.keys;
    session.check_value = made.check_value;
    session.rakp3_code.assign(message.auth_code);
    session.rakp3_tag = message.tag;
    session.inbound = ReplayWindow::rmcp_plus();
    session.privilege_max = std::min(half.privilege_max, static_cast<Privilege>(state.role & 0x0f));
    session.privilege = std::min(Privilege::user, session.privilege_max);
    shared_.pools->throttle.logged_in(arrival.now.mono, salt_, arrival.peer);
    const UserName name = state.name;
    end_half_open(half_slot);
    opened(session, name.bytes());
    return answer_rakp4(
        arrival, {message.tag, Status::ok, session.console_id, session.check_value.bytes()}
    );
}

Incoming Engine::repeat_rakp4(const Arrival& arrival, const wire::Rakp3& message) noexcept {
    const u32 slot = find_session(message.bmc_session_id);
    if (slot == no_slot) {
        return drop(Drop::unknown_session);
    }
    const Session& session = shared_.pools->sessions[slot];
    if (session.peer != arrival.peer || session.framing != Framing::rmcp_plus ||
        !equal_constant_time(session.rakp3_code.bytes(), message.auth_code)) {
        return drop(Drop::unknown_session);
    }
    const AnsweredStep answered{wire::PayloadType::rakp3, session.rakp3_tag, session.opened};
    if (answered.is_copied_by(
            wire::PayloadType::rakp3, message.tag, arrival.now.mono, shared_.limits.copy_window
        )) {
        return drop(Drop::replayed);
    }
    return answer_rakp4(
        arrival, {message.tag, Status::ok, session.console_id, session.check_value.bytes()}
    );
}

/// Else it is noted as what is answered now.
bool Engine::is_copy(
    const Arrival& arrival, HalfOpen& half, wire::PayloadType type, u8 tag
) noexcept {
    const Mono now = arrival.now.mono;
    if (half.answered.is_copied_by(type, tag, now, shared_.limits.copy_window)) {
        return true;
    }
    half.answered = {type, tag, now};
    return false;
}

Incoming Engine::answer_rakp4(const Arrival& arrival, const wire::Rakp4& message) noexcept {
    const std::size_t size = write_handshake(arrival.out, wire::PayloadType::rakp4, message);
    return size > 0 ? Incoming(Answered{size}) : drop(Drop::no_room);
}

} // namespace vbmc::rmcp
