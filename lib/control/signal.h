#pragma once
// Waiting inside one thread: a coroutine waits until another piece of the same io_context notifies.
// No wake-up is lost when the waiter tests its condition first, because nothing runs in between.

#include "fleet/fleet.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>

namespace vbmc::control {

using backend::Awaitable;

class Signal {
  public:
    explicit Signal(boost::asio::io_context& control) : timer_(control.get_executor()) {
        timer_.expires_at(std::chrono::steady_clock::time_point::max());
    }

    /// Until the next notify(). Any number may wait.
    Awaitable<void> wait() {
        constexpr auto token = boost::asio::as_tuple(
            boost::asio::use_awaitable_t<boost::asio::io_context::executor_type>()
        );
        co_await timer_.async_wait(token);
    }

    /// Until the next notify(), but not longer. Not beside another waiter.
    Awaitable<void> wait_for(Duration most) {
        timer_.expires_after(std::chrono::duration_cast<Timer::duration>(most));
        co_await wait();
        timer_.expires_at(Timer::time_point::max());
    }

    void notify() { timer_.cancel(); }

  private:
    using Timer = boost::asio::basic_waitable_timer<
        std::chrono::steady_clock,
        boost::asio::wait_traits<std::chrono::steady_clock>,
        boost::asio::io_context::executor_type>;

    Timer timer_;
};

/// At most so many at a time.
class Gate {
  public:
    Gate(boost::asio::io_context& control, u32 most) : changed_(control), most_(most) {}

    Awaitable<void> enter() {
        while (inside_ >= most_) {
            co_await changed_.wait();
        }
        ++inside_;
    }

    void leave() {
        --inside_;
        changed_.notify();
    }

    Awaitable<void> until_empty() {
        while (inside_ > 0) {
            co_await changed_.wait();
        }
    }

  private:
    Signal changed_;
    u32 most_;
    u32 inside_ = 0;
};

} // namespace vbmc::control
