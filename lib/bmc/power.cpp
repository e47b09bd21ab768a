#include "bmc/power.h"

#include "bmc/record.h"

#include <algorithm>
#include <utility>

namespace vbmc::bmc {

namespace {

// An action whose end is never told: the next one is not held up for longer.
constexpr Duration flight_max = std::chrono::minutes(5);
// A client that lost the reply sends the request again for about so long (freeipmi with a new
// rqSeq).
constexpr Duration repeat_window = std::chrono::seconds(5);
// Clients that interleave their actions: each one's last is remembered, up to so many.
constexpr std::size_t flights_kept = 4;
// A start is put down to an action that ended not longer ago than this: clouds boot slowly.
constexpr Duration blame_window = std::chrono::minutes(5);
// A second sign of the same start (a reset's end, then a look that saw it) comes within this.
constexpr Duration same_start_window = std::chrono::seconds(60);
constexpr Duration refresh_max = std::chrono::seconds(10);
// How much of the power-on hours a crash may cost.
constexpr Duration save_interval = std::chrono::minutes(15);

constexpr bool starts_machine(PowerAction action) noexcept {
    return action == PowerAction::on || action == PowerAction::cycle ||
           action == PowerAction::reset;
}

constexpr bool is_idempotent(PowerAction action) noexcept {
    return action == PowerAction::on || action == PowerAction::off;
}

} // namespace

Freshness Power::freshness(const Config& config, Mono now) const noexcept {
    if (!seen_at_ || !is_settled(state_)) {
        return Freshness::stale;
    }
    if (config.capabilities.pushes_power && reachable_) {
        return Freshness::fresh;
    }
    const Duration age = now - *seen_at_;
    if (age <= config.fresh_for && *seen_at_ >= acted_at_) {
        return Freshness::fresh;
    }
    return age <= config.stale_after ? Freshness::usable : Freshness::stale;
}

PowerChange Power::observe(Now now, const PowerSeen& seen) {
    PowerChange change;
    seen_at_ = now.mono;
    reachable_ = true;
    count_time(now.mono, seen.state);
    state_ = seen.state;
    if (!is_settled(seen.state)) {
        return change;
    }
    // Compared with what was last known, also by an earlier process: it changed while nobody
    // looked.
    const PowerState before = std::exchange(last_kept_, seen.state);
    change.to_keep = before != seen.state;
    change.turned_on = before == PowerState::off && seen.state == PowerState::on;
    change.turned_off = before == PowerState::on && seen.state == PowerState::off;
    const bool restarted = seen.restarted && seen.state == PowerState::on;
    if ((change.turned_on || restarted) && note_start(now.mono)) {
        change.started = true;
        change.cause = restart_cause_;
        change.channel = restart_channel_;
    }
    if (change.turned_on) {
        on_by_ipmi_ = restart_cause_ == RestartCause::chassis_control;
    }
    if (change.turned_on || change.turned_off) {
        control_fault_ = false;
    }
    if (std::exchange(restore_pending_, false) && seen.state == PowerState::off) {
        if (policy == RestorePolicy::always_on) {
            change.restore = RestartCause::policy_always_on;
        } else if (policy == RestorePolicy::previous && before == PowerState::on) {
            change.restore = RestartCause::policy_restore_previous;
        }
    }
    return change;
}

/// Whom to put a start down to. False when it is another sign of one that was counted.
bool Power::note_start(Mono now) noexcept {
    const bool recent = flight_.ticket != 0 && starts_machine(flight_.action) &&
                        (in_flight(now) || now - flight_.ended_at <= blame_window);
    if (!recent) {
        restart_cause_ = RestartCause::unknown;
        restart_channel_ = 0;
        return true;
    }
    if (flight_.started) {
        if (in_flight(now) || now - flight_.ended_at <= same_start_window) {
            return false;
        }
        restart_cause_ = RestartCause::unknown;
        restart_channel_ = 0;
        return true;
    }
    flight_.started = true;
    restart_cause_ = flight_.cause;
    restart_channel_ = flight_.channel;
    return true;
}

bool Power::in_flight(Mono now) const noexcept {
    return !flight_.ended && now - flight_.since <= flight_max;
}

/// This session had this action accepted a moment ago, or is about to.
bool Power::accepted_from(const Flight& flight, Mono now, PowerAction action, u32 session)
    const noexcept {
    if (is_idempotent(action) || session == 0 || flight.session != session ||
        flight.action != action) {
        return false;
    }
    const Mono heard_of = std::max(flight.ended_at, flight.repeated_at);
    return flight.ended ? flight.accepted && now - heard_of <= repeat_window
                        : now - flight.since <= flight_max;
}

void Power::note_repeat(Mono now, PowerAction action, u32 session) noexcept {
    if (accepted_from(flight_, now, action, session)) {
        flight_.repeated_at = now;
    }
    for (Flight& flight : before_) {
        if (accepted_from(flight, now, action, session)) {
            flight.repeated_at = now;
        }
    }
}

bool Power::is_repeat(Mono now, PowerAction action, u32 session) const noexcept {
    if (flight_.ticket != 0 && flight_.action == action && in_flight(now)) {
        return true;
    }
    return accepted_from(flight_, now, action, session) ||
           std::any_of(before_.begin(), before_.end(), [&](const Flight& flight) {
               return accepted_from(flight, now, action, session);
           });
}

void Power::begin(
    Now now, PowerAction action, RestartCause cause, Ticket ticket, u32 session, u8 channel
) {
    if (flight_.session != 0 && !is_idempotent(flight_.action)) {
        if (before_.size() >= flights_kept) {
            before_.erase(before_.begin());
        }
        before_.push_back(flight_);
    }
    flight_ = Flight{
        .action = action,
        .cause = cause,
        .channel = channel,
        .ended = false,
        .accepted = false,
        .started = false,
        .ticket = ticket,
        .session = session,
        .since = now.mono,
        .ended_at = now.mono,
        .repeated_at = now.mono};
    acted_at_ = now.mono;
}

PowerEnd Power::end(Now now, const Done& done) noexcept {
    PowerEnd result;
    if (done.ticket == refresh_) {
        refresh_ = 0;
    }
    for (Flight& flight : before_) {
        if (done.ticket != 0 && flight.ticket == done.ticket && !flight.ended) {
            flight.ended = true;
            flight.ended_at = now.mono;
            flight.accepted = done.outcome == Outcome::ok;
        }
    }
    if (done.ticket == 0 || done.ticket != flight_.ticket || flight_.ended) {
        return result;
    }
    flight_.ended = true;
    flight_.ended_at = now.mono;
    flight_.accepted = done.outcome == Outcome::ok;
    acted_at_ = now.mono;
    result.mine = true;
    result.action = flight_.action;
    result.cause = flight_.cause;
    result.channel = flight_.channel;
    if (flight_.accepted && flight_.action == PowerAction::reset && !flight_.started) {
        flight_.started = true;
        restart_cause_ = flight_.cause;
        restart_channel_ = flight_.channel;
        result.started = true;
    }
    return result;
}

Ticket Power::refresh_under_way(Mono now) const noexcept {
    return refresh_ != 0 && now - refresh_since_ <= refresh_max ? refresh_ : 0;
}

void Power::begin_refresh(Mono now, Ticket ticket) noexcept {
    refresh_ = ticket;
    refresh_since_ = now;
}

void Power::count_time(Mono now, PowerState next) noexcept {
    if (on_since_ != never) {
        time_on_ += std::max(now - on_since_, Duration::zero());
        on_since_ = never;
    }
    if (next == PowerState::on) {
        on_since_ = now;
        if (save_at_ == never) {
            save_at_ = now + save_interval;
        }
    } else {
        save_at_ = never;
    }
}

Duration Power::time_on(Mono now) const noexcept {
    return on_since_ == never ? time_on_ : time_on_ + std::max(now - on_since_, Duration::zero());
}

bool Power::on_deadline(Now now) noexcept {
    if (save_at_ == never || now.mono < save_at_) {
        return false;
    }
    save_at_ = now.mono + save_interval;
    return true;
}

struct Power::Kept {
    static constexpr u8 version = 1;
    RestorePolicy policy{};
    u8 disabled_buttons = 0;
    u8 cycle_interval_s = 0;
    ChassisCapabilities capabilities;
    PowerState last{};
    RestartCause restart_cause{};
    u8 restart_channel = 0;
    bool on_by_ipmi = false;
    bool control_fault = false;
    u32 seconds_on = 0;

