#include "sim/sim_node.h"

#include <cstdio>

namespace vbmc::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t out_size = 512;

} // namespace

SimNode::SimNode(const Surroundings& around, Setting setting)
    : around_(around), setting_(std::move(setting)),
      machine_(
          around.timeline,
          around.random,
          around.marks,
          setting_.config.capabilities.pushes_power,
          [this](const bmc::Observation& observation) { observe(observation); }
      ) {
    bmc_ = std::make_unique<endpoint::VirtualBmc>(
        setting_.config, setting_.access, around_.shared, around_.timeline.now()
    );
    sessions_allowed_ = setting_.access.sessions_max;
    settle();
}

void SimNode::receive(const Datagram& datagram) {
    Reception what;
    bmc_->sessions().for_each_session([&](const rmcp::SessionInfo& session) {
        what.privileges_before[session.id] = static_cast<bmc::Privilege>(session.privilege);
    });
    std::vector<u8> in = datagram.bytes;
    ByteArray<out_size> out{};
    const u64 dropped = bmc_->dropped();
    const std::size_t n = bmc_->receive(around_.timeline.now(), datagram.from, in, out);
    require(n <= out.size(), "a reply is longer than its room");
    what.taken = bmc_->dropped() == dropped;
    what.reply.assign(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n));
    what.outputs = settle();
    if (around_.trace) {
        trace(datagram, what);
    }
    around_.judge.received(*this, datagram, what);
    around_.judge.check(*this, what.outputs);
    if (n > 0) {
        around_.network.send(address(), datagram.from, std::move(what.reply));
    }
}

