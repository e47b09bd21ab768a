#include "vbmcctl/exit_code.h"

#include <algorithm>

namespace vbmc::ctl {

ExitCode exit_code_of(const Error& error) noexcept {
    if (error.reason == daemon_unreachable) {
        return ExitCode::unreachable;
    }
    if (error.reason == "CONSOLE_IN_USE") { // by somebody else, as an address or a name can be
        return ExitCode::conflict;
    }
    switch (error.code) {
    case ErrorCode::invalid_argument:
        return ExitCode::usage;
    case ErrorCode::not_found:
        return ExitCode::not_found;
    case ErrorCode::permission_denied:
    case ErrorCode::unauthenticated:
        return ExitCode::permission;
    case ErrorCode::already_exists:
    case ErrorCode::aborted:
        return ExitCode::conflict;
    case ErrorCode::deadline_exceeded:
        return ExitCode::timeout;
    case ErrorCode::failed_precondition:
    case ErrorCode::unavailable:
    case ErrorCode::unsupported:
    case ErrorCode::resource_exhausted:
    case ErrorCode::corrupt:
    case ErrorCode::internal:
        return ExitCode::failed;
    }
    return ExitCode::failed;
}

ExitCode exit_code_of_many(std::size_t total, std::span<const ExitCode> failures) noexcept {
    if (failures.empty()) {
        return ExitCode::ok;
    }
    if (failures.size() < total) {
        return ExitCode::partial;
    }
    const ExitCode first = failures.front();
    const bool same = std::all_of(failures.begin(), failures.end(), [first](ExitCode code) {
        return code == first;
    });
    return same ? first : ExitCode::failed;
}

} // namespace vbmc::ctl
