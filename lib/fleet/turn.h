#pragma once
// Turns for coroutines of one thread: who changes a node waits until the change before has ended.
// Not a mutex: nothing blocks, and a turn may be kept over a co_await.

#include "net/awaitable.h"

#include <functional>
#include <utility>
#include <vector>

namespace vbmc::fleet {

class Turn {
  public:
    /// Held while it lives; passes the turn on when it ends.
    class Held {
      public:
        explicit Held(Turn* turn) noexcept : turn_(turn) {}

        Held(Held&& other) noexcept : turn_(std::exchange(other.turn_, nullptr)) {}

        Held& operator=(Held&&) = delete;

        ~Held() {
            if (turn_ != nullptr) {
                turn_->pass();
            }
        }

      private:
        Turn* turn_;
    };

    Turn() = default;
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    /// In the order of the calls.
    net::Awaitable<Held> take();

    bool taken() const noexcept { return taken_; }

  private:
    void pass();

    bool taken_ = false;
    std::vector<std::function<void()>> waiting_; // empty costs nothing, a deque does
};

} // namespace vbmc::fleet
