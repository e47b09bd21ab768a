#pragma once
// Simulated time: what happens next, in order, on a clock that leaps. Events at the same moment run
// in the order in which they were planned.

#include "base/time.h"
#include "sim/random.h"

#include <functional>
#include <queue>

namespace vbmc::sim {

class Timeline {
  public:
    using Action = std::function<void()>;

    Now now() const noexcept {
        const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(mono_ - start_);
        return {mono_, wall_start_ + passed + wall_jump_};
    }

    void at(Mono when, Action action) { queue_.push({when, ++planned_, std::move(action)}); }

    void after(Duration wait, Action action) { at(mono_ + wait, std::move(action)); }

    /// Runs the next event; false when there is none.
    bool step() {
        if (queue_.empty()) {
            return false;
        }
        const Event event = queue_.top();
        queue_.pop();
        mono_ = std::max(mono_, event.when);
        ++steps_;
        event.action();
        return true;
    }

    /// Everything up to this moment, also what is planned on the way.
    void run_until(Mono until) {
        while (!queue_.empty() && queue_.top().when <= until) {
            step();
        }
        mono_ = std::max(mono_, until);
    }

    /// The machine was suspended: what fell due meanwhile is late.
    void leap(Duration time) noexcept { mono_ += time; }

    /// Somebody set the clock.
    void jump_wall(std::chrono::milliseconds by) noexcept { wall_jump_ += by; }

    u64 steps() const noexcept { return steps_; }

  private:
    struct Event {
        Mono when;
        u64 order = 0;
        Action action;

        bool operator<(const Event& other) const noexcept {
            return when != other.when ? when > other.when : order > other.order;
        }
    };

    const Mono start_ = Mono(std::chrono::hours(1));
    Mono mono_ = start_;
    Wall wall_start_ = Wall(std::chrono::hours(500'000));
    std::chrono::milliseconds wall_jump_{};
    std::priority_queue<Event> queue_;
    u64 planned_ = 0;
    u64 steps_ = 0;
};

} // namespace vbmc::sim
