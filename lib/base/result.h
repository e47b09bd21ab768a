#pragma once
// Errors are values. Error carries what an operator needs: what happened (code, reason), to which
// field, and what to do next (hint). The hot path uses small enums instead and never builds one.

#include <boost/system/result.hpp>

#include <iosfwd>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace vbmc {

/// The kinds of failure that the control API and the exit codes of vbmcctl tell apart.
enum class ErrorCode {
    invalid_argument, // the request cannot be right, whatever the state
    not_found,
    already_exists,
    failed_precondition, // right in itself, wrong now
    permission_denied,
    unauthenticated,
    unavailable, // try again later
    deadline_exceeded,
    aborted,     // lost a race (etag)
    unsupported, // this backend cannot do that
    resource_exhausted,
    corrupt, // stored data cannot be trusted
    internal,
};

std::string_view to_string(ErrorCode code) noexcept;

struct Error {
    Error() = default;

    Error(ErrorCode code_, std::string message_) : code(code_), message(std::move(message_)) {}

    Error(ErrorCode code_, std::string reason_, std::string message_)
        : code(code_), reason(std::move(reason_)), message(std::move(message_)) {}

    Error&& with_field(std::string name) && {
        field = std::move(name);
        return std::move(*this);
    }

    Error&& with_hint(std::string text) && {
        hint = std::move(text);
        return std::move(*this);
    }

    ErrorCode code = ErrorCode::internal;
    std::string reason;  // stable, UPPER_SNAKE, e.g. "ENDPOINT_IN_USE"; empty: to_string(code)
    std::string message; // one sentence, without a full stop
    std::string field;   // the offending field's path, when there is one
    std::string hint;    // what to do next, when we know
};

/// "message (hint)".
std::string describe(const Error& error);

std::ostream& operator<<(std::ostream& out, const Error& error);

/// Called by Result::value() on an error; our code tests has_value() first, so this is a bug.
[[noreturn]] inline void
throw_exception_from_error(const Error& error, const boost::source_location&) {
    throw std::logic_error("unchecked error: " + error.message);
}

template <class T, class E = Error>
using Result = boost::system::result<T, E>;

} // namespace vbmc
