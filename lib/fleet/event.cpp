#include "fleet/event.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace vbmc::fleet {

std::string_view to_string(Event::Kind kind) noexcept {
    switch (kind) {
    case Event::Kind::node_added:
        return "node_added";
    case Event::Kind::node_changed:
        return "node_changed";
    case Event::Kind::node_removed:
        return "node_removed";
    case Event::Kind::state:
        return "state";
    case Event::Kind::power:
        return "power";
    case Event::Kind::action:
        return "action";
    case Event::Kind::session:
        return "session";
    case Event::Kind::backend:
        return "backend";
    case Event::Kind::users:
        return "users";
    case Event::Kind::sel:
        return "sel";
    case Event::Kind::source:
        return "source";
    case Event::Kind::resync:
        return "resync";
    }
    return "state";
}

std::optional<Event::Kind> parse_event_kind(std::string_view text) noexcept {
    for (int kind = 0; kind <= static_cast<int>(Event::Kind::resync); ++kind) {
        if (to_string(static_cast<Event::Kind>(kind)) == text) {
            return static_cast<Event::Kind>(kind);
        }
    }
    return std::nullopt;
}

namespace {

constexpr std::size_t recent_max = 1000;

/// A subscriber's bounded memory. Once it overflows, all in it is worth nothing: one `resync`.
struct Ring {
    std::size_t max = 0;
    std::deque<Event> events;
    bool overflowed = false;
    std::function<void()> wake;
};

} // namespace

class EventHub::Impl {
  public:
    std::vector<std::shared_ptr<Ring>> rings;
    std::deque<Event> recent;
    u64 sequence = 0;
};

namespace {

class RingSubscription final : public EventHub::Subscription {
  public:
    RingSubscription(std::shared_ptr<Ring> ring, std::function<void()> end)
        : ring_(std::move(ring)), end_(std::move(end)) {}

    ~RingSubscription() override { end_(); }

    RingSubscription(const RingSubscription&) = delete;
    RingSubscription& operator=(const RingSubscription&) = delete;

    std::vector<Event> take() override {
        std::vector<Event> out(
            std::make_move_iterator(ring_->events.begin()),
            std::make_move_iterator(ring_->events.end())
        );
        ring_->events.clear();
        ring_->overflowed = false;
        return out;
    }

  private:
    std::shared_ptr<Ring> ring_;
    std::function<void()> end_;
};

void append(Ring& ring, const Event& event) {
    if (ring.overflowed) {
        ring.events.back().sequence = event.sequence; // the resync covers this one, too
        return;
    }
    const bool was_empty = ring.events.empty();
    if (ring.events.size() >= ring.max) {
        Event resync;
        resync.sequence = event.sequence;
        resync.when = event.when;
        resync.kind = Event::Kind::resync;
        resync.who = "vbmcd";
        resync.message = "events were dropped because they were not read in time: list again";
        ring.events.clear();
        ring.events.push_back(std::move(resync));
        ring.overflowed = true;
    } else {
        ring.events.push_back(event);
    }
    if (was_empty && ring.wake) {
        ring.wake();
    }
}

} // namespace

EventHub::EventHub() : impl_(std::make_shared<Impl>()) {}

EventHub::~EventHub() = default;

void EventHub::start_after(u64 last) {
    impl_->sequence = last;
}

std::unique_ptr<EventHub::Subscription>
EventHub::subscribe(std::size_t ring_max, std::function<void()> wake) {
    auto ring = std::make_shared<Ring>();
    ring->max = std::max<std::size_t>(ring_max, 1);
    ring->wake = std::move(wake);
    impl_->rings.push_back(ring);
    std::weak_ptr<Impl> hub = impl_;
    auto end = [hub, ring] {
        if (const auto alive = hub.lock()) {
            std::erase(alive->rings, ring);
        }
        ring->wake = nullptr;
    };
    return std::make_unique<RingSubscription>(ring, std::move(end));
}

u64 EventHub::publish(Event event) {
    event.sequence = ++impl_->sequence;
    impl_->recent.push_back(event);
    if (impl_->recent.size() > recent_max) {
        impl_->recent.pop_front();
    }
    const auto rings = impl_->rings; // a wake may subscribe or unsubscribe
    for (const auto& ring : rings) {
        append(*ring, event);
    }
    return event.sequence;
}

std::vector<Event> EventHub::recent(std::size_t max) const {
    const std::size_t size = std::min(max, impl_->recent.size());
    return {impl_->recent.end() - static_cast<std::ptrdiff_t>(size), impl_->recent.end()};
}

} // namespace vbmc::fleet
