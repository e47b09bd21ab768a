#pragma once
// How vbmcctl ends. Scripts depend on these numbers: they are part of the interface (vbmcctl(1)).

#include "base/result.h"

#include <span>

namespace vbmc::ctl {

enum class ExitCode : int {
    ok = 0,
    failed = 1,    // also: `diff` found differences
    usage = 2,     // the request cannot be right, whatever the state
    not_found = 3, // also: `power NAME status --quiet` of a machine that is off
    permission = 4,
    conflict = 5,    // exists already, in use, or somebody was faster
    partial = 6,     // some of many
    unreachable = 7, // vbmcd does not answer
    timeout = 8,
};

/// The reasons that vbmcctl itself gives; vbmcd's own come in ErrorInfo.
inline constexpr std::string_view daemon_unreachable = "DAEMON_UNREACHABLE";
inline constexpr std::string_view socket_forbidden = "SOCKET_FORBIDDEN";

ExitCode exit_code_of(const Error& error) noexcept;

/// Of a job over `total` items whose failures ended as `failures` say: all in one way is that way.
ExitCode exit_code_of_many(std::size_t total, std::span<const ExitCode> failures) noexcept;

} // namespace vbmc::ctl
