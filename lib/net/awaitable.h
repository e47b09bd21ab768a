#pragma once
// The coroutine type of every driver, of the fleet and of the control service. The executor is
// named exactly (no any_io_executor): smaller frames, no virtual calls.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace vbmc::net {

using Executor = boost::asio::io_context::executor_type;

template <class T>
using Awaitable = boost::asio::awaitable<T, Executor>;

inline constexpr boost::asio::use_awaitable_t<Executor> use_awaitable{};

} // namespace vbmc::net
