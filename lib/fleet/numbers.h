#pragma once
// What the fleet counts, for metrics. Every shard counts into plain numbers of its own thread;
// Fleet::numbers() lets each shard make a copy and adds the copies up.

#include "base/time.h"
#include "net/udp_endpoint.h"
#include "rmcp/counters.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace vbmc::fleet {

/// Calls of one kind of backend for one purpose.
struct CallNumbers {
    static constexpr std::array<double, 9> bounds_s = {
        0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 10.0, 30.0};

    std::string_view kind; // both live as long as the process
    std::string_view operation;
    u64 silent = 0;  // no answer at all
    u64 refused = 0; // answered, with an error
    double seconds = 0;
    std::array<u64, bounds_s.size() + 1> took{}; // the last: longer than all bounds

    void add(const CallNumbers& other) noexcept;
};

class BackendNumbers {
  public:
    enum class End : u8 { good, refused, silent };

    void count(std::string_view kind, std::string_view operation, Duration took, End end);
    void add(const BackendNumbers& other);

    const std::vector<CallNumbers>& calls() const noexcept { return calls_; }

  private:
    CallNumbers& find(std::string_view kind, std::string_view operation);

    std::vector<CallNumbers> calls_; // a few kinds times a few operations
};

inline constexpr std::size_t power_action_count = 6;

struct FleetNumbers {
    rmcp::Counters ipmi;
    net::UdpCounters udp;
    BackendNumbers backends;
    std::array<u64, power_action_count> power_done{}; // by bmc::PowerAction
    std::array<u64, power_action_count> power_failed{};
    u64 log_ins_not_told = 0; // events left out because there were too many
    u64 faults = 0;

    // Of now.
    std::array<u64, 6> states{};   // by NodeState
    std::array<u64, 4> power{};    // by bmc::PowerState: nodes
    std::array<u64, 6> sessions{}; // by privilege
    u64 consoles = 0;
    u64 parked = 0;      // requests that wait for a backend
    u64 unreachable = 0; // nodes whose backend does not answer
    u64 shards = 0;

    void add(const FleetNumbers& other);
};

} // namespace vbmc::fleet
