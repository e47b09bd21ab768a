// What nodes tell, as events, conditions and log lines. Notes come from the shards, one at a time.

#include "base/log.h"
#include "fleet/fleet_impl.h"
#include "fleet/spec_record.h"
#include "net/clock.h"

#include <utility>

namespace vbmc::fleet {

namespace {

constexpr unsigned refusals_max = 20; // log-ins a second that are told

std::string_view word(bmc::PowerState state) noexcept {
    switch (state) {
    case bmc::PowerState::unknown:
        return "unknown";
    case bmc::PowerState::off:
        return "off";
    case bmc::PowerState::on:
        return "on";
    case bmc::PowerState::changing:
        return "changing";
    }
    return "unknown";
}

} // namespace

void Fleet::Impl::publish(Event event, bool keep) {
    const u64 sequence = events_.publish(event);
    if (keep) {
        std::vector<store::EventRecord> records;
        records.push_back(to_record(event, sequence));
        store_.append_events(std::move(records));
    }
}

/// What the store keeps, also of earlier lives, and what is only in memory: log-ins and such.
Awaitable<Result<std::vector<Event>>> Fleet::Impl::history(std::string node, std::size_t max) {
    store::EventQuery query;
    query.node = std::move(node);
    query.max = max;
    std::vector<store::EventRecord> kept; // newest first
    auto read = [this, query = std::move(query), &kept](store::Done done) mutable {
        auto take = [&kept, done = std::move(done)](auto records) {
            if (records.has_error()) {
                done(records.error());
                return;
            }
            kept = std::move(*records);
            done(Result<void>());
        };
        store_.read_events(std::move(query), std::move(take));
    };
    Result<void> done = co_await stored(std::move(read));
    if (done.has_error()) {
        co_return done.error();
    }
    std::map<u64, Event> all;
    for (const store::EventRecord& record : kept) {
        all.emplace(record.sequence, from_record(record));
    }
    for (Event& event : events_.recent(max)) {
        const u64 sequence = event.sequence;
        all.emplace(sequence, std::move(event));
    }
    std::vector<Event> out;
    for (auto& [sequence, event] : all) {
        out.push_back(std::move(event));
    }
    co_return out;
}

void Fleet::Impl::tell(const Entry& entry, Event::Kind kind, std::string who, std::string message) {
    Event event;
    event.when = net::now().wall;
    event.kind = kind;
    event.node = entry.spec.name();
    event.who = std::move(who);
    event.message = std::move(message);
    if (kind == Event::Kind::state) {
        event.fields["state"] = event.message;
    }
    const bool starting_up = kind == Event::Kind::state && entry.state == NodeState::running;
    publish(std::move(event), !starting_up); // ten thousand nodes start with vbmcd itself
}

void Fleet::Impl::on_note(const NodeNote& note) {
    const EntryPtr found = find_uid(note.uid);
    if (!found || stopping_) {
        return; // removed meanwhile
    }
    Entry& entry = *found;
    switch (note.kind) {
    case NodeNote::Kind::power:
        on_power(entry, note);
        break;
    case NodeNote::Kind::action:
        on_action(entry, note);
        break;
    case NodeNote::Kind::backend_up:
    case NodeNote::Kind::backend_down:
    case NodeNote::Kind::trouble:
        on_backend(entry, note);
        break;
    case NodeNote::Kind::audit:
        on_audit(entry, note);
        break;
    case NodeNote::Kind::quarantine:
        on_quarantine(entry, note);
        break;
    case NodeNote::Kind::fault:
        on_fault(entry, note);
        break;
    }
}

void Fleet::Impl::on_power(Entry& entry, const NodeNote& note) {
    Event event;
    event.when = note.when;
    event.kind = Event::Kind::power;
    event.node = entry.spec.name();
    event.who = "vbmcd";
    event.message = note.what.empty() ? "power is " + std::string(word(note.power)) : note.what;
    event.fields["power"] = word(note.power);
    if (!note.first) {
        log(Level::info, "node.power", {{"node", entry.spec.name()}, {"power", word(note.power)}});
    }
    publish(std::move(event), !note.first);
}

void Fleet::Impl::on_action(Entry& entry, const NodeNote& note) {
    Event event;
    event.when = note.when;
    event.kind = Event::Kind::action;
    event.node = entry.spec.name();
    event.who = "vbmcd";
    event.fields["action"] = note.what;
    event.fields["result"] = note.message.empty() ? "ok" : "failed";
    event.message =
        "power " + note.what + (note.message.empty() ? " done" : " failed: " + note.message);
    if (!note.message.empty()) {
        event.fields["error"] = note.message;
        log(Level::warn,
            "node.power_failed",
            {{"node", entry.spec.name()}, {"action", note.what}, {"error", note.message}});
    }
    publish(std::move(event), true);
}

void Fleet::Impl::on_backend(Entry& entry, const NodeNote& note) {
    Event event;
    event.when = note.when;
    event.kind = Event::Kind::backend;
    event.node = entry.spec.name();
    event.who = "vbmcd";
    if (note.kind == NodeNote::Kind::trouble) {
        event.message = "the backend could not do " + note.what + ": " + note.message;
        log(Level::warn,
            "node.backend_trouble",
            {{"node", entry.spec.name()}, {"what", note.what}, {"error", note.message}});
        publish(std::move(event), true);
        return;
    }
    const bool up = note.kind == NodeNote::Kind::backend_up;
    event.message =
        up ? "the backend answers again" : "the backend does not answer: " + note.message;
    event.fields["reachable"] = up ? "true" : "false";
    set_condition(
        entry,
        "BackendReachable",
        up,
        up ? "REACHABLE" : "BACKEND_UNREACHABLE",
        up ? "the backend answers" : note.message
    );
    if (up) {
        log(Level::info, "node.backend_up", {{"node", entry.spec.name()}});
    } else {
        log(Level::warn, "node.backend_down", {{"node", entry.spec.name()}, {"error", note.message}}
        );
    }
    publish(std::move(event), true);
}

void Fleet::Impl::on_audit(Entry& entry, const NodeNote& note) {
    Event event;
    event.when = note.when;
    event.node = entry.spec.name();
    event.who = note.who;
    event.kind = Event::Kind::session;
    if (note.what == "power" || note.what == "boot" || note.what == "controller_reset") {
        event.kind = Event::Kind::action;
    } else if (note.what == "users_changed") {
        event.kind = Event::Kind::users;
    } else if (note.what == "sel_cleared") {
        event.kind = Event::Kind::sel;
    }
    event.fields["event"] = note.what;
    if (!note.message.empty()) {
        event.fields["detail"] = note.message;
    }
    event.message = note.message.empty() ? note.what : note.what + " " + note.message;
    if (note.what == "login_refused") {
        if (!may_tell_refusal()) {
            return;
        }
        log(Level::warn,
            "node.login_refused",
            {{"node", entry.spec.name()}, {"who", note.who}, {"why", note.message}});
    } else {
        log(Level::debug,
            "node.audit",
            {{"node", entry.spec.name()},
             {"who", note.who},
             {"what", note.what},
             {"detail", note.message}});
    }
    // Monitoring logs in and out all day: that is shown while it happens, not kept.
    publish(std::move(event), note.what != "login" && note.what != "logout");
}

/// Strangers can cause refusals: only so many a second are told, whatever the number of nodes.
bool Fleet::Impl::may_tell_refusal() {
    const Mono now = net::now().mono;
    if (now - refusals_since_ > std::chrono::seconds(1)) {
        refusals_since_ = now;
        refusals_ = 0;
    }
    return ++refusals_ <= refusals_max;
}

void Fleet::Impl::on_fault(Entry& entry, const NodeNote& note) {
    Event event;
    event.when = note.when;
    event.kind = Event::Kind::state;
    event.node = entry.spec.name();
    event.who = "vbmcd";
    event.fields["fault"] = note.message;
    event.message = "a bug was met and contained; the node's sessions were ended: " + note.message;
    log(Level::error, "node.fault", {{"node", entry.spec.name()}, {"error", note.message}});
    publish(std::move(event), true);
}

void Fleet::Impl::on_quarantine(Entry& entry, const NodeNote&) {
    set_condition(
        entry,
        "Quarantined",
        false,
        "FAULTS",
        "taken out of service after three faults in a minute (start it again: vbmcctl restart " +
            entry.spec.name() + ")"
    );
    entry.retry_at = never;
    set_state(entry, NodeState::quarantined);
    log(Level::error, "node.quarantined", {{"node", entry.spec.name()}});
}

} // namespace vbmc::fleet
