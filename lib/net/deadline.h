#pragma once
// with_deadline(): awaits a call that returns a Result, but not for ever. At the deadline the call
// is cancelled; one that does not even react to that is left behind (its late result is dropped)
// after a short grace, so a driver that hangs can hold up nobody. Exceptions of the call become
// errors here.

#include "base/result.h"
#include "net/awaitable.h"
#include "net/clock.h"
#include "net/timer_queue.h"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace vbmc::net {

inline constexpr Duration cancel_grace = std::chrono::seconds(1);

namespace detail {

Error error_from(const std::exception_ptr& failure);
Error deadline_error();
Error abandoned_error();

/// Shared by the waiting coroutine and the call: whoever comes first resumes, the last one frees.
template <class T>
struct Race {
    explicit Race(TimerQueue& timers)
        : timer(
              timers, [](void* self) { static_cast<Race*>(self)->expire(); }, this
          ) {}

    void finish(std::optional<Result<T>> outcome) {
        timer.cancel();
        if (resume) {
            value = std::move(outcome);
            auto call = std::exchange(resume, nullptr);
            call();
        }
    }

    void expire() {
        if (cancelled) {
            finish(deadline_error());
            return;
        }
        cancelled = true;
        timer.arm(deadline + cancel_grace);
        signal.emit(boost::asio::cancellation_type::terminal);
    }

    void abandon() {
        cancelled = true;
        signal.emit(boost::asio::cancellation_type::terminal);
        finish(abandoned_error());
    }

    Timer timer;
    Mono deadline{};
    boost::asio::cancellation_signal signal;
    std::function<void()> resume;
    std::optional<Result<T>> value;
    bool cancelled = false;
};

} // namespace detail

/// Must be awaited on the thread that runs `timers`. `canceller`, when given, receives a function
/// that ends the call early; it may be called until the await returns.
template <class T>
Awaitable<Result<T>> with_deadline(
    TimerQueue& timers,
    Mono deadline,
    Awaitable<Result<T>> call,
    std::function<void()>* canceller = nullptr
) {
    namespace asio = boost::asio;
    auto race = std::make_shared<detail::Race<T>>(timers);
    race->deadline = deadline;
    auto executor = co_await asio::this_coro::executor;

    auto start = [executor, race, deadline, canceller](auto handler, Awaitable<Result<T>> work) {
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        race->resume = [executor, kept] { asio::post(executor, [kept] { std::move (*kept)(); }); };
        if (canceller != nullptr) {
            std::weak_ptr<detail::Race<T>> weak = race;
            *canceller = [weak] {
                if (const auto alive = weak.lock(); alive && !alive->cancelled) {
                    alive->abandon();
                }
            };
        }
        race->timer.arm(deadline);
        auto ended = [race](const std::exception_ptr& failure, std::optional<Result<T>> outcome) {
            if (failure || !outcome) {
                race->finish(
                    race->cancelled ? detail::deadline_error() : detail::error_from(failure)
                );
            } else {
                race->finish(std::move(outcome));
            }
        };
        auto slot = race->signal.slot();
        auto boxed = [](Awaitable<Result<T>> inner) -> Awaitable<std::optional<Result<T>>> {
            std::optional<Result<T>> out;
            out.emplace(co_await std::move(inner));
            co_return out;
        };
        asio::co_spawn(
            executor, boxed(std::move(work)), asio::bind_cancellation_slot(slot, std::move(ended))
        );
    };
    auto token = use_awaitable;
    co_await asio::async_initiate<decltype(token), void()>(start, token, std::move(call));
    if (canceller != nullptr) {
        *canceller = nullptr;
    }
    co_return std::move(*race->value);
}

} // namespace vbmc::net
