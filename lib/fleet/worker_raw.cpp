// The worker's raw commands: what the emulated controller does not know, for a backend that is a
// controller itself. A client waits for each, so they come before all that can wait.

#include "fleet/worker.h"

#include <utility>

namespace vbmc::fleet {

namespace {

constexpr std::size_t raws_max = 16;
constexpr u8 node_busy = 0xc0;
constexpr u8 invalid_command = 0xc1;
constexpr u8 timeout = 0xc3;
constexpr u8 destination_unavailable = 0xd3;
constexpr u8 unspecified = 0xff;

u8 completion_of(const Error& why) noexcept {
    switch (outcome_of(why)) {
    case bmc::Outcome::unsupported:
        return invalid_command;
    case bmc::Outcome::busy:
        return node_busy;
    case bmc::Outcome::unreachable:
        return why.code == ErrorCode::deadline_exceeded ? timeout : destination_unavailable;
    default:
        return unspecified;
    }
}

} // namespace

void NodeWorker::want_raw(const bmc::RawCommand& command) {
    if (raws_.size() >= raws_max) {
        observe(bmc::RawDone{command.ticket, node_busy, {}});
        return;
    }
    raws_.push_back({command, now() + limits_->confirm_window});
}

/// Bounded by its client's patience: what it is told later it does not hear, and power commands
/// wait behind it.
net::Awaitable<void> NodeWorker::pass_on() {
    const Raw raw = std::move(raws_.front());
    raws_.erase(raws_.begin());
    const Duration left = raw.until - now();
    if (left <= Duration::zero()) { // the client was told so, or is about to be
        observe(bmc::RawDone{raw.command.ticket, timeout, {}});
        co_return;
    }
    backend::RawRequest request;
    request.netfn = raw.command.netfn;
    request.command = raw.command.command;
    request.data = raw.command.data;
    auto make = [request = std::move(request)](backend::Driver& driver, Mono deadline) mutable {
        return driver.raw(std::move(request), deadline);
    };
    const auto driver = routes_.to(Route::raw);
    auto answer = co_await call<backend::RawResponse>(Task::raw, driver, left, std::move(make));
    bmc::RawDone done;
    done.ticket = raw.command.ticket;
    if (answer.has_value()) {
        done.completion = answer->completion;
        done.data = std::move(answer->data);
    } else {
        done.completion = completion_of(answer.error());
        if (reachable_ && is_silence(answer.error()) && driver == routes_.to(Route::power)) {
            look_at_ = std::min(look_at_, now()); // a slow command, or nobody there?
        }
    }
    observe(done);
}

} // namespace vbmc::fleet
