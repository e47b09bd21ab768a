#pragma once
// What is wanted of a node (persisted), and what is seen of it (not). Plain data between the store,
// the fleet and the control API.

#include "base/peer.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "bmc/power_types.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::fleet {

/// A machine's way in: a backend kind and its options. Secret options are encrypted at rest.
struct Target {
    std::string name = "main";
    std::string kind;
    std::map<std::string, std::string> options;

    friend bool operator==(const Target&, const Target&) = default;
};

/// What a node accepts from the network.
struct NodePolicy {
    std::vector<u8> cipher_suites = {17, 3}; // preferred first; 0 is refused when set
    bool ipmi15 = false;
    bool hide_users = false;
    std::vector<IpNetwork> allow; // empty: everyone who can reach it
    std::string privilege_max = "administrator";
    double confirm_window_s = 0.7;
    double fresh_for_s = 2.0;
    double stale_after_s = 60.0;

    friend bool operator==(const NodePolicy&, const NodePolicy&) = default;
};

struct NodeSpec {
    std::string
        name; // [a-z0-9][a-z0-9.-]{0,62}; also capitals and _ as virtualbmc's users have them
    std::string uid;  // UUID, given at creation, never changes; the IPMI system GUID
    std::string etag; // changes with every update
    IpAddress address;
    u16 port = 623;
    std::vector<Target> targets;               // at least one
    std::map<std::string, std::string> routes; // capability -> target name; empty: all to the first
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;
    NodePolicy policy;
    bool enabled = true; // wanted state: its endpoint runs
    std::string source;  // that registered it and may retire it; empty: a person
    std::string machine; // the source's own name of it, never changes

    friend bool operator==(const NodeSpec&, const NodeSpec&) = default;
};

/// An IPMI user as the control API sees it.
struct UserSpec {
    u8 id = 0; // 2..; 0: the next free one
    std::string name;
    Secret password; // empty in listings
    std::string privilege = "administrator";
    bool enabled = true;
};

enum class NodeState { stopped, starting, running, stopping, failed, quarantined };

/// "STOPPED", "RUNNING", ...
std::string_view to_string(NodeState state) noexcept;

struct Condition {
    std::string type; // "Bound", "BackendReachable", "Quarantined"
    bool ok = true;
    std::string reason;  // UPPER_SNAKE
    std::string message; // what happened and what to do next
    Wall since{};
};

/// Who does what: the target that a capability goes to, and whether it can.
struct Duty {
    std::string capability;
    std::string target;
    bool able = false;
};

struct NodeStatus {
    NodeState state = NodeState::stopped;
    bmc::PowerState power = bmc::PowerState::unknown;
    std::optional<double> power_age_s; // since the backend confirmed it
    bmc::BootRequest boot;
    u32 sessions = 0;
    u64 packets_in = 0;
    u64 packets_dropped = 0;
    std::string last_error; // of the backend
    std::vector<Condition> conditions;
    std::vector<Duty> duties; // told of one node at a time, not in lists
};

struct NodeView {
    NodeSpec spec;
    NodeStatus status;
};

} // namespace vbmc::fleet
