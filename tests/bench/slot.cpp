#include "slot.h"

#include "crypto/cipher.h"
#include "crypto/mac.h"
#include "wire/lan_message.h"
#include "wire/open_session.h"
#include "wire/rakp.h"
#include "wire/rmcp.h"
#include "wire/session_header.h"

namespace vbmc::bench {

namespace {

constexpr u8 remote_console = 0x81;
constexpr u8 administrator_by_name = 0x14;

constexpr u8 netfn_chassis = 0x00;
constexpr u8 chassis_status = 0x01;
constexpr u8 netfn_app = 0x06;
constexpr u8 close_session = 0x3c;

template <class T>
std::size_t write_plain(MutableBytes out, wire::PayloadType type, const T& message) {
    ByteArray<128> room{};
    ByteWriter payload(room);
    wire::write(payload, message);
    wire::Packet20 header;
    header.payload_type = type;
    ByteWriter packet(out);
    wire::write_header20(packet, header, payload.size());
    packet.write(payload.written());
    return packet.size();
}

wire::Algorithm number(u8 value) {
    return {false, value};
}

} // namespace

crypto::SessionKeys echo_keys(const crypto::Suite& suite) {
    ByteArray<crypto::digest_size_max> k1{};
    k1.fill(0x5e);
    crypto::SessionKeys keys;
    keys.set_integrity_key(
        suite.integrity, Bytes(k1).first(crypto::digest_size(suite.authentication))
    );
    keys.k2.fill(0xa7);
    return keys;
}

u32 slot_of(Bytes datagram) noexcept {
    constexpr std::size_t session_id_at = 6;
    constexpr std::size_t handshake_id_at = 20;
    ByteReader in(datagram);
    in.skip(session_id_at);
    u32 id = in.read_u32();
    if (id == 0) { // a handshake message: behind the header, tag, status and two more
        ByteReader again(datagram);
        again.skip(handshake_id_at);
        id = again.read_u32();
    }
    return id & ((1U << slot_bits) - 1);
}

void Slot::start(const Plan& plan, u32 id) {
    console_id_ = id | 1U << slot_bits;
    step_ = Step::open;
    if (plan.mode == Mode::echo) {
        step_ = Step::status;
        keys_ = echo_keys(*plan.suite);
        bmc_id_ = console_id_;
    }
}

void Slot::restart(const Plan& plan) {
    console_id_ += 1U << slot_bits;
    if (console_id_ >> slot_bits == 0) {
        console_id_ += 1U << slot_bits;
    }
    sequence_ = 0;
    start(plan, console_id_);
}

crypto::Exchange Slot::exchange(const Plan& plan) const {
    crypto::Exchange all;
    all.console_session_id = console_id_;
    all.bmc_session_id = bmc_id_;
    all.console_random = console_random_;
    all.bmc_random = bmc_random_;
    all.guid = guid_;
    all.role = administrator_by_name;
    all.name = {reinterpret_cast<const u8*>(plan.user.data()), plan.user.size()};
    return all;
}

std::size_t Slot::write(const Plan& plan, MutableBytes out) {
    return is_logging_in() ? write_handshake(plan, out) : write_request(plan, out);
}

std::size_t Slot::write_handshake(const Plan& plan, MutableBytes out) {
    const auto name = exchange(plan).name;
    if (step_ == Step::open) {
        wire::OpenSessionRequest request;
        request.tag = ++tag_;
        request.console_session_id = console_id_;
        request.authentication = number(static_cast<u8>(plan.suite->authentication));
        request.integrity = number(static_cast<u8>(plan.suite->integrity));
        request.confidentiality = number(static_cast<u8>(plan.suite->confidentiality));
        return write_plain(out, wire::PayloadType::open_session_request, request);
    }
    if (step_ == Step::rakp1) {
        wire::Rakp1 message;
        message.tag = ++tag_;
        message.bmc_session_id = bmc_id_;
        ByteWriter random(console_random_); // anything that differs will do for a benchmark
        random.write_u32(console_id_);
        random.write_u32(bmc_id_);
        message.console_random = console_random_;
        message.role = administrator_by_name;
        message.name_length = static_cast<u8>(name.size());
        message.name = name;
        return write_plain(out, wire::PayloadType::rakp1, message);
    }
    wire::Rakp3 message;
    message.tag = ++tag_;
    message.bmc_session_id = bmc_id_;
    const crypto::Code code =
        crypto::rakp3_code(*plan.tools, plan.suite->authentication, plan.password, exchange(plan));
    message.auth_code = code.bytes();
    return write_plain(out, wire::PayloadType::rakp3, message);
}

std::size_t Slot::write_request(const Plan& plan, MutableBytes out) {
    ByteArray<8> closed_id{};
    ByteWriter(closed_id).write_u32(bmc_id_);
    rq_sequence_ = (rq_sequence_ + 1) & 0x3f;
    wire::LanMessage message;
    message.to_address = wire::bmc_address;
    message.from_address = remote_console;
    message.sequence = rq_sequence_;
    message.net_fn = step_ == Step::status ? netfn_chassis : netfn_app;
    message.command = step_ == Step::status ? chassis_status : close_session;
    message.data = step_ == Step::status ? Bytes() : Bytes(closed_id).first(4);
    ByteArray<32> clear{};
    ByteWriter payload(clear);
    wire::write(payload, message);

    wire::Packet20 header;
    header.encrypted = true;
    header.authenticated = true;
    header.session_id = bmc_id_;
    header.sequence = ++sequence_;
    const std::size_t size = crypto::encrypted_size(payload.size());
    ByteWriter packet(out);
    wire::write_header20(packet, header, size);
    const MutableBytes room = packet.claim(size);
    std::fill_n(room.begin(), crypto::aes_block, static_cast<u8>(sequence_)); // good enough an IV
    std::copy_n(clear.begin(), payload.size(), room.begin() + crypto::aes_block);
    crypto::encrypt(*plan.tools, keys_, room, payload.size());
    wire::write_trailer(packet, size);
    const Bytes covered = packet.written().subspan(wire::rmcp_size);
    const MutableBytes code = packet.claim(crypto::code_size(plan.suite->integrity));
    crypto::sign(*plan.tools, plan.suite->integrity, keys_, covered, code);
    return packet.size();
}

Slot::Taken Slot::take(const Plan& plan, MutableBytes datagram) {
    if (!is_logging_in()) {
        return take_reply(plan, datagram);
    }
    const auto rmcp = wire::parse_rmcp(datagram);
    const auto packet = rmcp ? wire::parse_packet20(rmcp->body)
                             : wire::Parsed<wire::Packet20>(wire::ParseError::truncated);
    if (!packet) {
        return Taken::wrong;
    }
    switch (packet->payload_type) {
    case wire::PayloadType::open_session_response:
        return step_ == Step::open ? take_open(packet->payload) : Taken::ignored;
    case wire::PayloadType::rakp2:
        return step_ == Step::rakp1 ? take_rakp2(plan, packet->payload) : Taken::ignored;
    case wire::PayloadType::rakp4:
        return step_ == Step::rakp3 ? take_rakp4(plan, packet->payload) : Taken::ignored;
    default:
        return Taken::ignored;
    }
}

Slot::Taken Slot::take_open(Bytes payload) {
    const auto answer = wire::parse_open_session_response(payload);
    if (!answer || answer->console_session_id != console_id_) {
        return Taken::ignored;
    }
    if (answer->tag != tag_ || answer->status != wire::Status::ok) {
        return Taken::wrong;
    }
    bmc_id_ = answer->bmc_session_id;
    step_ = Step::rakp1;
    return Taken::next;
}

Slot::Taken Slot::take_rakp2(const Plan& plan, Bytes payload) {
    const auto answer = wire::parse_rakp2(payload);
    if (!answer || answer->console_session_id != console_id_) {
        return Taken::ignored;
    }
    if (answer->tag != tag_ || answer->status != wire::Status::ok) {
        return Taken::wrong;
    }
    bmc_random_ = answer->bmc_random;
    guid_ = answer->guid;
    const crypto::Code expected =
        crypto::rakp2_code(*plan.tools, plan.suite->authentication, plan.password, exchange(plan));
    if (!equal(expected.bytes(), answer->auth_code)) {
        return Taken::wrong;
    }
    step_ = Step::rakp3;
    return Taken::next;
}

Slot::Taken Slot::take_rakp4(const Plan& plan, Bytes payload) {
    const auto answer = wire::parse_rakp4(payload);
    if (!answer || answer->console_session_id != console_id_) {
        return Taken::ignored;
    }
    const crypto::Established made =
        crypto::establish(*plan.tools, *plan.suite, plan.password, plan.password, exchange(plan));
    if (answer->tag != tag_ || answer->status != wire::Status::ok ||
        !equal(made.check_value.bytes(), answer->check_value)) {
        return Taken::wrong;
    }
    keys_ = made.keys;
    sequence_ = 0;
    step_ = plan.mode == Mode::sessions ? Step::close : Step::status;
    return plan.mode == Mode::status ? Taken::ready : Taken::next;
}

Slot::Taken Slot::take_reply(const Plan& plan, MutableBytes datagram) {
    const auto rmcp = wire::parse_rmcp(datagram);
    const auto packet = rmcp ? wire::parse_packet20(rmcp->body)
                             : wire::Parsed<wire::Packet20>(wire::ParseError::truncated);
    if (!packet || packet->session_id != console_id_) {
        return Taken::ignored;
    }
    const crypto::Integrity integrity = plan.suite->integrity;
    const auto trailer = wire::parse_trailer(*packet, crypto::code_size(integrity));
    if (!trailer ||
        !crypto::verify(*plan.tools, integrity, keys_, trailer->covered, trailer->auth_code)) {
        return Taken::wrong;
    }
    const auto offset = static_cast<std::size_t>(packet->payload.data() - datagram.data());
    const auto clear =
        crypto::decrypt(*plan.tools, keys_, datagram.subspan(offset, packet->payload.size()));
    const auto message = clear ? wire::parse_lan_message(*clear)
                               : wire::Parsed<wire::LanMessage>(wire::ParseError::truncated);
    if (!message) {
        return Taken::wrong;
    }
    if (message->sequence != rq_sequence_) {
        return Taken::ignored;
    }
    if (plan.mode == Mode::echo) {
        return message->command == chassis_status ? Taken::done : Taken::wrong;
    }
    const bool status = step_ == Step::status;
    const bool right = message->command == (status ? chassis_status : close_session) &&
                       message->data.size() >= (status ? 4U : 1U) && message->data[0] == 0;
    return right ? after_reply(plan) : Taken::wrong;
}

Slot::Taken Slot::after_reply(const Plan& plan) {
    if (step_ == Step::close) {
        restart(plan);
        return Taken::done;
    }
    if (plan.mode == Mode::poll) {
        step_ = Step::close;
        return Taken::next;
    }
    return Taken::done;
}

} // namespace vbmc::bench
