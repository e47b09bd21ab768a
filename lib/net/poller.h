#pragma once
// Readiness of a shard's many sockets behind one descriptor: a level-triggered epoll of its own,
// which the shard's io_context waits for. A watched socket costs a slot of 16 bytes, and a datagram
// no system call beyond receiving it and answering: nothing is armed again. One thread.

#include "base/bytes.h"
#include "net/timer_queue.h"

#include <vector>

namespace vbmc::net {

class Poller {
  public:
    class Source {
      public:
        /// There is something to read. May watch and forget any source, itself included.
        virtual void on_readable() = 0;

      protected:
        ~Source() = default;
    };

    static constexpr u32 no_slot = 0xffffffff;

    explicit Poller(TimerQueue& timers);
    ~Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    /// Readable when turn() has something to do.
    int descriptor() const noexcept { return epoll_; }

    /// Calls the sources that have something to read, each once a round, for a few rounds.
    void turn();

    /// Knows the socket, but does not listen to it before start(). no_slot, and errno, when the
    /// kernel refuses.
    u32 watch(int fd, Source& source);

    void start(u32 slot, int fd) noexcept;

    /// Before the descriptor is closed.
    void forget(u32 slot, int fd) noexcept;

    /// After an error of the socket itself: not asked again for a moment. Never deaf, never
    /// spinning.
    void pause(u32 slot, int fd);

  private:
    struct Slot {
        Source* source = nullptr;
        u32 generation = 0; // tells a slot's users apart while events of the former are in hand
    };

    struct Paused {
        u32 slot;
        u32 generation;
        int fd;
    };

    bool is_current(u32 slot, u32 generation) const noexcept;
    bool control(int operation, u32 slot, int fd, u32 events) noexcept;
    void resume();

    int epoll_;
    Timer resume_;
    std::vector<Slot> slots_;
    std::vector<u32> free_;
    std::vector<Paused> paused_;
};

} // namespace vbmc::net
