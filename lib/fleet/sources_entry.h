#pragma once
// The inside of Sources: what is known of one source, of one look, and a write of the store as a
// coroutine. On the control thread.

#include "fleet/sources.h"
#include "net/awaitable.h"
#include "store/store.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <set>

namespace vbmc::fleet {

inline constexpr u32 looks_max = 4; // at a time

struct Sources::Entry {
    SourceSpec spec;
    SourceStatus status;
    std::map<std::string, Mono> gone_since; // of machines whose nodes are there
    Turn turn;
    Mono look_at = never;
    u32 failures = 0; // in a row
    bool looking = false;
    bool removed = false;
    bool unusable = false;

    bool may_look() const noexcept { return !spec.paused && !looking && !removed && !unusable; }
};

/// One look's view of the fleet, and what it could not do.
struct Sources::Look {
    std::map<std::string, NodeSpec> own;         // by machine
    std::map<std::string, std::string> taken_by; // node names -> source, "" a person
    std::set<std::string> seen;                  // machines
    std::vector<SourceCondition> conditions;
    u32 machines = 0;
};

/// Starts a write of the store and comes back to control when it is on the disk or refused.
template <class F>
Awaitable<Result<void>> stored(boost::asio::io_context& control, F start_write) {
    auto executor = control.get_executor();
    auto start = [executor](auto handler, F write) {
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        auto guard = std::make_shared<decltype(boost::asio::make_work_guard(executor))>(executor);
        write([executor, kept, guard](Result<void> done) {
            boost::asio::post(executor, [kept, guard, done = std::move(done)] {
                std::move (*kept)(std::move(done));
            });
        });
    };
    auto token = net::use_awaitable;
    co_return co_await boost::asio::async_initiate<decltype(token), void(Result<void>)>(
        start, token, std::move(start_write)
    );
}

} // namespace vbmc::fleet
