#pragma once
// From one thread's io_context to another's and back: run_on() calls a function there and resumes
// the caller here, with its result or its exception. This is the only way between control and
// shards.

#include "net/awaitable.h"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace vbmc::net {

namespace detail {

struct Nothing {};

/// void becomes Nothing, so that one code path serves both.
template <class R>
using Kept = std::conditional_t<std::is_void_v<R>, Nothing, R>;

template <class F>
void call_into(F& function, std::optional<Kept<std::invoke_result_t<F&>>>& out) {
    if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
        function();
        out.emplace();
    } else {
        out.emplace(function());
    }
}

} // namespace detail

/// Runs `function` on `target` (an io_context or a pool's); resumes on the caller's executor. The
/// function is kept by value: it must not refer to what the caller destroys while it waits.
template <class F>
Awaitable<std::invoke_result_t<F&>> run_on(boost::asio::io_context& target, F function) {
    using R = std::invoke_result_t<F&>;
    using Kept = detail::Kept<R>;
    namespace asio = boost::asio;

    auto start = [](auto handler, asio::io_context* where, F work) {
        auto home = asio::get_associated_executor(handler);
        auto guard = asio::make_work_guard(home);
        auto there = [handler = std::move(handler),
                      guard = std::move(guard),
                      work = std::move(work)]() mutable {
            std::exception_ptr error;
            std::optional<Kept> value;
            try {
                detail::call_into(work, value);
            } catch (...) {
                error = std::current_exception();
            }
            auto back =
                [handler = std::move(handler), error = std::move(error), value = std::move(value)](
                ) mutable { handler(std::move(error), std::move(value)); };
            asio::post(guard.get_executor(), std::move(back));
        };
        asio::post(*where, std::move(there));
    };
    auto token = use_awaitable;
    std::optional<Kept> value = co_await asio::async_initiate<
        decltype(token),
        void(std::exception_ptr, std::optional<Kept>)>(start, token, &target, std::move(function));
    if constexpr (!std::is_void_v<R>) {
        co_return std::move(*value);
    }
}

/// Runs a coroutine on `target`; resumes on the caller's executor.
template <class T>
Awaitable<T> spawn_on(boost::asio::io_context& target, Awaitable<T> call) {
    auto token = use_awaitable;
    auto executor = target.get_executor();
    if constexpr (std::is_void_v<T>) {
        co_await boost::asio::co_spawn(executor, std::move(call), token);
    } else {
        co_return co_await boost::asio::co_spawn(executor, std::move(call), token);
    }
}

} // namespace vbmc::net
