#pragma once
// A TCP connection to a machine by name or address, without blocking the shard: names are resolved
// by Asio's own thread.

#include "base/result.h"
#include "net/awaitable.h"
#include "net/resolver.h"
#include "net/timer_queue.h"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <string>

namespace vbmc::backend::ssh {

using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, net::Executor>;

/// Tries the name's addresses in order. Connected, non-blocking, without Nagle's delay, and given
/// up by the kernel when the machine acknowledges nothing for `silence`.
net::Awaitable<Result<std::shared_ptr<Socket>>> connect_tcp(
    net::TimerQueue& timers,
    std::shared_ptr<net::Resolver> resolver,
    std::string host,
    unsigned port,
    Duration silence,
    Mono deadline
);

} // namespace vbmc::backend::ssh
