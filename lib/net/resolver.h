#pragma once
// Host names to addresses without blocking a shard: the C library looks them up on threads of its
// own, we look whether it is done. A lookup that is given up ends by itself later. One a shard; on
// its thread.

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "net/awaitable.h"
#include "net/timer_queue.h"

#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <string>
#include <vector>

namespace vbmc::net {

class Resolver : public std::enable_shared_from_this<Resolver> {
  public:
    Resolver(TimerQueue& timers, Now (*clock)());
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    /// The addresses in the order to try them, never none. A numeric address is not looked up.
    Awaitable<Result<std::vector<boost::asio::ip::tcp::endpoint>>>
    resolve(std::string host, u16 port, Mono deadline);

  private:
    struct Lookup;

    /// Gives a lookup back that may still be under way.
    class Holder;

    void sweep();

    TimerQueue& timers_;
    Now (*clock_)();
    std::vector<std::unique_ptr<Lookup>> given_up_; // the C library still writes to them
};

} // namespace vbmc::net
