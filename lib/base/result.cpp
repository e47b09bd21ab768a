#include "base/result.h"

#include <ostream>

namespace vbmc {

std::string_view to_string(ErrorCode code) noexcept {
    switch (code) {
    case ErrorCode::invalid_argument:
        return "INVALID_ARGUMENT";
    case ErrorCode::not_found:
        return "NOT_FOUND";
    case ErrorCode::already_exists:
        return "ALREADY_EXISTS";
    case ErrorCode::failed_precondition:
        return "FAILED_PRECONDITION";
    case ErrorCode::permission_denied:
        return "PERMISSION_DENIED";
    case ErrorCode::unauthenticated:
        return "UNAUTHENTICATED";
    case ErrorCode::unavailable:
        return "UNAVAILABLE";
    case ErrorCode::deadline_exceeded:
        return "DEADLINE_EXCEEDED";
    case ErrorCode::aborted:
        return "ABORTED";
    case ErrorCode::unsupported:
        return "UNSUPPORTED";
    case ErrorCode::resource_exhausted:
        return "RESOURCE_EXHAUSTED";
    case ErrorCode::corrupt:
        return "CORRUPT";
    case ErrorCode::internal:
        return "INTERNAL";
    }
    return "INTERNAL";
}

std::string describe(const Error& error) {
    return error.hint.empty() ? error.message : error.message + " (" + error.hint + ")";
}

std::ostream& operator<<(std::ostream& out, const Error& error) {
    return out << describe(error);
}

} // namespace vbmc
