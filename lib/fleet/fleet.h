#pragma once
// The supervisor: owns every node, compares what is wanted with what runs, and closes the gap.
// Lives on the control thread; all calls are made there and are coroutines of its io_context. Order
// of every change: validate -> persist -> apply -> answer.

#include "backend/driver.h"
#include "fleet/console_hub.h"
#include "fleet/event.h"
#include "fleet/node_spec.h"
#include "fleet/numbers.h"

#include <functional>
#include <memory>

namespace vbmc::store {
class Store;
}

namespace vbmc::net {
class ShardPool;
}

namespace vbmc::fleet {

using backend::Awaitable;

/// Address pools and limits from vbmcd.yaml.
struct FleetConfig {
    std::vector<IpNetwork> address_pool; // for --address auto; host addresses, in order
    IpAddress default_address = IpAddress::v4(127, 0, 0, 1); // when none is given
    u16 port_first = 6230;                                   // for --port auto
    u16 port_last = 65535;
    u32 nodes_max = 100'000;
    double poll_interval_s = 30.0; // of power state where a backend does not push; spread evenly
    double sensor_poll_s = 60.0;   // of sensors, so that thresholds are noticed; 0: only when read
    int receive_buffer_bytes = 0;  // of every endpoint; 0: the system's default
    bool freebind = false;         // bind addresses that the machine does not have (yet)
    std::shared_ptr<const backend::CredentialRules> credentials; // null: the defaults
};

struct CreateRequest {
    NodeSpec spec;               // uid and etag empty; an empty address means the default one
    bool address_auto = false;   // from the pool
    bool any_address = false;    // `::` is meant, not the default
    bool port_auto = false;      // the first free one; 623 on an address of the node's own
    std::vector<UserSpec> users; // none: "admin" with a random password
    bool validate_only = false;
    std::string who = "vbmcd"; // asks for it, as events tell
};

struct CreateResult {
    NodeView node;
    Secret generated_password; // empty unless one was made up; never shown again
};

/// Which fields of `spec` an update carries: paths as in the API ("labels", "address", "policy",
/// ...).
struct UpdateRequest {
    NodeSpec spec; // spec.name selects; a non-empty etag must match
    std::vector<std::string> fields;
    bool validate_only = false;
    std::string who = "vbmcd"; // asks for it, as events tell
};

/// A part of the nodes, in name order.
struct NodeQuery {
    std::string after; // begins behind this name
    std::size_t limit = 0;
    std::function<bool(const NodeView&)> wanted; // null: every node
};

struct NodePage {
    std::vector<NodeView> nodes;
    std::size_t total = 0;  // that are wanted, on all pages
    std::string next_after; // where the next page begins; empty: this is the last
};

struct SessionView {
    u32 id;
    std::string user;
    std::string privilege;
    Peer peer;
    u8 cipher_suite;
    double idle_s;
};

struct SensorView {
    u8 number;
    std::string name;
    std::string type;
    std::string unit;
    std::optional<double> value; // analog
    std::string state;           // discrete text, or "ok", "nc", "cr", "nr"
};

struct SelView {
    u16 id;
    Wall when;
    std::string sensor;
    std::string event; // as people read it
    ByteArray<16> raw;
};

struct SelInfo {
    std::vector<SelView> entries;
    u16 capacity;
};

/// What a backend's options led to.
struct BackendTested {
    bmc::PowerState power = bmc::PowerState::unknown;
    std::string host;                      // that its calls go to; empty: this process
    std::vector<std::string> capabilities; // as routes name them
};

/// An attached console. Ends with it.
class ConsoleLine {
  public:
    virtual ~ConsoleLine() = default;
    virtual void type(std::vector<u8> keys) = 0; // nothing happens unless it may
    virtual void send_break() = 0;
};

struct ConsoleOpening {
    ConsoleHub::Joined joined;
    std::unique_ptr<ConsoleLine> line;
};

class Fleet {
  public:
    Fleet(
        FleetConfig config,
        boost::asio::io_context& control,
        net::ShardPool& shards,
        store::Store& store
    );
    ~Fleet();