    static void fields(auto& c, auto& r) {
        c.byte(r.policy);
        c.byte(r.disabled_buttons);
        c.byte(r.cycle_interval_s);
        c.nested(r.capabilities);
        c.byte(r.last);
        c.byte(r.restart_cause);
        c.byte(r.restart_channel);
        c.bits(bit<1>(r.on_by_ipmi), bit<1>(r.control_fault), gap<6>);
        c.dword(r.seconds_on);
    }
};

void Power::save(std::vector<u8>& out, Mono now) const {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time_on(now)).count();
    append_record(
        out,
        Kept::version,
        Kept{
            .policy = policy,
            .disabled_buttons = disabled_buttons,
            .cycle_interval_s = cycle_interval_s,
            .capabilities = capabilities,
            .last = last_kept_,
            .restart_cause = restart_cause_,
            .restart_channel = restart_channel_,
            .on_by_ipmi = on_by_ipmi_,
            .control_fault = control_fault_,
            .seconds_on = static_cast<u32>(seconds)}
    );
}

bool Power::load(Bytes saved) {
    const auto kept = read_record<Kept>(saved, Kept::version);
    if (!kept || kept->policy > RestorePolicy::always_on || kept->last > PowerState::on ||
        kept->restart_cause > RestartCause::rtc) {
        return false;
    }
    policy = kept->policy;
    disabled_buttons = kept->disabled_buttons;
    cycle_interval_s = kept->cycle_interval_s;
    capabilities = kept->capabilities;
    last_kept_ = kept->last;
    restart_cause_ = kept->restart_cause;
    restart_channel_ = kept->restart_channel;
    on_by_ipmi_ = kept->on_by_ipmi;
    control_fault_ = kept->control_fault;
    time_on_ = std::chrono::seconds(kept->seconds_on);
    return true;
}

} // namespace vbmc::bmc
