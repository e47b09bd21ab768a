#pragma once
// Wakes every coroutine that waits for something to happen on a session. One session's; on its
// shard.

#include "net/awaitable.h"
#include "net/timer_queue.h"

#include <memory>
#include <vector>

namespace vbmc::backend::ssh {

class Activity {
  public:
    explicit Activity(net::TimerQueue& timers) : timers_(timers) {}

    /// Ends at the next tell() or at `until`, whichever comes first; throws operation_aborted when
    /// it is cancelled. May end without a reason: look again.
    net::Awaitable<void> wait(Mono until);

    void tell();

  private:
    struct Pause;

    net::TimerQueue& timers_;
    std::vector<std::weak_ptr<Pause>> waiting_;
};

} // namespace vbmc::backend::ssh
