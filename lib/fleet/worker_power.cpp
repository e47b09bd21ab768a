// The worker's power actions: which comes first, how often one is tried, and when it is done.
//
//     off    turn_off, await_off             on     turn_on, await_on
//     cycle  turn_off, await_off, turn_on, await_on
//     soft   press, await_off                reset, diag  press

#include "fleet/worker.h"

#include <algorithm>
#include <utility>

namespace vbmc::fleet {

using bmc::Outcome;
using bmc::PowerAction;
using bmc::PowerState;

namespace {

constexpr Duration first_gap = std::chrono::milliseconds(100);
constexpr Duration soft_gap_max = std::chrono::minutes(1);

constexpr Route route_of(PowerAction action) noexcept {
    if (action == PowerAction::soft) {
        return Route::soft;
    }
    if (action == PowerAction::reset) {
        return Route::reset;
    }
    return action == PowerAction::diag ? Route::nmi : Route::power;
}

/// An action that can be sent again when nobody knows whether it arrived.
constexpr bool may_repeat(PowerAction sent) noexcept {
    return sent == PowerAction::on || sent == PowerAction::off || sent == PowerAction::soft;
}

} // namespace

std::unique_ptr<NodeWorker::Job> NodeWorker::make_job(const bmc::SetPower& wish) const {
    auto job = std::make_unique<Job>();
    job->action = wish.action;
    job->asked_at = now();
    job->act_at = job->asked_at;
    switch (wish.action) {
    case PowerAction::off:
    case PowerAction::cycle:
        job->stage = Stage::turn_off;
        break;
    case PowerAction::on:
        job->stage = Stage::turn_on;
        break;
    case PowerAction::reset: // some take up a boot device only from a cold start
        job->stage = boot_is_pending() || must_restore() ? Stage::turn_off : Stage::press;
        break;
    case PowerAction::diag:
    case PowerAction::soft:
        job->stage = Stage::press;
        break;
    }
    if (wish.ticket != 0) {
        job->tickets.push_back(wish.ticket);
    }
    return job;
}

/// True when a reset alone would leave the machine with another boot device than it was told.
bool NodeWorker::boot_is_pending() const {
    const auto& driver = routes_.to(Route::boot);
    const bool armed = once_.device != bmc::BootDevice::none || tell_boot_;
    return driver->boot_is_stale() || (armed && driver->boot_needs_power_cycle());
}

/// True when a one-time choice is used up but still stands in the backend.
bool NodeWorker::must_restore() const {
    return restore_at_ != never && routes_.to(Route::boot)->boot_needs_power_cycle();
}

/// True when `job`'s end is what `action` asks for.
bool NodeWorker::joins(const Job& job, PowerAction action) noexcept {
    if (job.action == action) {
        return true;
    }
    return job.action == PowerAction::cycle &&
           (action == PowerAction::on || action == PowerAction::reset);
}

/// True when `action` has to wait for `job` rather than replace it.
bool NodeWorker::must_wait(const Job& job, PowerAction action) noexcept {
    if (job.in_call) {
        return true;
    }
    switch (job.stage) {
    case Stage::turn_off:
    case Stage::await_off:
        // A start behind a stop waits until off was seen. A hard action does not wait for a guest.
        if (job.action == PowerAction::soft) {
            return action == PowerAction::on;
        }
        return !(job.action == PowerAction::cycle && action == PowerAction::off);
    case Stage::turn_on:
        return action != PowerAction::off && action != PowerAction::soft;
    case Stage::press: // a soft off that is told again
        return job.action == PowerAction::soft && job.presses > 0 && action == PowerAction::on;
    case Stage::await_on:
        return false;
    }
    return false;
}

void NodeWorker::want(const bmc::SetPower& wish) {
    if (job_ && joins(*job_, wish.action)) {
        if (next_ && !joins(*next_, wish.action)) {
            tell(*next_, Outcome::busy);
            next_.reset();
        }
        join(next_ ? *next_ : *job_, wish.ticket);
        return;
    }
    if (next_ && joins(*next_, wish.action)) {
        join(*next_, wish.ticket);
        return;
    }
    auto job = make_job(wish);
    if (!job_) {
        job_ = std::move(job);
        return;
    }
    if (next_) {
        tell(*next_, Outcome::busy); // a later wish came before it was begun
    }
    next_ = std::move(job);
    cut_short(wish);
    let_next_in();
}

void NodeWorker::join(Job& job, bmc::Ticket ticket) {
    if (ticket == 0) {
        return;
    }
    if (job.told) {
        observe(bmc::Done{ticket, Outcome::ok});
        return;
    }
    job.tickets.push_back(ticket);
}

void NodeWorker::let_next_in() {
    if (job_ && next_ && !must_wait(*job_, next_->action)) {
        if (!job_->told) {
            tell(*job_, job_->accepted ? Outcome::ok : Outcome::busy);
        }
        end_job();
    }
}

PowerAction NodeWorker::to_send(const Job& job) noexcept {
    return job.stage == Stage::turn_off  ? PowerAction::off
           : job.stage == Stage::turn_on ? PowerAction::on
                                         : job.action;
}

u32 NodeWorker::targets_of_act() const {
    const PowerAction action = to_send(*job_);
    const bool starts = action == PowerAction::on || action == PowerAction::reset;
    return bit_of(route_of(action)) | (starts ? bit_of(Route::boot) : 0);
}

/// A hard off does not wait for a target that is still being asked for a soft one.
void NodeWorker::cut_short(const bmc::SetPower& wish) {
    const bool other_target = bit_of(Route::soft) != bit_of(Route::power);
    if (job_->in_call && job_->action == PowerAction::soft && wish.action == PowerAction::off &&
        other_target) {
        if (const auto cancel = lane_of(Task::act).cancel) {
            cancel();
        }
    }
}

net::Awaitable<void> NodeWorker::act() {
    job_->in_call = true;
    const Stage stage = job_->stage;
    const PowerAction action = to_send(*job_);
    Result<void> result;
    const bool off_in_between = stage == Stage::turn_off && job_->action != PowerAction::off;
    if (off_in_between && !routes_.to(Route::power)->tells_power()) {
        result =
            Error(ErrorCode::unsupported, "this backend does not tell when the machine is off");
    } else if (off_in_between && power_ == PowerState::off) { // cycle and reset need a machine that
                                                              // runs (IPMI 2.0 §28.3)
        result = Error(ErrorCode::failed_precondition, "the machine is off");
    }
    if (action == PowerAction::on || action == PowerAction::reset) {
        result = co_await prepare_boot();
    }
    if (host_ != nullptr && result.has_value()) {
        const auto driver = routes_.to(route_of(action));
        auto make = [action](backend::Driver& d, Mono deadline) {
            return d.set_power(action, deadline);
        };
        result = co_await call<void>(Task::act, driver, limits_->call_limit, make);
    }
    if (host_ == nullptr) {
        co_return;
    }
    job_->in_call = false;
    if (result.has_value()) {
        accepted();
    } else {
        refused(result.error());
    }
    let_next_in();
}

void NodeWorker::accepted() {
    Job& job = *job_;
    job.tries = 0;
    job.accepted = true;
    const bool simple = job.action == PowerAction::on || job.action == PowerAction::off;
    if (simple && !job.told) { // a quick machine has followed before the client hears of it
        job.tell_at = job.asked_at + limits_->confirm_window;
    } else if (!job.told) {
        tell(job, Outcome::ok);
    }
    const bool follows = job.stage != Stage::press || job.action == PowerAction::soft;
    if (follows && !routes_.to(Route::power)->tells_power()) { // nobody could see it
        if (!job.told) {
            tell(job, Outcome::ok);
        }
        host_->on_action(job.action, nullptr);
        end_job();
        return;
    }
    switch (job.stage) {
    case Stage::turn_off:
        await(Stage::await_off, follow_limit());
        return;
    case Stage::turn_on:
        await(Stage::await_on, follow_limit());
        return;
    case Stage::press:
        if (job.action == PowerAction::soft) {
            await_soft(job);
            return;
        }
        if (job.action == PowerAction::reset) {
            start_seen();
            look_at_ = now();
        }
        host_->on_action(job.action, nullptr);
        end_job();
        return;
    case Stage::await_off:
    case Stage::await_on:
        return;
    }
}

Duration NodeWorker::follow_limit() const {
    return std::max(limits_->follow_limit, routes_.to(Route::power)->follow_limit());
}

/// The backend took it; whether the machine follows is a matter of looking.
void NodeWorker::await(Stage stage, Duration limit) {
    job_->stage = stage;
    job_->give_up = now() + limit;
    job_->gap = first_gap;
    look_at_ = now();
}

/// A guest that was still booting, or asked somebody first, is told again; how long it may take in
/// all does not change by that.
void NodeWorker::await_soft(Job& job) {
    const Mono give_up = job.give_up;
    await(Stage::await_off, limits_->soft_limit);
    if (job.presses > 0) {
        job.give_up = give_up;
    }
    const Duration after = routes_.to(Route::soft)->soft_again_after();
    if (after > Duration::zero()) {
        job.press_again =
            now() + std::min(after * (1U << std::min<u8>(job.presses, 8)), soft_gap_max);
    }
    job.presses = static_cast<u8>(std::min(job.presses + 1, 100));
}

void NodeWorker::refused(const Error& why) {
    Job& job = *job_;
    if (job.action == PowerAction::soft && job.presses > 0) {
        await_soft(job); // it was told once; whether it follows is seen
        return;
    }
    const Outcome outcome = outcome_of(why);
    const PowerAction sent = to_send(job);
    const bool back_on = job.stage == Stage::turn_on && job.action != PowerAction::on;
    const u8 tries_max = back_on ? limits_->tries_back_on : limits_->tries;
    const bool passing = outcome == Outcome::unreachable || outcome == Outcome::busy;
    if (passing && may_repeat(sent) && ++job.tries < tries_max) {
        job.act_at = now() + backoff(job.tries);
        return;
    }
    fail(why, outcome);
}

/// Ends the job. A client that was told "accepted" learns of it as an event.
void NodeWorker::fail(const Error& why, Outcome outcome) {
    Job& job = *job_;
    const bool late =
        job.told || job.tickets.empty() || now() - job.asked_at >= limits_->confirm_window;
    host_->on_action(job.action, &why);
    if (!job.told) {
        tell(job, outcome);
    }
    // What only the machine's state forbids is the client's own affair when it was told in time.
    if (late || outcome != Outcome::invalid_state) {
        observe(bmc::PowerFailed{job.action, outcome});
    }
    end_job();
}

void NodeWorker::end_job() {
    job_ = std::move(next_);
    if (job_) {
        job_->act_at = now();
    }
}

void NodeWorker::check_job(Mono moment) {
    if (job_ && !job_->told && job_->tell_at <= moment) {
        tell(*job_, Outcome::ok);
    }
    if (job_ && job_->stage == Stage::await_off && job_->press_again <= moment &&
        moment < job_->give_up) {
        if (job_->presses == 1) {
            const auto seconds =
                std::chrono::duration_cast<std::chrono::seconds>(moment - job_->asked_at);
            const Error why(
                ErrorCode::deadline_exceeded,
                "SOFT_OFF_IGNORED",
                "the guest still runs " + std::to_string(seconds.count()) +
                    " s after it was asked to shut down; it is asked again"
            );
            host_->on_trouble("soft power-off", why);
        }
        job_->stage = Stage::press;
        job_->press_again = never;
        job_->act_at = moment;
    }
    if (!job_ || job_->in_call || moment < job_->give_up ||
        (job_->stage != Stage::await_off && job_->stage != Stage::await_on)) {
        return;
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
        job_->action == PowerAction::soft ? limits_->soft_limit : follow_limit()
    );
    const Error why(
        ErrorCode::deadline_exceeded,
        "POWER_NOT_FOLLOWED",
        "the backend took the power action, but the machine was not seen " +
            std::string(job_->stage == Stage::await_off ? "off" : "on") + " within " +
            std::to_string(seconds.count()) + " s"
    );
    fail(why, Outcome::failed);
}

/// Everything that tells of the machine's power comes through here, pushed or looked at.
void NodeWorker::seen(const bmc::PowerSeen& what) {
    const bool started =
        what.restarted || (settled_ == PowerState::off && what.state == PowerState::on);
    power_ = what.state;
    settled_ = bmc::is_settled(power_) ? power_ : settled_;
    observe(what);
    if (host_ == nullptr) {
        return;
    }
    if (started && what.restarted && boot_is_pending()) { // an action under way goes on instead
        if (!job_) {
            follow_own_reset();
        }
    } else if (started) {
        start_seen();
    }
    if (started && console_ && !console_->stream) {
        console_->open_at = now();
    }
    follow();
}

/// The guest reset itself while another boot device was ordered for its next start, which a reset
/// does not take up: as if the reset had been asked for here.
void NodeWorker::follow_own_reset() {
    const bmc::SetPower wish{PowerAction::reset, bmc::RestartCause::soft_reset, 0};
    job_ = make_job(wish);
}

void NodeWorker::follow() {
    if (!job_) {
        return;
    }
    Job& job = *job_;
    if (job.stage == Stage::await_off && power_ == PowerState::off) {
        if (job.action == PowerAction::cycle || job.action == PowerAction::reset) {
            job.stage = Stage::turn_on;
            job.act_at = now() + host_->cycle_pause();
            let_next_in();
            return;
        }
    } else if (job.stage != Stage::await_on || power_ != PowerState::on) {
        return;
    }
    host_->on_action(job.action, nullptr);
    if (!job.told) {
        tell(job, Outcome::ok);
    }
    end_job();
    schedule_look(true);
}

void NodeWorker::tell(Job& job, Outcome outcome) {
    job.told = true;
    for (const bmc::Ticket ticket : std::exchange(job.tickets, {})) {
        observe(bmc::Done{ticket, outcome});
    }
}

} // namespace vbmc::fleet
