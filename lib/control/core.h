#pragma once
// What all services share. Owned by ControlServer; lives on the control thread, and gRPC's threads
// only carry its address to there.

#include "control/config.h"
#include "control/roles.h"
#include "control/signal.h"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace vbmc::fleet {
class Sources;
}

namespace vbmc::control {

/// A call that was begun. When the daemon stops, streams hurry; what has not ended after the grace
/// time is abandoned: its client is answered, and its coroutine goes on alone, if at all.
class InFlight {
  public:
    virtual void hurry() = 0;
    virtual void abandon() = 0;

  protected:
    ~InFlight() = default;
};

/// Owned together by the server and by every coroutine: an abandoned one may outlive the server.
struct Core : std::enable_shared_from_this<Core> {
    Core(
        boost::asio::io_context& control_,
        fleet::Fleet& fleet_,
        fleet::Sources* sources_,
        ControlConfig config_,
        RoleMap roles_
    )
        : control(control_), fleet(fleet_), sources(sources_), config(std::move(config_)),
          roles(std::move(roles_)) {}

    boost::asio::io_context& control;
    fleet::Fleet& fleet;
    fleet::Sources* sources; // null: there are none
    ControlConfig config;
    RoleMap roles;
    ServerFacts facts;
    std::vector<std::string> listeners;
    long long up_since_s = 0; // on gRPC's monotonic clock
    std::set<InFlight*> calls;
    u32 streams = 0; // of them
    bool stopping = false;
};

/// A call's place in Core::calls.
class Seat {
  public:
    Seat(Core& core, InFlight& call, bool is_stream)
        : core_(core), call_(call), streams_(is_stream ? 1 : 0) {
        core_.calls.insert(&call_);
        core_.streams += streams_;
    }

    ~Seat() {
        core_.calls.erase(&call_);
        core_.streams -= streams_;
    }

    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

  private:
    Core& core_;
    InFlight& call_;
    u32 streams_;
};

/// Who did what to which node, and how it ended: one log line.
void audit(
    const Caller& caller, std::string_view what, const std::string& node, const Result<void>& done
);

} // namespace vbmc::control
