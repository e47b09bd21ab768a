// A node's side of its worker and of control: what was seen goes into the model, what happened goes
// to control, and an exception on the way stays here.

#include "fleet/node.h"
#include "fleet/shard_state.h"
#include "net/clock.h"
#include "net/sleep.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace vbmc::fleet {

namespace {

constexpr unsigned faults_max = 3; // in a minute
constexpr Duration fault_window = std::chrono::minutes(1);

std::string_view word(bmc::PowerAction action) noexcept {
    static constexpr std::array<std::string_view, 6> words = {
        "off", "on", "cycle", "reset", "diag", "soft"};
    return words[static_cast<std::size_t>(action)];
}

std::string_view word(endpoint::Audit::Kind kind) noexcept {
    using Kind = endpoint::Audit::Kind;
    switch (kind) {
    case Kind::login:
        return "login";
    case Kind::login_refused:
        return "login_refused";
    case Kind::logout:
        return "logout";
    case Kind::power:
        return "power";
    case Kind::boot:
        return "boot";
    case Kind::users_changed:
        return "users_changed";
    case Kind::sel_cleared:
        return "sel_cleared";
    case Kind::controller_reset:
        return "controller_reset";
    case Kind::raw:
        return "raw";
    }
    return "login";
}

} // namespace

/// One fault costs this node's sessions; three in a minute take it out of service until somebody
/// starts it again. Other nodes notice nothing.
void Node::on_fault(const char* what) noexcept {
    const Mono now = net::now().mono;
    if (faults_ == 0 || now - faults_since_ > fault_window) {
        faults_ = 0;
        faults_since_ = now;
    }
    faults_ = static_cast<u8>(std::min(faults_ + 1U, faults_max));
    ++shard_->numbers().faults;
    try {
        bmc_.close_all();
        NodeNote told;
        told.kind = NodeNote::Kind::fault;
        told.message = what;
        note(std::move(told));
        if (faults_ == faults_max) { // not from within the endpoint's own call
            shard_->shard().post([weak = weak_from_this()] {
                if (const auto node = weak.lock()) {
                    node->quarantine_if_still_faulty();
                }
            });
        }
    } catch (...) { // out of memory while telling: the next fault tries again
        faults_ = faults_max - 1;
    }
}

/// Not when somebody was faster and started it anew.
void Node::quarantine_if_still_faulty() {
    if (faults_ < faults_max || !worker_) {
        return;
    }
    halt();
    NodeNote ended;
    ended.kind = NodeNote::Kind::quarantine;
    note(std::move(ended));
}

std::string Node::uid() const {
    const auto text = bmc::guid_text(bmc_.model().config.guid);
    return {text.begin(), text.end()};
}

void Node::note(NodeNote what) {
    what.uid = uid();
    what.when = net::now().wall;
    shard_->tell(std::move(what));
}

void Node::tell(const endpoint::Audit& audit) {
    using Kind = endpoint::Audit::Kind;
    const bool everyday = audit.kind == Kind::login || audit.kind == Kind::logout;
    if (everyday && !shard_->may_tell_log_in()) {
        return;
    }
    NodeNote what;
    what.kind = NodeNote::Kind::audit;
    what.what = word(audit.kind);
    what.who = audit.user + "@" + audit.from.to_string();
    what.message = audit.detail;
    note(std::move(what));
}

void Node::observe(const bmc::Observation& seen) {
    const Now now = net::now();
    guarded([&] { bmc_.observe(now, seen); });
    watch_console(seen);
    if (const auto* done = std::get_if<bmc::Done>(&seen)) {
        for (std::size_t i = 0; i < waiters_.size();) {
            if (waiters_[i].ticket == done->ticket) {
                const Waiter waiter = std::move(waiters_[i]);
                waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(i));
                waiter.resume(done->outcome);
            } else {
                ++i;
            }
        }
    } else if (const auto* power = std::get_if<bmc::PowerSeen>(&seen)) {
        if (power->state != told_ || power->restarted) {
            NodeNote what;
            what.kind = NodeNote::Kind::power;
            what.power = power->state;
            what.first = told_ == bmc::PowerState::unknown;
            what.what = power->restarted ? "restarted" : "";
            told_ = power->state;
            note(std::move(what));
        }
    }
    drain(now);
}

void Node::on_backend(bool reachable, const Error* why) {
    reachable_ = reachable;
    NodeNote what;
    what.kind = reachable ? NodeNote::Kind::backend_up : NodeNote::Kind::backend_down;
    if (why != nullptr) {
        last_error_ = describe(*why);
        what.message = last_error_;
    } else {
        last_error_.clear();
    }
    note(std::move(what));
}

void Node::on_action(bmc::PowerAction action, const Error* why) {
    const auto number = static_cast<std::size_t>(action);
    ++(why == nullptr ? shard_->numbers().power_done : shard_->numbers().power_failed)[number];
    NodeNote what;
    what.kind = NodeNote::Kind::action;
    what.what = word(action);
    if (why != nullptr) {
        last_error_ = describe(*why);
        what.message = last_error_;
    }
    note(std::move(what));
}

void Node::on_trouble(std::string_view what, const Error& why) {
    last_error_ = describe(why);
    NodeNote told;
    told.kind = NodeNote::Kind::trouble;
    told.what = what;
    told.message = last_error_;
    note(std::move(told));
}

void Node::on_look_refused(const Error& why) {
    last_error_ = describe(why);
}

Duration Node::cycle_pause() const {
    return std::chrono::seconds(bmc_.model().power.cycle_interval_s);
}

net::Awaitable<void> Node::refresh_sensors() {
    const auto self = shared_from_this();
    if (!worker_ || !model().config.sensors) {
        co_return;
    }
    const Mono begun = net::now().mono;
    worker_->submit(bmc::RefreshSensors());
    for (int i = 0; i < 10 && model().sensors.seen_at() < begun; ++i) {
        const Mono next = net::now().mono + std::chrono::milliseconds(20 + 20 * i);
        co_await net::sleep_until(shard_->shard().timers(), next);
    }
}

} // namespace vbmc::fleet
