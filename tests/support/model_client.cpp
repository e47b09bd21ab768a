#include "support/model_client.h"

#include "crypto/cipher.h"
#include "crypto/mac.h"
#include "wire/lan_message.h"
#include "wire/rmcp.h"

#include <stdexcept>

namespace vbmc::test {

namespace {

constexpr u8 console_address = 0x81;

std::vector<u8> lan_request(u8 net_fn, u8 command, const std::vector<u8>& data, u8 rq_sequence) {
    wire::LanMessage message;
    message.to_address = wire::bmc_address;
    message.net_fn = net_fn;
    message.from_address = console_address;
    message.sequence = rq_sequence & 0x3f;
    message.command = command;
    message.data = data;
    std::vector<u8> room(data.size() + wire::lan_message_overhead);
    ByteWriter out(room);
    wire::write(out, message);
    return room;
}

std::optional<Reply> take_lan_reply(Bytes payload, Reply reply) {
    const auto message = wire::parse_lan_message(payload);
    if (!message || !message->is_response() || message->data.empty()) {
        return std::nullopt;
    }
    reply.net_fn = message->net_fn;
    reply.command = message->command;
    reply.rq_sequence = message->sequence;
    reply.completion_code = message->data[0];
    reply.data.assign(message->data.begin() + 1, message->data.end());
    return reply;
}

template <class Message>
Packet handshake_packet(wire::PayloadType type, const Message& message) {
    ByteArray<128> room{};
    ByteWriter payload(room);
    wire::write(payload, message);
    Packet packet(256);
    ByteWriter out(packet);
    wire::Packet20 header;
    header.payload_type = type;
    wire::write_header20(out, header, payload.size());
    out.write(payload.written());
    packet.resize(out.size());
    return packet;
}

wire::Algorithm algorithm(bool any, u8 number) {
    return {any, any ? u8{0} : number};
}

} // namespace

void SeededEntropy::fill(MutableBytes out) noexcept {
    for (u8& byte : out) { // splitmix64
        state_ += 0x9e3779b97f4a7c15;
        u64 z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        byte = static_cast<u8>(z ^ (z >> 31));
    }
}

ModelClient::ModelClient(crypto::Toolbox& tools, ClientOptions options_)
    : options(std::move(options_)), tools_(tools), entropy_(options.seed),
      suite_(crypto::find_suite(options.suite)) {
    entropy_.fill(console_random_);
}

ByteArray<20> ModelClient::user_key() const {
    ByteArray<20> key{};
    const std::size_t size = std::min(options.password.size(), key.size());
    std::copy_n(options.password.begin(), size, key.begin());
    return key;
}

crypto::Exchange ModelClient::exchange() const {
    crypto::Exchange result;
    result.console_session_id = options.console_id;
    result.bmc_session_id = bmc_id_;
    result.console_random = console_random_;
    result.bmc_random = bmc_random_;
    result.guid = guid_;
    result.role = options.role;
    result.name = Bytes(reinterpret_cast<const u8*>(options.user.data()), options.user.size());
    return result;
}

Bytes ModelClient::payload_of(Bytes datagram, wire::PayloadType type) const {
    const auto rmcp = wire::parse_rmcp(datagram);
    if (!rmcp) {
        return {};
    }
    const auto packet = wire::parse_packet20(rmcp->body);
    if (!packet || packet->payload_type != type || packet->session_id != 0 || packet->encrypted ||
        packet->authenticated) {
        return {};
    }
    return packet->payload;
}

Packet ModelClient::open_session() const {
    wire::OpenSessionRequest message;
    message.tag = options.tag;
    message.privilege_max = options.privilege_asked;
    message.console_session_id = options.console_id;
    const bool any = options.any_suite;
    // A suite that does not exist is asked for as "no algorithms": suite 0.
    const crypto::Suite none{};
    const crypto::Suite& suite = suite_ == nullptr ? none : *suite_;
    message.authentication = algorithm(any, static_cast<u8>(suite.authentication));
    message.integrity = algorithm(any, static_cast<u8>(suite.integrity));
    message.confidentiality = algorithm(any, static_cast<u8>(suite.confidentiality));
    return handshake_packet(wire::PayloadType::open_session_request, message);
}

bool ModelClient::take_open_session(Bytes datagram) {
    const auto message = wire::parse_open_session_response(
        payload_of(datagram, wire::PayloadType::open_session_response)
    );
    if (!message || message->tag != options.tag ||
        message->console_session_id != options.console_id) {
        return false;
    }
    status_ = message->status;
    bmc_id_ = message->bmc_session_id;
    privilege_granted_ = message->privilege_max;
    if (options.any_suite) {
        for (const crypto::Suite& suite : crypto::suites) {
            if (static_cast<u8>(suite.authentication) == message->authentication &&
                static_cast<u8>(suite.integrity) == message->integrity &&
                static_cast<u8>(suite.confidentiality) == message->confidentiality) {
                suite_ = &suite;
            }
        }
    }
    return status_ == wire::Status::ok && bmc_id_ != 0;
}

Packet ModelClient::rakp1() const {
    wire::Rakp1 message;
    message.tag = options.tag;
    message.bmc_session_id = bmc_id_;
    message.console_random = console_random_;
    message.role = options.role;
    message.name = exchange().name;
    message.name_length = static_cast<u8>(message.name.size());
    return handshake_packet(wire::PayloadType::rakp1, message);
}

bool ModelClient::take_rakp2(Bytes datagram) {
    const auto message = wire::parse_rakp2(payload_of(datagram, wire::PayloadType::rakp2));
    if (!message || message->tag != options.tag ||
        message->console_session_id != options.console_id) {
        return false;
    }
    status_ = message->status;
    if (status_ != wire::Status::ok) {
        return false;
    }
    bmc_random_ = message->bmc_random;
    guid_ = message->guid;
    const crypto::Code code =
        crypto::rakp2_code(tools_, suite_->authentication, user_key(), exchange());
    return equal(code.bytes(), message->auth_code);
}

Packet ModelClient::rakp3() const {
    const crypto::Code code =
        crypto::rakp3_code(tools_, suite_->authentication, user_key(), exchange());
    wire::Rakp3 message;
    message.tag = options.tag;
    message.bmc_session_id = bmc_id_;
    message.auth_code = code.bytes();
    return handshake_packet(wire::PayloadType::rakp3, message);
}

bool ModelClient::take_rakp4(Bytes datagram) {
    const auto message = wire::parse_rakp4(payload_of(datagram, wire::PayloadType::rakp4));
    if (!message || message->tag != options.tag ||
        message->console_session_id != options.console_id) {
        return false;
    }
    status_ = message->status;
    if (status_ != wire::Status::ok) {
        return false;
    }
    const ByteArray<20> key = user_key();
    const Bytes bmc_key = options.bmc_key.empty() ? Bytes(key) : Bytes(options.bmc_key);
    const crypto::Established made = crypto::establish(tools_, *suite_, key, bmc_key, exchange());
    keys_ = made.keys;
    active_ = equal(made.check_value.bytes(), message->check_value);
    return active_;
}

bool ModelClient::log_in(const Send& send) {
    const auto opened = send(open_session());
    if (!opened || !take_open_session(*opened)) {
        return false;
    }
    const auto second = send(rakp1());
    if (!second || !take_rakp2(*second)) {
        return false;
    }
    const auto fourth = send(rakp3());
    return fourth && take_rakp4(*fourth);
}

void ModelClient::adopt(const crypto::Exchange& recorded) {
    const ByteArray<20> key = user_key();
    const Bytes bmc_key = options.bmc_key.empty() ? Bytes(key) : Bytes(options.bmc_key);
    options.console_id = recorded.console_session_id;
    bmc_id_ = recorded.bmc_session_id;
    keys_ = crypto::establish(tools_, *suite_, key, bmc_key, recorded).keys;
    active_ = true;
}

Packet ModelClient::request(u8 net_fn, u8 command, const std::vector<u8>& data) {
    rq_sequence = (rq_sequence + 1) & 0x3f;
    last_message_ = lan_request(net_fn, command, data, rq_sequence);
    return seal(wire::PayloadType::ipmi, last_message_);
}

Packet ModelClient::retransmit() {
    return seal(wire::PayloadType::ipmi, last_message_);
}

Packet ModelClient::seal(wire::PayloadType type, Bytes payload) {
    session_sequence = session_sequence == 0xffffffff ? 1 : session_sequence + 1;
    const std::size_t size =
        suite_->encrypts() ? crypto::encrypted_size(payload.size()) : payload.size();
    wire::Packet20 header;
    header.payload_type = type;
    header.encrypted = suite_->encrypts();
    header.authenticated = suite_->authenticates();
    header.session_id = bmc_id_;
    header.sequence = session_sequence;
    Packet packet(size + 64);
    ByteWriter out(packet);
    wire::write_header20(out, header, size);
    const MutableBytes room = out.claim(size);
    if (suite_->encrypts()) {
        entropy_.fill(room.first(16));
        std::copy(payload.begin(), payload.end(), room.begin() + 16);
        crypto::encrypt(tools_, keys_, room, payload.size());
    } else {
        std::copy(payload.begin(), payload.end(), room.begin());
    }
    if (suite_->authenticates()) {
        wire::write_trailer(out, size);
        ByteArray<16> code{};
        const MutableBytes wanted = MutableBytes(code).first(crypto::code_size(suite_->integrity));
        crypto::sign(
            tools_, suite_->integrity, keys_, Bytes(out.written()).subspan(wire::rmcp_size), wanted
        );
        out.write(wanted);
    }
    packet.resize(out.size());
    return packet;
}

std::optional<Reply> ModelClient::open(Bytes datagram) const {
    const auto rmcp = wire::parse_rmcp(datagram);
    if (!rmcp) {
        return std::nullopt;
    }
    const auto packet = wire::parse_packet20(rmcp->body);
    if (!packet || packet->session_id != options.console_id ||
        packet->encrypted != suite_->encrypts() ||
        packet->authenticated != suite_->authenticates()) {
        return std::nullopt;
    }
    if (suite_->authenticates()) {
        const auto trailer = wire::parse_trailer(*packet, crypto::code_size(suite_->integrity));
        if (!trailer || !crypto::verify(
                            tools_, suite_->integrity, keys_, trailer->covered, trailer->auth_code
                        )) {
            return std::nullopt;
        }
    }
    Reply reply;
    reply.payload_type = packet->payload_type;
    reply.session_sequence = packet->sequence;
    reply.payload.assign(packet->payload.begin(), packet->payload.end());
    if (suite_->encrypts()) {
        const auto clear = crypto::decrypt(tools_, keys_, reply.payload);
        if (!clear) {
            return std::nullopt;
        }
        const std::vector<u8> copy(clear->begin(), clear->end());
        reply.payload = copy;
    }
    if (reply.payload_type != wire::PayloadType::ipmi) {
        return reply;
    }
    const std::vector<u8> message = reply.payload;
    return take_lan_reply(message, std::move(reply));
}

std::optional<Reply>
ModelClient::call(const Send& send, u8 net_fn, u8 command, const std::vector<u8>& data) {
    const auto answer = send(request(net_fn, command, data));
    return answer ? open(*answer) : std::nullopt;
}

ModelClient15::ModelClient15(
    crypto::Toolbox& tools, ClientOptions options_, wire::AuthType auth_type
)
    : options(std::move(options_)), tools_(tools), auth_type_(auth_type) {}

ByteArray<16> ModelClient15::password() const {
    ByteArray<16> key{};
    const std::size_t size = std::min(options.password.size(), key.size());
    std::copy_n(options.password.begin(), size, key.begin());
    return key;
}

Packet ModelClient15::get_challenge() const {
    std::vector<u8> data(17);
    data[0] = static_cast<u8>(auth_type_);
    std::copy_n(
        options.user.begin(), std::min<std::size_t>(options.user.size(), 16), data.begin() + 1
    );
    return sessionless(false, 0x06, 0x39, data, 1);
}

bool ModelClient15::take_challenge(Bytes datagram) {
    const auto reply = open_sessionless(datagram);
    if (!reply) {
        return false;
    }
    completion_code = reply->completion_code;
    if (completion_code != 0 || reply->data.size() != 20) {
        return false;
    }
    ByteReader in(reply->data);
    session_id = in.read_u32();
    challenge_ = in.read_array<16>();
    return true;
}

Packet ModelClient15::seal(Bytes message, u32 sequence) const {
    wire::Packet15 packet;
    packet.auth_type = auth_type_;
    packet.sequence = sequence;
    packet.session_id = session_id;
    packet.auth_code = auth_type_ == wire::AuthType::md5
                           ? crypto::sign15(tools_, password(), session_id, sequence, message)
                           : password();
    packet.payload = message;
    Packet datagram(message.size() + 64);
    ByteWriter out(datagram);
    wire::write_packet15(out, packet);
    datagram.resize(out.size());
    return datagram;
}

Packet ModelClient15::activate() {
    std::vector<u8> data(22);
    ByteWriter out(data);
    out.write_u8(static_cast<u8>(auth_type_));
    out.write_u8(options.role & 0x0f);
    out.write(challenge_);
    out.write_u32(0x1000);
    return seal(lan_request(0x06, 0x3a, data, 2), 0);
}

bool ModelClient15::take_activation(Bytes datagram) {
    std::optional<Reply> reply = open(datagram);
    if (!reply) {
        reply = open_sessionless(datagram); // a refusal
    }
    if (!reply) {
        return false;
    }
    completion_code = reply->completion_code;
    if (completion_code != 0 || reply->data.size() != 10) {
        return false;
    }
    ByteReader in(reply->data);
    const u8 type = in.read_u8();
    session_id = in.read_u32();
    session_sequence = in.read_u32();
    return type == static_cast<u8>(auth_type_);
}

bool ModelClient15::log_in(const Send& send) {
    const auto challenge = send(get_challenge());
    if (!challenge || !take_challenge(*challenge)) {
        return false;
    }
    const auto activation = send(activate());
    return activation && take_activation(*activation);
}

Packet ModelClient15::request(u8 net_fn, u8 command, const std::vector<u8>& data) {
    rq_sequence_ = (rq_sequence_ + 1) & 0x3f;
    last_message_ = lan_request(net_fn, command, data, rq_sequence_);
    return seal(last_message_, session_sequence++);
}

Packet ModelClient15::retransmit() {
    return seal(last_message_, session_sequence++);
}

std::optional<Reply> ModelClient15::open(Bytes datagram) const {
    const auto rmcp = wire::parse_rmcp(datagram);
    if (!rmcp) {
        return std::nullopt;
    }
    const auto packet = wire::parse_packet15(rmcp->body);
    if (!packet || packet->auth_type != auth_type_ || packet->session_id != session_id) {
        return std::nullopt;
    }
    const ByteArray<16> expected =
        auth_type_ == wire::AuthType::md5
            ? crypto::sign15(tools_, password(), session_id, packet->sequence, packet->payload)
            : password();
    if (expected != packet->auth_code) {
        return std::nullopt;
    }
    Reply reply;
    reply.session_sequence = packet->sequence;
    reply.payload.assign(packet->payload.begin(), packet->payload.end());
    return take_lan_reply(packet->payload, std::move(reply));
}

std::optional<Reply>
ModelClient15::call(const Send& send, u8 net_fn, u8 command, const std::vector<u8>& data) {
    const auto answer = send(request(net_fn, command, data));
    return answer ? open(*answer) : std::nullopt;
}

Packet
sessionless(bool rmcp_plus, u8 net_fn, u8 command, const std::vector<u8>& data, u8 rq_sequence) {
    const std::vector<u8> message = lan_request(net_fn, command, data, rq_sequence);
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

std::optional<Reply> open_sessionless(Bytes datagram) {
    const auto rmcp = wire::parse_rmcp(datagram);
    if (!rmcp) {
        return std::nullopt;
    }
    Bytes payload;
    if (wire::auth_type_of(rmcp->body) == wire::AuthType::rmcp_plus) {
        const auto packet = wire::parse_packet20(rmcp->body);
        if (!packet || packet->session_id != 0 || packet->payload_type != wire::PayloadType::ipmi) {
            return std::nullopt;
        }
        payload = packet->payload;
    } else {
        const auto packet = wire::parse_packet15(rmcp->body);
        if (!packet || packet->session_id != 0) {
            return std::nullopt;
        }
        payload = packet->payload;
    }
    return take_lan_reply(payload, {});
}

std::vector<u8> from_hex(std::string_view text) {
    std::vector<u8> bytes;
    int high = -1;
    for (const char c : text) {
        if (c == ' ' || c == '\n') {
            continue;
        }
        const std::size_t digit = std::string_view("0123456789abcdef").find(c);
        if (digit == std::string_view::npos) {
            throw std::invalid_argument("not hex: " + std::string(text));
        }
        if (high < 0) {
            high = static_cast<int>(digit);
        } else {
            bytes.push_back(static_cast<u8>(high << 4 | static_cast<int>(digit)));
            high = -1;
        }
    }
    if (high >= 0) {
        throw std::invalid_argument("half a byte: " + std::string(text));
    }
    return bytes;
}

std::string to_hex(Bytes bytes) {
    std::string text;
    for (const u8 byte : bytes) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

} // namespace vbmc::test
