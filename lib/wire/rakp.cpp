#include "wire/rakp.h"

namespace vbmc::wire {

namespace {

struct Opening {
    u8 tag = 0;
    Status status = Status::ok;
    u32 session_id = 0;
};

/// How all four messages begin: tag, status (reserved in RAKP 1), two reserved bytes, session id.
Opening read_opening(ByteReader& in) noexcept {
    Opening opening;
    opening.tag = in.read_u8();
    opening.status = static_cast<Status>(in.read_u8());
    in.skip(2);
    opening.session_id = in.read_u32();
    return opening;
}

void write_opening(ByteWriter& out, const Opening& opening) noexcept {
    out.write_u8(opening.tag);
    out.write_u8(static_cast<u8>(opening.status));
    out.fill(0, 2);
    out.write_u32(opening.session_id);
}

constexpr std::size_t auth_code_max = 32;

} // namespace

Parsed<Rakp1> parse_rakp1(Bytes payload) noexcept {
    ByteReader in(payload);
    const Opening opening = read_opening(in);
    Rakp1 message;
    message.tag = opening.tag;
    message.bmc_session_id = opening.session_id;
    message.console_random = in.read_array<16>();
    message.role = in.read_u8();
    in.skip(2);
    message.name_length = in.read_u8();
    if (!in.ok()) {
        return ParseError::truncated;
    }
    if (in.remaining() > user_name_max && message.name_length <= user_name_max) {
        return ParseError::left_over;
    }
    if (message.name_length <= user_name_max) {
        message.name = in.take(message.name_length); // what follows may be the name's padding
    }
    if (!in.ok()) {
        return ParseError::truncated;
    }
    return message;
}

Parsed<Rakp2> parse_rakp2(Bytes payload) noexcept {
    ByteReader in(payload);
    const Opening opening = read_opening(in);
    Rakp2 message;
    message.tag = opening.tag;
    message.status = opening.status;
    message.console_session_id = opening.session_id;
    if (message.status == Status::ok) {
        message.bmc_random = in.read_array<16>();
        message.guid = in.read_array<16>();
        message.auth_code = in.take_rest();
    }
    if (!in.done() || message.auth_code.size() > auth_code_max) {
        return ParseError::bad_length;
    }
    return message;
}

Parsed<Rakp3> parse_rakp3(Bytes payload) noexcept {
    ByteReader in(payload);
    const Opening opening = read_opening(in);
    const Rakp3 message{opening.tag, opening.status, opening.session_id, in.take_rest()};
    if (!in.ok()) {
        return ParseError::truncated;
    }
    if (message.auth_code.size() > auth_code_max) {
        return ParseError::left_over;
    }
    return message;
}

Parsed<Rakp4> parse_rakp4(Bytes payload) noexcept {
    ByteReader in(payload);
    const Opening opening = read_opening(in);
    const Rakp4 message{opening.tag, opening.status, opening.session_id, in.take_rest()};
    if (!in.ok()) {
        return ParseError::truncated;
    }
    if (message.check_value.size() > auth_code_max) {
        return ParseError::left_over;
    }
    return message;
}

void write(ByteWriter& out, const Rakp1& message) noexcept {
    write_opening(out, {message.tag, Status::ok, message.bmc_session_id});
    out.write(message.console_random);
    out.write_u8(message.role);
    out.fill(0, 2);
    out.write_u8(message.name_length);
    out.write(message.name);
}

void write(ByteWriter& out, const Rakp2& message) noexcept {
    write_opening(out, {message.tag, message.status, message.console_session_id});
    if (message.status == Status::ok) {
        out.write(message.bmc_random);
        out.write(message.guid);
        out.write(message.auth_code);
    }
}

void write(ByteWriter& out, const Rakp3& message) noexcept {
    write_opening(out, {message.tag, message.status, message.bmc_session_id});
    out.write(message.auth_code);
}

void write(ByteWriter& out, const Rakp4& message) noexcept {
    write_opening(out, {message.tag, message.status, message.console_session_id});
    out.write(message.check_value);
}

} // namespace vbmc::wire
