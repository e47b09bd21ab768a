#include "control/watch.h"

#include "control/convert.h"
#include "control/page.h"
#include "control/subjects.h"

#include <algorithm>
#include <set>

namespace vbmc::control {

namespace {

constexpr std::size_t history_max = 100'000;    // more than are kept
constexpr std::size_t page_bytes_max = 3 << 20; // a client accepts 4 MiB

/// Which events a watcher or a list wants.
struct Selection {
    Selection(std::set<std::string> nodes_, Filter filter_)
        : nodes(std::move(nodes_)), filter(std::move(filter_)) {}

    bool wants(const std::string& node) const { return nodes.empty() || nodes.contains(node); }

    bool wants(const fleet::Event& event) const {
        return wants(event.node) && matches(filter, event);
    }

    std::set<std::string> nodes;
    Filter filter;
};

template <class Request>
Result<Selection> read_selection(const Request& request) {
    auto filter = parse_event_filter(request.filter());
    if (!filter) {
        return filter.error();
    }
    std::set<std::string> nodes(request.nodes().begin(), request.nodes().end());
    return Selection(std::move(nodes), *std::move(filter));
}

/// Every node as it is now, one message each. False when the client is gone.
Awaitable<bool> send_initial(Core& core, WatchStream& stream, const Selection& selection) {
    const std::vector<fleet::NodeView> nodes = co_await core.fleet.list();
    for (const fleet::NodeView& node : nodes) {
        if (!selection.wants(node.spec.name)) {
            continue;
        }
        v1::WatchEventsResponse message;
        *message.mutable_node() = to_proto(node);
        const bool written = co_await stream.write(std::move(message));
        if (!written || core.stopping) {
            co_return false;
        }
    }
    co_return true;
}

bool shows_node(fleet::Event::Kind kind) noexcept {
    using Kind = fleet::Event::Kind;
    return kind == Kind::node_added || kind == Kind::node_changed || kind == Kind::state ||
           kind == Kind::power;
}

/// Sends what was taken from the ring. False when the client is gone.
Awaitable<bool> send_events(
    Core& core, WatchStream& stream, const Selection& selection, std::vector<fleet::Event> events
) {
    for (const fleet::Event& event : events) {
        v1::WatchEventsResponse message;
        if (event.kind == fleet::Event::Kind::resync) {
            message.mutable_resync()->set_sequence(event.sequence);
        } else if (selection.wants(event)) {
            *message.mutable_event() = to_proto(event);
        } else {
            continue;
        }
        if (message.has_event() && stream.request.include_nodes() && shows_node(event.kind)) {
            auto node = co_await core.fleet.get(event.node);
            if (node) { // it may be gone by now
                *message.mutable_node() = to_proto(*node);
            }
        }
        const bool written = co_await stream.write(std::move(message));
        if (!written) {
            co_return false;
        }
    }
    co_return true;
}

} // namespace

Awaitable<Result<void>> watch_events(Core& core, Caller, WatchStream& stream) {
    const auto selection = read_selection(stream.request);
    if (!selection) {
        co_return selection.error();
    }
    // Subscribed before the list is made: an event may be told twice, but none is missed.
    bool waiting = false;
    Signal& changed = stream.changed();
    std::function<void()> wake = [&waiting, &changed] {
        waiting = true;
        changed.notify();
    };
    const auto subscription =
        core.fleet.events().subscribe(core.config.watch_ring, std::move(wake));
    const auto newest = core.fleet.events().recent(1);

    if (stream.request.send_initial()) {
        const bool sent = co_await send_initial(core, stream, *selection);
        if (!sent) {
            co_return core.stopping ? Result<void>(shutting_down()) : Result<void>();
        }
    }
    v1::WatchEventsResponse synced;
    synced.mutable_synced()->set_sequence(newest.empty() ? 0 : newest.back().sequence);
    bool alive = co_await stream.write(std::move(synced));
    while (alive && !core.stopping && !stream.cancelled()) {
        waiting = false;
        std::vector<fleet::Event> events = subscription->take();
        if (!events.empty()) {
            alive = co_await send_events(core, stream, *selection, std::move(events));
        } else if (!waiting) {
            co_await changed.wait();
        }
    }
    co_return core.stopping ? Result<void>(shutting_down()) : Result<void>();
}

Awaitable<Result<void>> list_events(
    Core& core, Caller, const v1::ListEventsRequest& request, v1::ListEventsResponse& response
) {
    const auto selection = read_selection(request);
    if (!selection) {
        co_return selection.error();
    }
    const auto most = page_size(request.page_size());
    if (!most) {
        co_return most.error();
    }
    const Wall since{
        std::chrono::seconds(request.since().seconds()) +
        std::chrono::milliseconds(request.since().nanos() / 1'000'000)};
    const std::string node = selection->nodes.size() == 1 ? *selection->nodes.begin() : "";
    auto history = co_await core.fleet.history(node, history_max);
    if (!history) {
        co_return history.error();
    }
    std::vector<fleet::Event>& events = *history;
    std::erase_if(events, [&](const fleet::Event& event) {
        return event.when < since || !selection->wants(event);
    });
    // The newest that fit, oldest first.
    std::size_t bytes = 0;
    std::vector<v1::Event> newest;
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
        if (std::ssize(newest) == *most || bytes > page_bytes_max) {
            break;
        }
        newest.push_back(to_proto(*event));
        bytes += newest.back().ByteSizeLong();
    }
    for (auto event = newest.rbegin(); event != newest.rend(); ++event) {
        *response.add_events() = std::move(*event);
    }
    co_return Result<void>();
}

} // namespace vbmc::control
