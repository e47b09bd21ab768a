#include "fleet/host_gate.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace vbmc::fleet {

/// The cause, as the last call that was made met it, and when the next one is made.
Error HostGate::refused(Mono now) const {
    Error why = why_ ? *why_
                     : Error(
                           ErrorCode::unavailable,
                           "BACKEND_UNREACHABLE",
                           "the backend host " + host_ + " does not answer"
                       );
    const auto left = std::chrono::ceil<std::chrono::seconds>(open_until_ - now).count();
    const std::string when =
        left > 0 ? "tried again in " + std::to_string(left) + " s" : "being tried again now";
    why.hint += (why.hint.empty() ? "" : "; ") + when;
    return why;
}

net::Awaitable<Result<void>> HostGate::enter(Now (*clock)()) {
    if (in_flight_ >= calls_max) {
        auto executor = co_await boost::asio::this_coro::executor;
        auto start = [this, executor](auto handler) {
            auto kept = std::make_shared<decltype(handler)>(std::move(handler));
            waiting_.emplace_back([executor, kept] {
                boost::asio::post(executor, [kept] { std::move (*kept)(); });
            });
        };
        auto token = net::use_awaitable;
        co_await boost::asio::async_initiate<decltype(token), void()>(start, token);
    } else {
        ++in_flight_; // a waiting call takes over the place of the one that leaves
    }
    const Mono now = clock().mono;
    const bool half_open = failures_ >= failures_max && trying_;
    if (is_open(now) || half_open) {
        leave(never, nullptr);
        co_return refused(now);
    }
    trying_ = failures_ >= failures_max;
    co_return Result<void>();
}

void HostGate::leave(Mono now, const Error* silence) {
    if (now != never) { // not for a call that was refused here
        trying_ = false;
        if (silence == nullptr) {
            failures_ = 0;
            open_for_ = open_min;
            why_.reset();
        } else if (++failures_ >= failures_max) {
            open_until_ = now + open_for_;
            open_for_ = std::min(open_for_ * 2, open_max);
        }
        if (silence != nullptr && silence->code != ErrorCode::aborted) { // a call given up here
            why_ = std::make_unique<Error>(*silence);
        }
    }
    if (waiting_.empty()) {
        --in_flight_;
        return;
    }
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    next();
}

std::shared_ptr<HostGate> HostGates::get(const std::string& host) {
    if (host.empty()) {
        return nullptr;
    }
    std::weak_ptr<HostGate>& slot = gates_[host];
    auto gate = slot.lock();
    if (!gate) {
        gate = std::make_shared<HostGate>(host);
        slot = gate;
    }
    std::erase_if(gates_, [](const auto& entry) { return entry.second.expired(); });
    return gate;
}

} // namespace vbmc::fleet
