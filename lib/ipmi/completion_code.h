#pragma once
// Completion codes (IPMI 2.0 §5.2, table 5-2). Codes 80h-BEh belong to a command and are named
// beside it.

#include "base/bytes.h"

namespace vbmc::ipmi {

enum class CompletionCode : u8 {
    ok = 0x00,
    node_busy = 0xc0,
    invalid_command = 0xc1,
    invalid_for_lun = 0xc2,
    timeout = 0xc3,
    out_of_space = 0xc4,
    reservation_lost = 0xc5,
    data_truncated = 0xc6,
    invalid_length = 0xc7,
    length_limit_exceeded = 0xc8,
    parameter_out_of_range = 0xc9,
    cannot_return_bytes = 0xca,
    not_present = 0xcb,
    invalid_data_field = 0xcc,
    illegal_for_sensor = 0xcd,
    no_response = 0xce,
    duplicate_request = 0xcf,
    sdr_update_mode = 0xd0,
    firmware_update_mode = 0xd1,
    initializing = 0xd2,
    destination_unavailable = 0xd3,
    insufficient_privilege = 0xd4,
    not_supported_in_state = 0xd5,
    sub_function_disabled = 0xd6,
    unspecified = 0xff,
};

/// A command's own code, 80h-BEh.
constexpr CompletionCode command_specific(u8 code) noexcept {
    return static_cast<CompletionCode>(code);
}

} // namespace vbmc::ipmi
