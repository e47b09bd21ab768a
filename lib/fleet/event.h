#pragma once
// What happens to nodes: life cycle, power, log-ins, changes, errors. One hub on the control
// thread; a subscriber has a bounded ring, and one that falls behind gets a single `resync`
// instead.

#include "base/time.h"
#include "fleet/node_spec.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::fleet {

struct Event {
    enum class Kind {
        node_added,
        node_changed,
        node_removed,
        state,   // NodeState changed
        power,   // observed power changed
        action,  // somebody asked for power, boot or media
        session, // log-in, log-out, refusal
        backend, // unreachable, reachable, refused
        users,
        sel,
        source, // a source of nodes registered, retired, or could not
        resync  // events were dropped for this subscriber: list again
    };
    u64 sequence = 0; // rises by one an event
    Wall when{};
    Kind kind = Kind::state;
    std::string node;
    std::string who;     // user@peer, uid, or "vbmcd"
    std::string message; // one sentence
    std::map<std::string, std::string> fields;
};

std::string_view to_string(Event::Kind kind) noexcept;
std::optional<Event::Kind> parse_event_kind(std::string_view text) noexcept;

class EventHub {
  public:
    class Subscription {
      public:
        virtual ~Subscription() = default; // unsubscribes
        /// Takes what is waiting.
        virtual std::vector<Event> take() = 0;
    };

    /// `wake` is called on the control thread when the ring goes from empty to not empty.
    std::unique_ptr<Subscription> subscribe(std::size_t ring_max, std::function<void()> wake);

    /// Gives the event the next sequence, and tells which that is.
    u64 publish(Event event);

    /// The newest events that are still in memory, oldest first.
    std::vector<Event> recent(std::size_t max) const;

    /// Sequences go on behind `last`, the newest of an earlier life.
    void start_after(u64 last);

    EventHub();
    ~EventHub();
    EventHub(const EventHub&) = delete;
    EventHub& operator=(const EventHub&) = delete;

  private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace vbmc::fleet
