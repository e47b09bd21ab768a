#include "rmcp/counters.h"

namespace vbmc::rmcp {

std::string_view to_string(SessionEvent::Reason reason) noexcept {
    using Reason = SessionEvent::Reason;
    switch (reason) {
    case Reason::none:
        return "";
    case Reason::unknown_name:
        return "unknown_name";
    case Reason::wrong_password:
        return "wrong_password";
    case Reason::abandoned:
        return "abandoned";
    case Reason::role_too_high:
        return "role_too_high";
    case Reason::no_session_free:
        return "no_session_free";
    case Reason::by_console:
        return "by_console";
    case Reason::by_command:
        return "by_command";
    case Reason::idle:
        return "idle";
    case Reason::evicted:
        return "evicted";
    case Reason::user_changed:
        return "user_changed";
    }
    return "";
}

std::string_view to_string(Drop drop) noexcept {
    static constexpr std::array<std::string_view, drop_count> names = {
        "malformed",
        "unwanted",
        "not_allowed",
        "unknown_session",
        "out_of_order",
        "unprotected",
        "bad_code",
        "bad_padding",
        "replayed",
        "in_progress",
        "throttled",
        "delayed",
        "needs_session",
        "no_room",
    };
    return drop < Drop::count_ ? names[static_cast<std::size_t>(drop)] : "";
}

} // namespace vbmc::rmcp
