#pragma once
// Host names to addresses without blocking a shard: the C library's blocking call runs on a thread
// of its own, and the waiting coroutine looks whether it is done. A lookup that is given up ends by
// itself later, also after everything else here: nobody waits for a name server that is dead.

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "net/awaitable.h"
#include "net/timer_queue.h"

#include <boost/asio/ip/tcp.hpp>

#include <string>
#include <vector>

namespace vbmc::net {

class Resolver {
  public:
    static constexpr unsigned lookups_max = 64; // of the process at a time; the others wait

    Resolver(TimerQueue& timers, Now (*clock)()) : timers_(timers), clock_(clock) {}

    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    /// The addresses in the order to try them, never none. A numeric address is not looked up. On
    /// the thread that runs the timers.
    Awaitable<Result<std::vector<boost::asio::ip::tcp::endpoint>>>
    resolve(std::string host, u16 port, Mono deadline);

  private:
    TimerQueue& timers_;
    Now (*clock_)();
};

} // namespace vbmc::net
