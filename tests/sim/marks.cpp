#include "sim/marks.h"

namespace vbmc::sim {

namespace {

constexpr std::array<std::string_view, mark_count> names = {
    "logged in",
    "logged in with two keys",
    "logged in over IPMI 1.5",
    "log-in refused",
    "log-in step retransmitted and answered",
    "doubled RAKP 3 not answered again",
    "wrong password refused",
    "request repeated from the reply cache",
    "request repeated while parked",
    "request retried under a new rqSeq",
    "packet taken out of order",
    "replay dropped",
    "replay from elsewhere dropped",
    "corrupt packet dropped",
    "deferred reply: confirmed",
    "deferred reply: confirm window over",
    "deferred reply: failed",
    "status refused as stale",
    "status told off",
    "command refused for want of privilege",
    "raise above the limit refused",
    "session idled out",
    "session evicted",
    "session ended because its user changed",
    "session closed from another one",
    "controller reset",
    "daemon restarted",
    "watchdog acted on the power",
    "power restored by policy",
    "one-time boot taken",
    "unknown command answered by the machine",
    "characters typed over SOL",
    "characters printed over SOL",
    "SOL packet repeated",
    "SOL ended with its session",
    "flood bounded",
    "RMCP message acknowledged",
    "wall clock went back",
    "monotonic clock leapt",
};

} // namespace

std::string_view name_of(Mark mark) noexcept {
    return names[static_cast<std::size_t>(mark)];
}

} // namespace vbmc::sim
