#include "net/timer_queue.h"

namespace vbmc::net {

void Timer::arm(Mono when) {
    if (when == never) {
        cancel();
        return;
    }
    if (armed() && when == when_) {
        return;
    }
    const Mono before = queue_.next();
    cancel();
    when_ = when;
    queue_.insert(*this);
    if (when < before && queue_.earlier_ != nullptr) {
        queue_.earlier_(queue_.earlier_owner_);
    }
}

void Timer::cancel() noexcept {
    if (armed()) {
        queue_.remove(*this);
    }
}

TimerQueue::~TimerQueue() {
    for (Timer* timer : heap_) {
        timer->at_ = Timer::nowhere; // an owner that outlives its queue must not reach into it
    }
}

void TimerQueue::run(Mono now) {
    for (std::size_t budget = heap_.size(); budget > 0; --budget) {
        if (heap_.empty() || heap_.front()->when_ > now) {
            return;
        }
        Timer& due = *heap_.front();
        remove(due);
        due.callback_(due.owner_);
    }
}

void TimerQueue::insert(Timer& timer) {
    heap_.push_back(&timer);
    timer.at_ = heap_.size() - 1;
    sift_up(timer.at_);
}

void TimerQueue::remove(Timer& timer) noexcept {
    const std::size_t at = timer.at_;
    timer.at_ = Timer::nowhere;
    Timer* last = heap_.back();
    heap_.pop_back();
    if (last == &timer) {
        return;
    }
    place(at, last);
    sift_up(at);
    sift_down(last->at_);
}

void TimerQueue::place(std::size_t at, Timer* timer) noexcept {
    heap_[at] = timer;
    timer->at_ = at;
}

void TimerQueue::sift_up(std::size_t at) noexcept {
    Timer* timer = heap_[at];
    while (at > 0) {
        const std::size_t parent = (at - 1) / 2;
        if (heap_[parent]->when_ <= timer->when_) {
            break;
        }
        place(at, heap_[parent]);
        at = parent;
    }
    place(at, timer);
}

void TimerQueue::sift_down(std::size_t at) noexcept {
    Timer* timer = heap_[at];
    for (;;) {
        std::size_t child = 2 * at + 1;
        if (child >= heap_.size()) {
            break;
        }
        if (child + 1 < heap_.size() && heap_[child + 1]->when_ < heap_[child]->when_) {
            ++child;
        }
        if (timer->when_ <= heap_[child]->when_) {
            break;
        }
        place(at, heap_[child]);
        at = child;
    }
    place(at, timer);
}

} // namespace vbmc::net
