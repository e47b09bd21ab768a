#pragma once
// An asynchronous HTTP/1.1 client over TCP and TLS: keeps connections and uses them again, checks
// certificates by default, bounds every reply, obeys a deadline in all that it does, name
// resolution included. One a shard, on its thread: shard_client() gives it. How many calls run at
// once is the caller's matter.

#include "net/awaitable.h"
#include "net/http.h"
#include "net/timer_queue.h"

#include <memory>

namespace vbmc::net {

class HttpClient {
  public:
    HttpClient(boost::asio::io_context& context, TimerQueue& timers, Now (*clock)());
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// The reply, whatever its status; an error when there was none. A request that may be repeated
    /// is, once, when the server had just closed the kept connection. Ends at once when cancelled.
    Awaitable<Result<HttpResponse>> request(HttpRequest request, Mono deadline);

    struct Stats {
        u64 requests = 0;
        u64 connections = 0; // opened
        u64 retries = 0;     // on a fresh connection
    };

    const Stats& stats() const noexcept;

    /// Connections that wait to be used again.
    std::size_t idle() const noexcept;

  private:
    class Impl;

    std::shared_ptr<Impl> impl_; // a call under way keeps it
};

/// The client that everything on this shard shares; it lives as long as somebody holds it.
std::shared_ptr<HttpClient>
shard_client(boost::asio::io_context& context, TimerQueue& timers, Now (*clock)());

} // namespace vbmc::net
