#include "backend/ipmi/trouble.h"

namespace vbmc::backend::ipmi {

namespace {

using client::Failure;

ErrorCode code_of(Failure failure) noexcept {
    switch (failure) {
    case Failure::no_answer:
    case Failure::user_ignored:
    case Failure::session_lost:
    case Failure::closed:
        return ErrorCode::unavailable;
    case Failure::deadline:
        return ErrorCode::deadline_exceeded;
    case Failure::unknown_user:
    case Failure::wrong_password:
    case Failure::wrong_bmc_key:
        return ErrorCode::unauthenticated;
    case Failure::role_refused:
        return ErrorCode::permission_denied;
    case Failure::no_session_free:
    case Failure::too_many_requests:
        return ErrorCode::resource_exhausted;
    default:
        return ErrorCode::internal;
    }
}

/// So that a new reason within one outage is told, too; empty for plain silence.
const char* reason_of(Failure failure) noexcept {
    switch (failure) {
    case Failure::user_ignored:
        return "UPSTREAM_USER_IGNORED";
    case Failure::not_rmcp_plus:
        return "UPSTREAM_NOT_RMCP_PLUS";
    case Failure::no_common_suite:
        return "UPSTREAM_NO_CIPHER_SUITE";
    case Failure::unknown_user:
        return "UPSTREAM_UNKNOWN_USER";
    case Failure::wrong_password:
        return "UPSTREAM_WRONG_PASSWORD";
    case Failure::wrong_bmc_key:
        return "UPSTREAM_WRONG_BMC_KEY";
    case Failure::role_refused:
        return "UPSTREAM_ROLE_REFUSED";
    case Failure::no_session_free:
        return "UPSTREAM_NO_SESSION_FREE";
    default:
        return "";
    }
}

std::string_view hint_of(Failure failure) noexcept {
    switch (failure) {
    case Failure::no_answer:
    case Failure::deadline:
        return "check the options host and port, and that UDP reaches it";
    case Failure::user_ignored:
        return "check the option username: some BMCs are silent to one whom they do not know";
    case Failure::not_rmcp_plus:
        return "enable IPMI 2.0 over LAN there; IPMI 1.5 is not spoken upstream";
    case Failure::no_common_suite:
        return "set the option cipher to a suite that it offers: ipmitool ... channel getciphers "
               "ipmi";
    case Failure::unknown_user:
        return "check the option username, and that the user is enabled for the LAN channel";
    case Failure::wrong_password:
        return "check the option password";
    case Failure::wrong_bmc_key:
        return "check the option kg; it is not needed when the BMC has no K_g";
    case Failure::role_refused:
        return "set the option privilege to what the user may have, e.g. operator";
    case Failure::no_session_free:
        return "close other sessions there, or wait until they end";
    default:
        return "";
    }
}

} // namespace

std::string hex_code(u8 code) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    return {digits[code >> 4], digits[code & 15], 'h'};
}

Error to_error(const client::Trouble& trouble, const std::string& where) {
    std::string text = "the BMC at " + where + ": " + std::string(describe(trouble.failure));
    if (trouble.code != 0) {
        text += " (code " + hex_code(trouble.code) + ")";
    }
    Error error(code_of(trouble.failure), reason_of(trouble.failure), std::move(text));
    error.hint = hint_of(trouble.failure);
    return error;
}

Error completion_error(u8 completion, std::string_view what, const std::string& where) {
    const std::string text = "the BMC at " + where + " refused " + std::string(what) +
                             " with completion code " + hex_code(completion);
    switch (completion) {
    case 0xc0: // node busy
    case 0xc3: // time-out
    case 0xc4: // out of space
    case 0xd2: // initialization in progress
        return Error(ErrorCode::resource_exhausted, text).with_hint("try again later");
    case 0xc1: // invalid command
    case 0xc2: // for this LUN
    case 0xcc: // invalid data field
        return Error(ErrorCode::unsupported, text)
            .with_hint("this BMC cannot do that; route it to another target");
    case 0xd4: // insufficient privilege
        return Error(ErrorCode::permission_denied, text)
            .with_hint("the upstream user needs a higher privilege");
    case 0xd5: // not in the present state
        return Error(ErrorCode::failed_precondition, text);
    default:
        return Error(ErrorCode::internal, text);
    }
}

bool is_silent(const Error& error) noexcept {
    return error.code == ErrorCode::unavailable || error.code == ErrorCode::deadline_exceeded ||
           error.code == ErrorCode::aborted || error.code == ErrorCode::unauthenticated;
}

bool is_lasting(client::Failure failure) noexcept {
    return failure == Failure::unknown_user || failure == Failure::wrong_password ||
           failure == Failure::wrong_bmc_key || failure == Failure::role_refused;
}

} // namespace vbmc::backend::ipmi
