#include "wire/open_session.h"

namespace vbmc::wire {

namespace {

/// A proposed algorithm: type, two reserved bytes, length 8 (or 0: any), number, three reserved.
Algorithm read_algorithm(ByteReader& in, u8 expected_type) noexcept {
    const u8 type = in.read_u8();
    in.skip(2);
    const u8 size = in.read_u8();
    Algorithm algorithm{size == 0, static_cast<u8>(in.read_u8() & 0x3f)};
    in.skip(3);
    if (type != expected_type || (size != 0 && size != 8)) {
        in.fail();
    }
    return algorithm;
}

void write_algorithm(ByteWriter& out, u8 type, const Algorithm& algorithm) noexcept {
    out.write_u8(type);
    out.fill(0, 2);
    out.write_u8(algorithm.any ? 0 : 8);
    out.write_u8(algorithm.number);
    out.fill(0, 3);
}

} // namespace

Parsed<OpenSessionRequest> parse_open_session_request(Bytes payload) noexcept {
    if (payload.size() != open_session_request_size) {
        return ParseError::bad_length;
    }
    ByteReader in(payload);
    OpenSessionRequest message;
    message.tag = in.read_u8();
    message.privilege_max = in.read_u8() & 0x0f;
    in.skip(2);
    message.console_session_id = in.read_u32();
    message.authentication = read_algorithm(in, 0);
    message.integrity = read_algorithm(in, 1);
    message.confidentiality = read_algorithm(in, 2);
    if (!in.done()) {
        return ParseError::bad_value;
    }
    return message;
}

void write(ByteWriter& out, const OpenSessionRequest& message) noexcept {
    out.write_u8(message.tag);
    out.write_u8(message.privilege_max);
    out.fill(0, 2);
    out.write_u32(message.console_session_id);
    write_algorithm(out, 0, message.authentication);
    write_algorithm(out, 1, message.integrity);
    write_algorithm(out, 2, message.confidentiality);
}

Parsed<OpenSessionResponse> parse_open_session_response(Bytes payload) noexcept {
    ByteReader in(payload);
    OpenSessionResponse message;
    message.tag = in.read_u8();
    message.status = static_cast<Status>(in.read_u8());
    message.privilege_max = in.read_u8() & 0x0f;
    in.skip(1);
    message.console_session_id = in.read_u32();
    if (message.status == Status::ok) {
        message.bmc_session_id = in.read_u32();
        message.authentication = read_algorithm(in, 0).number;
        message.integrity = read_algorithm(in, 1).number;
        message.confidentiality = read_algorithm(in, 2).number;
    }
    if (!in.done()) {
        return ParseError::bad_length;
    }
    return message;
}

void write(ByteWriter& out, const OpenSessionResponse& message) noexcept {
    out.write_u8(message.tag);
    out.write_u8(static_cast<u8>(message.status));
    out.write_u8(message.privilege_max);
    out.write_u8(0);
    out.write_u32(message.console_session_id);
    if (message.status == Status::ok) {
        out.write_u32(message.bmc_session_id);
        write_algorithm(out, 0, {false, message.authentication});
        write_algorithm(out, 1, {false, message.integrity});
        write_algorithm(out, 2, {false, message.confidentiality});
    }
}

} // namespace vbmc::wire
