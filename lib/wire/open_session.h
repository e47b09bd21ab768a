#pragma once
// RMCP+ Open Session Request and Response (IPMI 2.0 §13.17, §13.18) and the status codes of the
// handshake (Table 13-15).

#include "wire/parse_error.h"

namespace vbmc::wire {

enum class Status : u8 {
    ok = 0x00,
    insufficient_resources = 0x01,
    invalid_session_id = 0x02,
    invalid_payload_type = 0x03,
    invalid_authentication_algorithm = 0x04,
    invalid_integrity_algorithm = 0x05,
    no_matching_authentication_payload = 0x06,
    no_matching_integrity_payload = 0x07,
    inactive_session_id = 0x08,
    invalid_role = 0x09,
    unauthorized_role = 0x0a,
    insufficient_resources_for_role = 0x0b,
    invalid_name_length = 0x0c,
    unauthorized_name = 0x0d,
    unauthorized_guid = 0x0e,
    invalid_integrity_check_value = 0x0f,
    invalid_confidentiality_algorithm = 0x10,
    no_cipher_suite_match = 0x11,
    illegal_parameter = 0x12,
};

/// One of the three algorithm payloads. Length 0 is "any" in a request.
struct Algorithm {
    bool any = false;
    u8 number = 0;

    friend bool operator==(const Algorithm&, const Algorithm&) = default;
};

struct OpenSessionRequest {
    u8 tag = 0;
    u8 privilege_max = 0; // 0: the highest that the algorithms allow
    u32 console_session_id = 0;
    Algorithm authentication;
    Algorithm integrity;
    Algorithm confidentiality;

    friend bool operator==(const OpenSessionRequest&, const OpenSessionRequest&) = default;
};

struct OpenSessionResponse {
    u8 tag = 0;
    Status status = Status::ok;
    u8 privilege_max = 0;
    u32 console_session_id = 0;
    u32 bmc_session_id = 0; // this and what follows only with Status::ok
    u8 authentication = 0;
    u8 integrity = 0;
    u8 confidentiality = 0;
};

inline constexpr std::size_t open_session_request_size = 32;
inline constexpr std::size_t open_session_response_size = 36;
inline constexpr std::size_t handshake_error_size = 8;

Parsed<OpenSessionRequest> parse_open_session_request(Bytes payload) noexcept;
void write(ByteWriter& out, const OpenSessionRequest& message) noexcept;

Parsed<OpenSessionResponse> parse_open_session_response(Bytes payload) noexcept;
void write(ByteWriter& out, const OpenSessionResponse& message) noexcept;

} // namespace vbmc::wire
