#pragma once
// A node on its shard: the virtual BMC, its endpoint, its drivers and its worker. Exists for every
// registered node; whether the endpoint is bound and the worker runs is up to serve() and halt().
// Made, used and destroyed on its shard's thread; control reaches it through net::run_on() only.

#include "bmc/section.h"
#include "endpoint/virtual_bmc.h"
#include "fleet/console_hub.h"
#include "fleet/node_notes.h"
#include "fleet/node_spec.h"
#include "fleet/numbers.h"
#include "fleet/spec_check.h"
#include "fleet/worker.h"
#include "net/udp_endpoint.h"
#include "store/records.h"

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vbmc::fleet {

class ShardState;

/// What a node is made of; control fills it in.
struct NodeSetup {
    std::string name;
    std::string uid;
    Peer local;
    NodePolicy policy;
    CheckedTargets targets;
    std::vector<store::SectionBlob> sections; // what the model was when it was saved
    std::vector<bmc::User> users;             // of a new node
    bool at_start = false;                    // vbmcd itself starts: the restore policy has its say
};

/// What is seen of a node now.
struct NodeSeen {
    bmc::PowerState power = bmc::PowerState::unknown;
    std::optional<double> power_age_s;
    bmc::BootRequest boot;
    u32 sessions = 0;
    bool kg_set = false;
    u64 packets_in = 0;
    u64 packets_dropped = 0;
    u16 able = 0; // bit by bit in the order of Route
    bool reachable = true;
    std::string last_error;
};

class Node final : public net::DatagramHandler,
                   private WorkerHost,
                   public std::enable_shared_from_this<Node> {
  public:
    /// Fails when a driver cannot be made of its options. Binds nothing. Whoever lets it go last,
    /// it ends on its shard.
    static Result<std::shared_ptr<Node>> make(ShardState& shard, NodeSetup setup);

    /// Whether drivers can be made of these options; makes none that stays.
    static Result<void>
    try_targets(ShardState& shard, const std::string& name, const CheckedTargets& targets);

    ~Node() override;
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    // The endpoint. prepare() binds beside the one that serves, serve() answers on it from now on.

    Result<void> prepare(const Peer& local, const net::UdpOptions& options);
    void serve();

    void forget_prepared() { prepared_.reset(); }

    bool serving() const noexcept { return endpoint_ != nullptr; }

    /// Stops answering: sessions end, the worker gives up, the port is free.
    void halt();

    /// The last call: halt(), and what was not saved yet.
    std::vector<store::SectionBlob> end();

    // Changes. Each is followed by settle().

    void set_policy(const NodePolicy& policy);
    /// New drivers; sessions go on.
    Result<void> set_targets(const CheckedTargets& targets);

    bmc::Bmc& model() noexcept { return bmc_.model(); }

    rmcp::Engine& sessions() noexcept { return bmc_.sessions(); }

    void users_changed() { bmc_.users_changed(); }

    /// Carries out what the model asks for after something changed it.
    void settle();

    /// One section as it is to be saved.
    store::SectionBlob save(bmc::Section section) const;

    NodeSeen seen() const;

    /// Adds what this node is now to what all are.
    void count_into(FleetNumbers& numbers) const;

    const std::string& name() const noexcept { return bmc_.model().config.name; }

    // Power on behalf of the control API: coroutines of the shard.

    net::Awaitable<Result<bmc::PowerState>> set_power(bmc::PowerAction action);
    net::Awaitable<Result<bmc::PowerState>> look();

    /// New readings, when the backend has sensors; waits a little for them.
    net::Awaitable<void> refresh_sensors();

    // The serial console, on behalf of the control API (node_console.cpp).

    /// `sink` is called on the shard.
    Result<ConsoleHub::Joined>
    join_console(ConsoleMode mode, const std::string& who, ConsoleHub::Sink sink);
    void leave_console(u32 id);
    void type_console(u32 id, std::vector<u8> keys);
    void break_console(u32 id);

    // net::DatagramHandler
    std::size_t receive(Now now, const Peer& peer, MutableBytes in, MutableBytes out) override;
    void after_reply(Now now) override;

    /// The shard saves what is dirty now.
    void flush();

  private:
    struct Waiter {
        bmc::Ticket ticket;
        std::function<void(bmc::Outcome)> resume;
    };

    Node(
        ShardState& shard, const NodeSetup& setup, Routes routes, const bmc::Config& config, Now now
    );

    void load(const NodeSetup& setup, Now now);
    void start_worker();
    void stop_worker();
    void end_waiters();
    void on_timer();
    void rearm();
    void drain(Now now);
    void carry_out(endpoint::Output& output);
    void tell(const endpoint::Audit& audit);
    void tell_console(std::string_view what, const std::string& who);
    bool relay_console(const bmc::Intent& intent);
    void watch_console(const bmc::Observation& seen);
    void want_console();
    void let_console_go();
    void note(NodeNote note);
    /// The node's UUID as text; kept as the model's GUID only.
    std::string uid() const;
    void quarantine_if_still_faulty();
    net::Awaitable<bmc::Outcome> wait_for(bmc::Ticket ticket);
    Error refusal(bmc::Outcome outcome) const;

    /// Calls into the model; an exception costs the node its sessions, not the shard its life.
    template <class F>
    void guarded(F&& call) noexcept {
        try {
            call();
        } catch (const std::exception& error) {
            on_fault(error.what());
        } catch (...) {
            on_fault("an exception of unknown type");
        }
    }

    // WorkerHost
    void observe(const bmc::Observation& seen) override;
    void on_backend(bool reachable, const Error* why) override;
    void on_action(bmc::PowerAction action, const Error* why) override;
    void on_trouble(std::string_view what, const Error& why) override;
    void on_console_refused(const Error& why) override;
    void on_look_refused(const Error& why) override;
    Duration cycle_pause() const override;
    void on_fault(const char* what) noexcept override;

    std::shared_ptr<ShardState> shard_;
    endpoint::VirtualBmc bmc_;
    net::Timer timer_; // of the model
    Routes routes_;
    std::shared_ptr<const WorkerLimits> limits_;
    std::shared_ptr<NodeWorker> worker_; // null while halted
    std::unique_ptr<net::UdpEndpoint> endpoint_;
    std::unique_ptr<net::UdpEndpoint> prepared_;
    std::vector<Waiter> waiters_;
    std::unique_ptr<ConsoleHub> console_; // null: nobody ever opened it
    std::string last_error_;
    bmc::Sections dirty_;
    bmc::PowerState told_ = bmc::PowerState::unknown;
    bool dirty_queued_ = false;
    bool draining_ = false;
    bool reachable_ = true;
    u8 faults_ = 0; // in the minute since:
    Mono faults_since_{};
};

} // namespace vbmc::fleet