    /// Loads every node from the store and starts those that are enabled. Fails only when the store
    /// cannot be trusted; a node that cannot start is a condition of that node.
    Awaitable<Result<void>> start();

    /// Stops every endpoint, saves what is dirty.
    Awaitable<void> stop();

    /// What secrets may refer to from now on (never null), also those of nodes that are there.
    Awaitable<void> set_credentials(std::shared_ptr<const backend::CredentialRules> rules);

    Awaitable<Result<CreateResult>> create(CreateRequest request);
    Awaitable<Result<NodeView>> update(UpdateRequest request);
    Awaitable<Result<void>> remove(std::string name, std::string etag, std::string who = "vbmcd");

    /// Sets the wanted state; returns when the endpoint answers (or is gone), or with why it
    /// cannot.
    Awaitable<Result<NodeView>>
    set_enabled(std::string name, bool enabled, std::string who = "vbmcd");
    Awaitable<Result<NodeView>> restart(std::string name);

    Awaitable<Result<NodeView>> get(std::string name);

    /// All nodes in name order, with their status.
    Awaitable<std::vector<NodeView>> list();
    /// Costs what the page does, unless some nodes only are wanted.
    Awaitable<NodePage> list_page(NodeQuery query);

    /// Performs the action as Chassis Control would; returns when the backend accepted or refused.
    Awaitable<Result<bmc::PowerState>>
    set_power(std::string name, bmc::PowerAction action, std::string who);
    /// Asks the backend now.
    Awaitable<Result<bmc::PowerState>> get_power(std::string name);
    Awaitable<Result<void>> set_boot(std::string name, bmc::BootRequest boot, std::string who);

    Awaitable<Result<std::vector<SessionView>>> sessions(std::string name);
    Awaitable<Result<void>> close_session(std::string name, u32 id, std::string who);
    Awaitable<Result<SelInfo>> sel(std::string name);
    Awaitable<Result<void>> clear_sel(std::string name, std::string who);
    Awaitable<Result<std::vector<SensorView>>> sensors(std::string name);

    Awaitable<Result<std::vector<UserSpec>>> users(std::string name); // without passwords
    /// Adds, or changes the user of that id or name; an empty password keeps the old one.
    Awaitable<Result<UserSpec>> set_user(std::string name, UserSpec user, std::string who);
    Awaitable<Result<void>> remove_user(std::string name, std::string user, std::string who);
    /// The secrets of a node, for an authorised caller: user passwords, and K_g as a user with id
    /// 0. An empty `who` is vbmcd itself, which compares and lets nothing out: no event is told.
    Awaitable<Result<std::vector<UserSpec>>> secrets(std::string name, std::string who);
    /// Sets (20 bytes at most) or, when empty, clears K_g.
    Awaitable<Result<void>> set_kg(std::string name, Secret kg, std::string who);

    /// Watches, or takes, the serial console. `sink` is called on the control thread until the line
    /// ends.
    Awaitable<Result<ConsoleOpening>> open_console(
        std::string name,
        ConsoleMode mode,
        std::string who,
        std::function<void(const ConsoleNews&)> sink
    );

    /// The machines that a backend offers; registers nothing.
    Awaitable<Result<std::vector<backend::Found>>>
    discover(std::string kind, std::map<std::string, std::string> options);

    /// Gives up what looks for machines now.
    void stop_discovering();

    /// Tries a backend's options without registering anything.
    Awaitable<Result<BackendTested>>
    test_backend(std::string kind, std::map<std::string, std::string> options);

    /// What happens, as it happens. See event.h.
    EventHub& events();

    /// Publishes an event that is also kept.
    void publish(Event event);

    /// What happened, oldest first: at most `max` events of those that are kept, of one node or
    /// (empty) of all, and what is still in memory.
    Awaitable<Result<std::vector<Event>>> history(std::string node, std::size_t max);

    /// Clears who registered a node: it is nobody's from now on.
    Awaitable<Result<void>> disown(std::string name);

    struct Counts {
        u32 nodes, running, failed, stopped;
    };

    Counts counts() const;

    /// Everything that is counted; each shard is asked once.
    Awaitable<FleetNumbers> numbers();

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace vbmc::fleet
