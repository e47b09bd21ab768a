#pragma once
// All the timers of a shard behind one operating-system timer: a binary heap of intrusive entries,
// so arming allocates nothing, an idle owner costs one small object, and deadlines are exact. Reads
// no clock: the shard says what time it is, a test says what it likes. One thread.

#include "base/time.h"

#include <cstddef>
#include <vector>

namespace vbmc::net {

class TimerQueue;

/// One alarm. Fires once an arm(); the callback may arm, cancel or destroy any timer, itself
/// included.
class Timer {
  public:
    using Callback = void (*)(void* owner);

    Timer(TimerQueue& queue, Callback callback, void* owner) noexcept
        : queue_(queue), callback_(callback), owner_(owner) {}

    ~Timer() { cancel(); }

    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// Moves an armed timer. `never` cancels.
    void arm(Mono when);

    void cancel() noexcept;

    bool armed() const noexcept { return at_ != nowhere; }

    /// `never` when it is not armed.
    Mono deadline() const noexcept { return armed() ? when_ : never; }

  private:
    friend class TimerQueue;
    static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

    TimerQueue& queue_;
    Callback callback_;
    void* owner_;
    Mono when_ = never;
    std::size_t at_ = nowhere; // index in the heap
};

class TimerQueue {
  public:
    TimerQueue() = default;
    ~TimerQueue();
    TimerQueue(const TimerQueue&) = delete;
    TimerQueue& operator=(const TimerQueue&) = delete;

    /// The earliest deadline, `never` when nothing is armed.
    Mono next() const noexcept { return heap_.empty() ? never : heap_.front()->when_; }

    std::size_t size() const noexcept { return heap_.size(); }

    /// Fires what is due, earliest first. Ends even when callbacks arm again for the past: those
    /// fire in the next run.
    void run(Mono now);

    /// Called when next() became earlier than it was.
    void on_earlier(void (*callback)(void*), void* owner) noexcept {
        earlier_ = callback;
        earlier_owner_ = owner;
    }

  private:
    friend class Timer;

    void insert(Timer& timer);
    void remove(Timer& timer) noexcept;
    void place(std::size_t at, Timer* timer) noexcept;
    void sift_up(std::size_t at) noexcept;
    void sift_down(std::size_t at) noexcept;

    std::vector<Timer*> heap_;
    void (*earlier_)(void*) = nullptr;
    void* earlier_owner_ = nullptr;
};

} // namespace vbmc::net
