#include "sim/machine.h"

#include <utility>

namespace vbmc::sim {

using namespace std::chrono_literals;
using bmc::PowerAction;
using bmc::PowerState;

Machine::Machine(Timeline& timeline, Random& random, Marks& marks, bool pushes, Tell tell)
    : timeline_(timeline), random_(random), marks_(marks), pushes_(pushes), tell_(std::move(tell)),
      on_(random.chance(50)) {}

void Machine::later(Duration wait, void (Machine::*what)()) {
    timeline_.after(wait, [this, what, epoch = epoch_] {
        if (epoch == epoch_) {
            (this->*what)();
        }
    });
}

void Machine::submit(const bmc::Intent& intent) {
    if (const auto* power = std::get_if<bmc::SetPower>(&intent)) {
        jobs_.push_back(*power);
        begin_next();
    } else if (const auto* wanted = std::get_if<bmc::RefreshPower>(&intent)) {
        refresh(wanted->ticket);
    } else if (const auto* boot = std::get_if<bmc::SetBoot>(&intent)) {
        armed_ = boot->boot.device != bmc::BootDevice::none && !boot->boot.persistent;
    } else if (std::holds_alternative<bmc::ConsoleOpen>(intent)) {
        typed_.clear();
        printed_.clear();
        console_ = true;
        later(random_.time(1ms, 20ms), &Machine::look);
        timeline_.after(5ms, [this, epoch = epoch_] {
            if (epoch == epoch_ && console_) {
                tell_(bmc::ConsoleOpened{});
                print("login: ");
            }
        });
    } else if (std::holds_alternative<bmc::ConsoleClose>(intent)) {
        console_ = false;
    } else if (const auto* input = std::get_if<bmc::ConsoleInput>(&intent)) {
        type(input->bytes);
    } else if (const auto* raw = std::get_if<bmc::RawCommand>(&intent)) {
        timeline_.after(random_.time(1ms, 1200ms), [this, epoch = epoch_, done = *raw] {
            if (epoch == epoch_) {
                marks_.reach(Mark::raw_answered);
                tell_(bmc::RawDone{done.ticket, 0, done.data});
            }
        });
    }
}

void Machine::type(const std::vector<u8>& characters) {
    typed_.append(characters.begin(), characters.end());
    marks_.reach(Mark::sol_typed);
    timeline_.after(random_.time(1ms, 80ms), [this, epoch = epoch_, n = characters.size()] {
        if (epoch == epoch_ && console_) {
            print("got " + std::to_string(n));
        }
    });
}

/// Each line has a number of its own, so that none can be told twice unseen.
void Machine::print(const std::string& text) {
    const std::string line = "<" + std::to_string(++lines_) + ">" + text + "\r\n";
    printed_ += line;
    tell_(bmc::ConsoleBytes{{line.begin(), line.end()}});
}

void Machine::abandon() {
    ++epoch_;
    jobs_.clear();
    busy_ = false;
    console_ = false;
    reachable_ = true;
}

void Machine::press() {
    turn(!on_, false);
}

void Machine::look() {
    if (random_.chance(mood.silent)) {
        reachable_ = false;
        tell_(bmc::Unreachable{});
        return;
    }
    reachable_ = true;
    tell_(bmc::PowerSeen{on_ ? PowerState::on : PowerState::off, false});
}

void Machine::refresh(bmc::Ticket ticket) {
    const bool silent = random_.chance(mood.silent);
    const Duration latency =
        silent ? Duration(10s) : random_.time(mood.latency_min, mood.latency_max);
    timeline_.after(latency, [this, ticket, silent, epoch = epoch_] {
        if (epoch != epoch_) {
            return;
        }
        reachable_ = !silent;
        if (silent) {
            tell_(bmc::Unreachable{});
            tell_(bmc::Done{ticket, bmc::Outcome::unreachable});
        } else {
            tell_(bmc::PowerSeen{on_ ? PowerState::on : PowerState::off, false});
            tell_(bmc::Done{ticket, bmc::Outcome::ok});
        }
    });
}

void Machine::begin_next() {
    if (busy_ || jobs_.empty()) {
        return;
    }
    busy_ = true;
    later(random_.time(mood.latency_min, mood.latency_max), &Machine::call_ends);
}

void Machine::call_ends() {
    const bmc::SetPower job = jobs_.front();
    jobs_.pop_front();
    bmc::Outcome outcome = bmc::Outcome::ok;
    if (random_.chance(mood.silent)) {
        outcome = bmc::Outcome::unreachable;
    } else if (random_.chance(mood.fails)) {
        outcome = random_.chance(50) ? bmc::Outcome::failed : bmc::Outcome::busy;
    } else if (job.action == PowerAction::reset && !on_) {
        outcome = bmc::Outcome::invalid_state;
    }
    if (outcome == bmc::Outcome::ok) {
        switch (job.action) {
        case PowerAction::off:
        case PowerAction::soft:
            follow(false);
            break;
        case PowerAction::on:
            follow(true);
            break;
        case PowerAction::cycle:
            turn(false, false);
            look();
            follow(true);
            break;
        case PowerAction::reset:
            turn(true, true);
            release();
            break;
        case PowerAction::diag:
            release();
            break;
        }
    } else {
        release();
    }
    tell_(bmc::Done{job.ticket, outcome});
    if (outcome != bmc::Outcome::ok) {
        tell_(bmc::PowerFailed{job.action, outcome});
    }
}

/// The machine does what it was told, a moment later; the next action waits for that.
void Machine::follow(bool on) {
    timeline_.after(random_.time(Duration(0), mood.follow_max), [this, on, epoch = epoch_] {
        turn(on, false);
        if (epoch == epoch_) {
            look();
            release();
        }
    });
}

void Machine::turn(bool on, bool restarted) {
    const bool starts = on && (!on_ || restarted);
    on_ = on;
    if (starts && std::exchange(armed_, false)) {
        marks_.reach(Mark::boot_taken);
        tell_(bmc::BootTaken{});
    }
    if (pushes_) {
        look();
    }
}

void Machine::release() {
    busy_ = false;
    begin_next();
}

} // namespace vbmc::sim
