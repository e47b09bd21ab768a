#pragma once
// A machine and whoever looks after it: takes a node's intents, carries them out late, badly or not
// at all, and tells what it sees. One power action at a time, in order; looks go beside them.

#include "bmc/intent.h"
#include "bmc/observation.h"
#include "sim/marks.h"
#include "sim/timeline.h"

#include <deque>
#include <string>

namespace vbmc::sim {

/// How the backend behaves for a while. Chances in percent.
struct Mood {
    Duration latency_min = std::chrono::milliseconds(1);
    Duration latency_max = std::chrono::milliseconds(50);
    Duration follow_max = std::chrono::milliseconds(500);
    unsigned fails = 0;
    unsigned silent = 0; // does not answer at all
};

class Machine {
  public:
    using Tell = std::function<void(const bmc::Observation&)>;

    Machine(Timeline& timeline, Random& random, Marks& marks, bool pushes, Tell tell);

    void submit(const bmc::Intent& intent);

    /// The daemon that looked after it ended: nobody waits for what is under way.
    void abandon();

    /// Somebody pressed the power button.
    void press();

    void look();

    bool on() const noexcept { return on_; }

    bool busy() const noexcept { return busy_ || !jobs_.empty(); }

    bool reachable() const noexcept { return reachable_; }

    /// What was typed and printed since the console was opened.
    const std::string& typed() const noexcept { return typed_; }

    const std::string& printed() const noexcept { return printed_; }

    Mood mood;

  private:
    void later(Duration wait, void (Machine::*what)());
    void begin_next();
    void call_ends();
    void follow(bool on);
    void turn(bool on, bool restarted);
    void release();
    void refresh(bmc::Ticket ticket);
    void type(const std::vector<u8>& characters);
    void print(const std::string& text);

    Timeline& timeline_;
    Random& random_;
    Marks& marks_;
    const bool pushes_;
    Tell tell_;
    std::deque<bmc::SetPower> jobs_;
    bool busy_ = false;
    bool on_ = false;
    bool reachable_ = true;
    bool armed_ = false; // a one-time boot device
    bool console_ = false;
    u64 epoch_ = 0;
    u64 lines_ = 0;
    std::string typed_;
    std::string printed_;
};

} // namespace vbmc::sim
