#pragma once
// A coroutine's pause on a shard's timer queue: follows a test's clock, ends early when cancelled
// (with operation_aborted, as Asio's own operations do). On the thread that runs the queue.

#include "net/awaitable.h"
#include "net/timer_queue.h"

namespace vbmc::net {

Awaitable<void> sleep_until(TimerQueue& timers, Mono when);

} // namespace vbmc::net
