#pragma once
// What all services share. Owned by ControlServer; lives on the control thread, and gRPC's threads
// only carry its address to there.

#include "control/config.h"
#include "control/roles.h"
#include "control/signal.h"

#include <boost/asio/io_context.hpp>

#include <set>
#include <string>
#include <vector>

namespace vbmc::control {

struct Core {
    Core(
        boost::asio::io_context& control_,
        fleet::Fleet& fleet_,
        ControlConfig config_,
        RoleMap roles_
    )
        : control(control_), fleet(fleet_), config(std::move(config_)), roles(std::move(roles_)) {}

    boost::asio::io_context& control;
    fleet::Fleet& fleet;
    ControlConfig config;
    RoleMap roles;
    ServerFacts facts;
    std::vector<std::string> listeners;
    long long up_since_s = 0;  // on gRPC's monotonic clock
    std::set<Signal*> streams; // woken when the daemon stops
    bool stopping = false;
};

/// A stream's place in Core::streams.
class StreamSeat {
  public:
    StreamSeat(Core& core, Signal& signal) : core_(core), signal_(signal) {
        core_.streams.insert(&signal_);
    }

    ~StreamSeat() { core_.streams.erase(&signal_); }

    StreamSeat(const StreamSeat&) = delete;
    StreamSeat& operator=(const StreamSeat&) = delete;

  private:
    Core& core_;
    Signal& signal_;
};

/// Who did what to which node, and how it ended: one log line.
void audit(
    const Caller& caller, std::string_view what, const std::string& node, const Result<void>& done
);

} // namespace vbmc::control
