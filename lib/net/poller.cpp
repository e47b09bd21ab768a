#include "net/poller.h"

#include "base/check.h"
#include "net/clock.h"

#include <array>
#include <sys/epoll.h>
#include <unistd.h>
#include <utility>

namespace vbmc::net {

namespace {

constexpr int events_a_round = 256;
constexpr int rounds_max = 4; // then posts and timers of the shard have their turn
constexpr auto pause_for = std::chrono::milliseconds(50);

} // namespace

Poller::Poller(TimerQueue& timers)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      resume_(
          timers, [](void* self) { static_cast<Poller*>(self)->resume(); }, this
      ) {
    VBMC_CHECK(epoll_ >= 0); // at the start of the process: nothing can go on without it
}

Poller::~Poller() {
    ::close(epoll_);
}

bool Poller::is_current(u32 slot, u32 generation) const noexcept {
    return slots_[slot].source != nullptr && slots_[slot].generation == generation;
}

bool Poller::control(int operation, u32 slot, int fd, u32 events) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.u64 = u64{slots_[slot].generation} << 32 | slot;
    return ::epoll_ctl(epoll_, operation, fd, &event) == 0;
}

u32 Poller::watch(int fd, Source& source) {
    if (free_.empty()) {
        free_.push_back(static_cast<u32>(slots_.size()));
        slots_.emplace_back();
    }
    const u32 slot = free_.back();
    if (!control(EPOLL_CTL_ADD, slot, fd, 0)) {
        return no_slot;
    }
    free_.pop_back();
    slots_[slot].source = &source;
    return slot;
}

void Poller::start(u32 slot, int fd) noexcept {
    control(EPOLL_CTL_MOD, slot, fd, EPOLLIN);
}

void Poller::forget(u32 slot, int fd) noexcept {
    control(EPOLL_CTL_DEL, slot, fd, 0);
    slots_[slot] = {nullptr, slots_[slot].generation + 1};
    free_.push_back(slot);
}

void Poller::pause(u32 slot, int fd) {
    control(EPOLL_CTL_MOD, slot, fd, 0);
    paused_.push_back({slot, slots_[slot].generation, fd});
    if (!resume_.armed()) {
        resume_.arm(now().mono + pause_for);
    }
}

void Poller::resume() {
    for (const Paused& paused : std::exchange(paused_, {})) {
        if (is_current(paused.slot, paused.generation)) {
            start(paused.slot, paused.fd);
        }
    }
}

void Poller::turn() {
    std::array<epoll_event, events_a_round> events;
    for (int round = 0; round < rounds_max; ++round) {
        const int count = ::epoll_wait(epoll_, events.data(), events_a_round, 0);
        for (int i = 0; i < count; ++i) {
            const u64 key = events[static_cast<std::size_t>(i)].data.u64;
            const auto slot = static_cast<u32>(key);
            if (is_current(slot, static_cast<u32>(key >> 32))) {
                slots_[slot].source->on_readable();
            }
        }
        if (count <= 0) { // nothing more, or a signal: the next turn finds it
            return;
        }
    }
}

} // namespace vbmc::net
