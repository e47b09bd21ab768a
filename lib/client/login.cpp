#include "client/login.h"

#include "crypto/suite.h"
#include "wire/rakp.h"

#include <algorithm>

namespace vbmc::client {

namespace {

constexpr u8 netfn_app = 0x06;
constexpr u8 get_auth_capabilities = 0x38;
constexpr u8 get_cipher_suites = 0x54;
constexpr u8 this_channel = 0x0e;
constexpr u8 name_only_lookup = 0x10;
constexpr std::size_t suite_part = 16; // bytes of the record list that one answer carries
constexpr u8 suite_parts_max = 64;     // indexes 0 to 63

/// The suites of a list of cipher suite records (IPMI 2.0 §22.15.1); broken records end it.
std::vector<u8> suites_in(Bytes records) {
    constexpr u8 standard = 0xc0;
    constexpr u8 oem = 0xc1;
    std::vector<u8> ids;
    ByteReader in(records);
    while (in.remaining() >= 2) {
        const u8 start = in.read_u8();
        if (start == standard) {
            ids.push_back(in.read_u8());
        } else if (start == oem) {
            in.skip(4); // its number and whose it is: none of ours
        } else if ((start & 0xc0) == 0xc0) {
            break;
        } // else an algorithm of the record before
    }
    return ids;
}

ByteArray<20> padded(const Secret& secret) noexcept {
    ByteArray<20> key{};
    const Bytes given = secret.reveal_bytes();
    std::copy_n(given.begin(), std::min(given.size(), key.size()), key.begin());
    return key;
}

bool is_about_suite(wire::Status status) noexcept {
    using wire::Status;
    return status == Status::invalid_authentication_algorithm ||
           status == Status::invalid_integrity_algorithm ||
           status == Status::no_matching_authentication_payload ||
           status == Status::no_matching_integrity_payload ||
           status == Status::invalid_confidentiality_algorithm ||
           status == Status::no_cipher_suite_match;
}

Failure failure_of(wire::Status status) noexcept {
    using wire::Status;
    switch (status) {
    case Status::insufficient_resources:
    case Status::insufficient_resources_for_role:
        return Failure::no_session_free;
    case Status::invalid_role:
    case Status::unauthorized_role:
        return Failure::role_refused;
    case Status::unauthorized_name:
    case Status::invalid_name_length:
        return Failure::unknown_user;
    case Status::invalid_integrity_check_value:
        return Failure::wrong_password;
    default:
        return is_about_suite(status) ? Failure::no_common_suite : Failure::refused;
    }
}

} // namespace

std::string_view describe(Failure failure) noexcept {
    switch (failure) {
    case Failure::none:
        return "nothing is wrong";
    case Failure::no_answer:
        return "no answer";
    case Failure::user_ignored:
        return "it answers, but says nothing to this user";
    case Failure::not_rmcp_plus:
        return "it offers no IPMI 2.0 (RMCP+) session";
    case Failure::no_common_suite:
        return "it takes none of the wanted cipher suites";
    case Failure::unknown_user:
        return "it does not know the user name, or the user may not log in";
    case Failure::wrong_password:
        return "the password is wrong";
    case Failure::wrong_bmc_key:
        return "the K_g key is wrong";
    case Failure::role_refused:
        return "the user may not have the wanted privilege";
    case Failure::no_session_free:
        return "it has no session free";
    case Failure::refused:
        return "it refused the log-in";
    case Failure::session_lost:
        return "it forgot the session";
    case Failure::too_many_requests:
        return "too many requests wait for it";
    case Failure::deadline:
        return "it did not answer in time";
    case Failure::closed:
        return "the connection was closed";
    }
    return "";
}

Login::Login(
    crypto::Toolbox& tools,
    Entropy& entropy,
    const Settings& settings,
    Credentials credentials,
    u8 known_suite,
    Mono now
)
    : tools_(tools), entropy_(entropy), settings_(settings), credentials_(std::move(credentials)),
      tag_(static_cast<u8>(entropy.next_u32())),
      rq_sequence_(static_cast<u8>(entropy.next_u32() & 0x3f)) {
    if (std::find(settings_.suites.begin(), settings_.suites.end(), known_suite) !=
        settings_.suites.end()) {
        candidates_ = {known_suite};
        known_first_ = true;
    }
    constexpr u8 extended = 0x80; // IPMI 2.0 data is asked for
    const ByteArray<2> data = {this_channel | extended, settings_.privilege};
    ask(now, false, get_auth_capabilities, data);
}

ByteArray<20> Login::user_key() const noexcept {
    return padded(credentials_.password);
}

u8 Login::role() const noexcept {
    return settings_.privilege | name_only_lookup;
}

Packet Login::take_packet() {
    if (!to_send_) {
        return {};
    }
    to_send_ = false;
    return packet_;
}

void Login::send(Mono now, Packet packet) {
    packet_ = std::move(packet);
    to_send_ = true;
    sent_ = 1;
    resend_gap_ = settings_.retry_first;
    resend_at_ = now + resend_gap_;
}

void Login::fail(Trouble why) noexcept {
    trouble_ = why;
    to_send_ = false;
    resend_at_ = never;
}

void Login::ask(Mono now, bool rmcp_plus, u8 command, Bytes data) {
    rq_sequence_ = (rq_sequence_ + 1) & 0x3f;
    const auto message = request_message(netfn_app, 0, command, data, rq_sequence_);
    send(now, sessionless_packet(rmcp_plus, message));
}

void Login::ask_suites(Mono now, u8 index) {
    constexpr u8 by_suite = 0x80;
    const ByteArray<3> data = {this_channel, 0, static_cast<u8>(by_suite | index)};
    ask(now, true, get_cipher_suites, data);
}

/// The completion code and data of the answer to what was asked; empty when it is not that.
Bytes Login::answer_to(u8 command, const Unsealed& answer) const noexcept {
    if (answer.type != wire::PayloadType::ipmi) {
        return {};
    }
    const auto message = wire::parse_lan_message(answer.payload);
    if (!message || message->net_fn != (netfn_app | 1) || message->command != command ||
        message->sequence != rq_sequence_) {
        return {};
    }
    return message->data;
}

void Login::receive(Mono now, Bytes datagram) {
    if (trouble_.failure != Failure::none || channel() != nullptr) {
        return;
    }
    const auto answer = open_sessionless(datagram);
    if (answer) {
        std::visit([&](auto& step) { take(now, step, *answer); }, step_);
    }
}

void Login::take(Mono now, const AskCapabilities&, const Unsealed& answer) {
    const Bytes data = answer_to(get_auth_capabilities, answer);
    if (data.empty()) {
        return;
    }
    constexpr std::size_t size = 9;
    constexpr u8 has_extended = 0x80;
    constexpr u8 rmcp_plus = 0x02;
    if (data[0] != 0 || data.size() < size || (data[2] & has_extended) == 0 ||
        (data[4] & rmcp_plus) == 0) {
        fail({Failure::not_rmcp_plus, data[0]});
        return;
    }
    if (known_first_ || settings_.suites.size() == 1) {
        if (!known_first_) {
            candidates_ = settings_.suites;
        }
        next_suite(now, {Failure::no_common_suite, 0});
        return;
    }
    step_ = ListSuites{};
    ask_suites(now, 0);
}

void Login::take(Mono now, ListSuites& step, const Unsealed& answer) {
    const Bytes data = answer_to(get_cipher_suites, answer);
    if (data.empty()) {
        return;
    }
    constexpr std::size_t head = 2; // completion code, channel
    const bool ok = data[0] == 0 && data.size() >= head;
    const Bytes part = ok ? data.subspan(head) : Bytes();
    step.records.insert(step.records.end(), part.begin(), part.end());
    if (part.size() >= suite_part && step.index + 1 < suite_parts_max) {
        ++step.index;
        ask_suites(now, step.index);
        return;
    }
    choose_suites(step.records);
    next_suite(now, {Failure::no_common_suite, 0});
}

/// Ours in our order, as far as they are on offer; without a list that can be read, all of ours.
void Login::choose_suites(const std::vector<u8>& records) {
    const std::vector<u8> offered = suites_in(records);
    candidates_.clear();
    for (const u8 id : settings_.suites) {
        if (offered.empty() || std::find(offered.begin(), offered.end(), id) != offered.end()) {
            candidates_.push_back(id);
        }
    }
}

void Login::next_suite(Mono now, Trouble why) {
    if (candidates_.empty() && known_first_) {
        known_first_ = false;
        if (settings_.suites.size() > 1) {
            step_ = ListSuites{};
            ask_suites(now, 0);
            return;
        }
    }
    while (!candidates_.empty()) {
        const crypto::Suite* suite = crypto::find_suite(candidates_.front());
        candidates_.erase(candidates_.begin());
        if (suite != nullptr && suite->authenticates() && tools_.supports(*suite)) {
            open(now, *suite);
            return;
        }
    }
    fail(why);
}

void Login::open(Mono now, const crypto::Suite& suite) {
    do {
        console_id_ = entropy_.next_u32(); // new for each try: an answer to an old one is not ours
    } while (console_id_ == 0);
    wire::OpenSessionRequest message;
    message.tag = ++tag_;
    message.privilege_max = settings_.privilege;
    message.console_session_id = console_id_;
    message.authentication = {false, static_cast<u8>(suite.authentication)};
    message.integrity = {false, static_cast<u8>(suite.integrity)};
    message.confidentiality = {false, static_cast<u8>(suite.confidentiality)};
    step_ = Opening{&suite};
    send(now, handshake_packet(wire::PayloadType::open_session_request, message));
}

void Login::refused(Mono now, wire::Status status) {
    const Trouble why{failure_of(status), static_cast<u8>(status)};
    if (std::holds_alternative<Opening>(step_) && is_about_suite(status)) {
        next_suite(now, why);
        return;
    }
    fail(why);
}

/// OpenIPMI's simulator refuses with the tag and the status alone.
bool Login::is_short_refusal(Bytes payload) const noexcept {
    return payload.size() >= 2 && payload.size() < wire::handshake_error_size &&
           payload[0] == tag_ && payload[1] != 0;
}

void Login::take(Mono now, const Opening& step, const Unsealed& answer) {
    if (answer.type != wire::PayloadType::open_session_response) {
        return;
    }
    if (is_short_refusal(answer.payload)) {
        refused(now, static_cast<wire::Status>(answer.payload[1]));
        return;
    }
    const auto message = wire::parse_open_session_response(answer.payload);
    if (!message || message->tag != tag_ || message->console_session_id != console_id_) {
        return;
    }
    if (message->status != wire::Status::ok) {
        refused(now, message->status);
        return;
    }
    const crypto::Suite& suite = *step.suite;
    if (message->bmc_session_id == 0 ||
        message->authentication != static_cast<u8>(suite.authentication) ||
        message->integrity != static_cast<u8>(suite.integrity) ||
        message->confidentiality != static_cast<u8>(suite.confidentiality)) {
        next_suite(now, {Failure::no_common_suite, 0}); // it chose what was not asked for
        return;
    }
    AwaitProof next{&suite, message->bmc_session_id, {}};
    entropy_.fill(next.console_random);
    wire::Rakp1 first;
    first.tag = ++tag_;
    first.bmc_session_id = next.bmc_id;
    first.console_random = next.console_random;
    first.role = role();
    first.name = credentials_.user;
    first.name_length = static_cast<u8>(first.name.size());
    step_ = next;
    send(now, handshake_packet(wire::PayloadType::rakp1, first));
}

crypto::Exchange Login::exchange(const AwaitProof& step, const ByteArray<16>& bmc_random) const {
    crypto::Exchange result;
    result.console_session_id = console_id_;
    result.bmc_session_id = step.bmc_id;
    result.console_random = step.console_random;
    result.bmc_random = bmc_random;
    result.guid = guid_;
    result.role = role();
    result.name = credentials_.user;
    return result;
}

void Login::take(Mono now, const AwaitProof& step, const Unsealed& answer) {
    if (answer.type != wire::PayloadType::rakp2) {
        return;
    }
    if (is_short_refusal(answer.payload)) {
        refused(now, static_cast<wire::Status>(answer.payload[1]));
        return;
    }
    const auto message = wire::parse_rakp2(answer.payload);
    if (!message || message->tag != tag_ || message->console_session_id != console_id_) {
        return;
    }
    if (message->status != wire::Status::ok) {
        refused(now, message->status);
        return;
    }
    guid_ = message->guid;
    const crypto::Exchange all = exchange(step, message->bmc_random);
    const crypto::Suite& suite = *step.suite;
    ByteArray<20> key = user_key();
    const crypto::Code expected = crypto::rakp2_code(tools_, suite.authentication, key, all);
    if (!equal_constant_time(expected.bytes(), message->auth_code)) {
        wipe(key);
        fail({Failure::wrong_password, 0});
        return;
    }
    const crypto::Code proof = crypto::rakp3_code(tools_, suite.authentication, key, all);
    ByteArray<20> bmc_key = credentials_.bmc_key.empty() ? key : padded(credentials_.bmc_key);
    const crypto::Established made = crypto::establish(tools_, suite, key, bmc_key, all);
    wipe(key);
    wipe(bmc_key);

    wire::Rakp3 third;
    third.tag = ++tag_;
    third.bmc_session_id = step.bmc_id;
    third.auth_code = proof.bytes();
    AwaitKeys next;
    next.channel.suite = &suite;
    next.channel.keys = made.keys;
    next.channel.console_id = console_id_;
    next.channel.bmc_id = step.bmc_id;
    next.check_value = made.check_value;
    step_ = next;
    send(now, handshake_packet(wire::PayloadType::rakp3, third));
}

void Login::take(Mono, const AwaitKeys& step, const Unsealed& answer) {
    if (answer.type != wire::PayloadType::rakp4) {
        return;
    }
    if (is_short_refusal(answer.payload)) {
        fail({Failure::refused, answer.payload[1]});
        return;
    }
    const auto message = wire::parse_rakp4(answer.payload);
    if (!message || message->tag != tag_ || message->console_session_id != console_id_) {
        return;
    }
    if (message->status != wire::Status::ok) {
        // RAKP 2 has shown that both know the password: a repeated RAKP 1 made it another nonce.
        fail({Failure::refused, static_cast<u8>(message->status)});
        return;
    }
    if (!equal_constant_time(step.check_value.bytes(), message->check_value)) {
        fail({Failure::wrong_bmc_key, 0}); // RAKP 2 has shown that the password is right
        return;
    }
    const Channel established = step.channel;
    resend_at_ = never;
    step_ = established;
}

void Login::on_deadline(Mono now) {
    if (now < resend_at_) {
        return;
    }
    const bool lists = std::holds_alternative<ListSuites>(step_);
    if (sent_ < (lists ? settings_.list_tries : settings_.tries)) {
        ++sent_;
        to_send_ = true;
        resend_gap_ = std::min(resend_gap_ * 2, settings_.retry_max);
        resend_at_ = now + resend_gap_;
        return;
    }
    if (lists) { // some never answer this one: try what we would like
        choose_suites({});
        next_suite(now, {Failure::no_answer, 0});
        return;
    }
    if (std::holds_alternative<Opening>(step_)) { // some ignore what they do not support
        next_suite(now, {Failure::no_answer, 0});
        return;
    }
    // OpenIPMI's simulator and some BMCs drop what a user whom they do not know sends.
    const bool named = std::holds_alternative<AwaitProof>(step_);
    fail({named ? Failure::user_ignored : Failure::no_answer, 0});
}

} // namespace vbmc::client