void SimNode::trace(const Datagram& datagram, const Reception& what) const {
    std::string text =
        std::to_string(around_.timeline.now().mono.time_since_epoch() / 1us % 1000'000'000'000);
    text += " " + datagram.from.to_string() + " -> node " + std::to_string(number()) + " " +
            around_.judge.describe(datagram.bytes) + (what.taken ? " taken" : " dropped");
    if (!what.reply.empty()) {
        text += ", answered";
    }
    for (const endpoint::Output& output : what.outputs) {
        if (const auto* audit = std::get_if<endpoint::Audit>(&output)) {
            text += ", audit " + std::to_string(static_cast<int>(audit->kind)) + " " + audit->user +
                    " " + audit->detail;
        } else if (const auto* intent = std::get_if<bmc::Intent>(&output)) {
            text += ", intent " + std::to_string(intent->index());
        }
    }
    std::puts(text.c_str());
}

void SimNode::observe(const bmc::Observation& observation) {
    if (const auto* power = std::get_if<bmc::PowerSeen>(&observation)) {
        seen_ = {power->state, around_.timeline.now().mono};
        reachable_ = true;
    } else if (std::holds_alternative<bmc::Unreachable>(observation)) {
        reachable_ = false;
    } else if (const auto* done = std::get_if<bmc::Done>(&observation)) {
        around_.marks.reach(
            done->outcome == bmc::Outcome::ok ? Mark::deferred_confirmed : Mark::deferred_failed
        );
        if (done->outcome != bmc::Outcome::ok) {
            failed_.insert(done->ticket);
        }
    }
    bmc_->observe(around_.timeline.now(), observation);
    around_.judge.check(*this, settle());
}

std::vector<endpoint::Output> SimNode::settle() {
    std::vector<endpoint::Output> all;
    while (auto output = bmc_->poll()) {
        all.push_back(std::move(*output));
    }
    sessions_allowed_ = std::max<std::size_t>(
        setting_.access.sessions_max, std::min(sessions_allowed_, bmc_->sessions().session_count())
    );
    std::vector<endpoint::Output> given = all;
    for (endpoint::Output& output : given) {
        carry_out(output);
    }
    console_was_up_ = bmc_->sol() != nullptr;
    arm();
    return all;
}

void SimNode::carry_out(endpoint::Output& output) {
    if (auto* sent = std::get_if<endpoint::Transmit>(&output)) {
        around_.judge.transmitted(*this, sent->to, sent->bytes);
        around_.network.send(address(), sent->to, std::move(sent->bytes));
    } else if (const auto* intent = std::get_if<bmc::Intent>(&output)) {
        if (const auto* power = std::get_if<bmc::SetPower>(intent)) {
            const bool policy = power->cause == bmc::RestartCause::policy_always_on ||
                                power->cause == bmc::RestartCause::policy_restore_previous;
            if (power->cause == bmc::RestartCause::watchdog) {
                around_.marks.reach(Mark::watchdog_acted);
            } else if (policy) {
                around_.marks.reach(Mark::policy_restored);
            }
        }
        machine_.submit(*intent);
        if (std::holds_alternative<bmc::ConsoleInput>(*intent)) {
            around_.judge.typed(*this);
        }
    } else if (const auto* persist = std::get_if<endpoint::Persist>(&output)) {
        store(persist->sections);
    } else if (const auto* audit = std::get_if<endpoint::Audit>(&output)) {
        note(*audit);
    }
}

void SimNode::note(const endpoint::Audit& audit) {
    using Kind = endpoint::Audit::Kind;
    Marks& marks = around_.marks;
    if (audit.kind == Kind::login_refused) {
        marks.reach(
            audit.detail == "wrong_password" ? Mark::wrong_password_refused : Mark::login_refused
        );
    } else if (audit.kind == Kind::controller_reset) {
        marks.reach(Mark::controller_reset);
    } else if (audit.kind == Kind::logout) {
        if (console_was_up_ && bmc_->sol() == nullptr) {
            marks.reach(Mark::sol_lost_with_session);
        }
        if (audit.detail == "idle") {
            marks.reach(Mark::session_idled_out);
        } else if (audit.detail == "evicted") {
            marks.reach(Mark::session_evicted);
        } else if (audit.detail == "user_changed") {
            marks.reach(Mark::session_ended_by_user_change);
        } else if (audit.detail == "by_command") {
            marks.reach(Mark::session_closed_by_other);
        }
    }
}

void SimNode::arm() {
    const Mono due = bmc_->next_deadline();
    if (due == armed_) {
        return;
    }
    armed_ = due;
    const u64 epoch = ++epoch_;
    if (due != never) {
        around_.timeline.at(due, [this, epoch] {
            if (epoch == epoch_) {
                on_timer();
            }
        });
    }
}

void SimNode::on_timer() {
    armed_ = never;
    const Now now = around_.timeline.now();
    const std::size_t sent = bmc_->parked_count();
    bmc_->on_deadline(now);
    if (bmc_->parked_count() < sent) {
        around_.marks.reach(Mark::deferred_timed_out);
    }
    const std::vector<endpoint::Output> outputs = settle();
    require(bmc_->next_deadline() > now.mono, "a deadline does not come to rest");
    around_.judge.check(*this, outputs);
}

void SimNode::store(bmc::Sections sections) {
    for (u8 i = 0; i < bmc::section_count; ++i) {
        const auto section = static_cast<bmc::Section>(i);
        if (sections.has(section)) {
            disk_[section] = bmc_->save(section, around_.timeline.now());
        }
    }
}

/// Whatever changed was handed out to be stored. The hours counter is, now and then only.
void SimNode::check_stored() {
    endpoint::VirtualBmc fresh(
        setting_.config, setting_.access, around_.shared, around_.timeline.now()
    );
    for (u8 i = 0; i < bmc::section_count; ++i) {
        const auto section = static_cast<bmc::Section>(i);
        const auto stored = disk_.find(section);
        std::vector<u8> was =
            stored == disk_.end() ? fresh.save(section, around_.timeline.now()) : stored->second;
        std::vector<u8> is = bmc_->save(section, around_.timeline.now());
        if (section == bmc::Section::power) {
            constexpr std::size_t hours = 4;
            require(was.size() == is.size() && was.size() > hours, "a section has another size");
            was.resize(was.size() - hours);
            is.resize(is.size() - hours);
        }
        if (was != is) {
            throw Violation("a change was not stored, in section " + std::to_string(i));
        }
    }
}

void SimNode::restart() {
    check_stored();
    around_.marks.reach(Mark::daemon_restarted);
    machine_.abandon();
    ++epoch_;
    armed_ = never;
    seen_.reset();
    failed_.clear();
    bmc_.reset();
    around_.judge.forget_sessions(number());
    bmc_ = std::make_unique<endpoint::VirtualBmc>(
        setting_.config, setting_.access, around_.shared, around_.timeline.now()
    );
    for (const auto& [section, bytes] : disk_) {
        require(
            bmc_->load(section, bytes, around_.timeline.now()), "a stored section cannot be loaded"
        );
    }
    sessions_allowed_ = setting_.access.sessions_max;
    settle();
    machine_.look();
}

void SimNode::put_user(const bmc::User& user) {
    const bmc::User* old = bmc_->model().users.find(user.id);
    const bool another = old != nullptr && (!(old->password == user.password) ||
                                            !equal(old->name.bytes(), user.name.bytes()));
    bmc_->model().users.set(user);
    if (another) {
        bmc_->sessions().close_user(user.id); // whoever knew the old password is out
    }
    bmc_->model().dirty.add(bmc::Section::users);
    bmc_->users_changed();
    around_.judge.check(*this, settle());
}

void SimNode::remove_user(u8 id) {
    bmc_->model().users.remove(id);
    bmc_->sessions().close_user(id);
    bmc_->model().dirty.add(bmc::Section::users);
    bmc_->users_changed();
    around_.judge.check(*this, settle());
}

void SimNode::set_bmc_key(const std::vector<u8>& key) {
    bmc_->model().users.set_kg(bmc::Key20(key));
    bmc_->model().dirty.add(bmc::Section::users);
    bmc_->users_changed();
    around_.judge.check(*this, settle());
}

void SimNode::set_access(const endpoint::Access& access) {
    setting_.access = access;
    bmc_->set_access(access);
    around_.judge.check(*this, settle());
}

void SimNode::close_all() {
    bmc_->close_all();
    around_.judge.check(*this, settle());
}

std::size_t SimNode::count_in_sel(Bytes record) const {
    // Record id and time stamp are the controller's; the rest is as it was asked.
    std::size_t count = 0;
    for (const bmc::Sel::Record& entry : bmc_->model().sel.records()) {
        count += equal(Bytes(entry).subspan(7), record.subspan(7)) ? 1U : 0U;
    }
    return count;
}

} // namespace vbmc::sim
