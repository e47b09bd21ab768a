#pragma once
// The inside of Fleet: its nodes as control sees them, and the parts of its work, a file each. All
// of it on the control thread; a Node is reached by run_on() its shard.

#include "fleet/addresses.h"
#include "fleet/fleet.h"
#include "fleet/kept_spec.h"
#include "fleet/node.h"
#include "fleet/node_notes.h"
#include "fleet/shard_state.h"
#include "fleet/turn.h"
#include "net/run_on.h"
#include "net/shard.h"
#include "store/store.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace vbmc::fleet {

/// One registered node.
struct Entry {
    KeptSpec spec;
    u32 shard = 0;
    std::shared_ptr<Node> node; // null: it cannot be made; `why` says so
    std::unique_ptr<const Error> why;
    NodeState state = NodeState::stopped;
    std::vector<Condition> conditions;
    Turn turn; // of who changes it
    bool removed = false;
    unsigned bind_failures = 0;
    Wall bound_since{};
    Mono retry_at = never;
};

using EntryPtr = std::shared_ptr<Entry>;

/// Entries in the order of their names, which never change.
struct ByName {
    using is_transparent = void;

    static Bytes key(const EntryPtr& entry) noexcept { return entry->spec.name_bytes(); }

    static std::string_view key(std::string_view name) noexcept { return name; }

    bool operator()(const auto& a, const auto& b) const noexcept {
        const auto first = key(a);
        const auto second = key(b);
        return std::lexicographical_compare(
            first.begin(),
            first.end(),
            second.begin(),
            second.end(),
            [](auto x, auto y) { return static_cast<u8>(x) < static_cast<u8>(y); }
        );
    }
};

class Fleet::Impl final : public NodeNotes {
  public:
    Impl(
        FleetConfig config,
        boost::asio::io_context& control,
        net::ShardPool& shards,
        store::Store& store
    );
    ~Impl() override;

    // fleet_start.cpp
    Awaitable<Result<void>> start();
    Awaitable<void> stop();

    // fleet_create.cpp
    Awaitable<Result<CreateResult>> create(CreateRequest request);

    // fleet_change.cpp
    Awaitable<void> set_credentials(std::shared_ptr<const backend::CredentialRules> rules);
    Awaitable<Result<NodeView>> update(UpdateRequest request);
    Awaitable<Result<void>> remove(std::string name, std::string etag, std::string who);
    Awaitable<Result<NodeView>> set_enabled(std::string name, bool enabled, std::string who);
    Awaitable<Result<NodeView>> restart(std::string name);

    // fleet_look.cpp
    Awaitable<Result<NodeView>> get(std::string name);
    Awaitable<std::vector<NodeView>> list();
    Awaitable<NodePage> list_page(NodeQuery query);
    Awaitable<Result<std::vector<SessionView>>> sessions(std::string name);
    Awaitable<Result<void>> close_session(std::string name, u32 id, std::string who);
    Awaitable<Result<SelInfo>> sel(std::string name);
    Awaitable<Result<void>> clear_sel(std::string name, std::string who);
    Awaitable<Result<std::vector<SensorView>>> sensors(std::string name);
    Fleet::Counts counts() const;
    Awaitable<FleetNumbers> numbers();

    // fleet_power.cpp
    Awaitable<Result<bmc::PowerState>>
    set_power(std::string name, bmc::PowerAction action, std::string who);
    Awaitable<Result<bmc::PowerState>> get_power(std::string name);
    Awaitable<Result<void>> set_boot(std::string name, bmc::BootRequest boot, std::string who);
    Awaitable<Result<BackendTested>>
    test_backend(std::string kind, std::map<std::string, std::string> options);

    // fleet_console.cpp
    Awaitable<Result<ConsoleOpening>> open_console(
        std::string name,
        ConsoleMode mode,
        std::string who,
        std::function<void(const ConsoleNews&)> sink
    );

    // fleet_discover.cpp
    Awaitable<Result<std::vector<backend::Found>>>
    discover(std::string kind, std::map<std::string, std::string> options);
    void stop_discovering();
    Awaitable<Result<void>> disown(std::string name);

    // fleet_users.cpp
    Awaitable<Result<std::vector<UserSpec>>> users(std::string name, bool with_passwords);
    Awaitable<Result<UserSpec>> set_user(std::string name, UserSpec user, std::string who);
    Awaitable<Result<void>> remove_user(std::string name, std::string user, std::string who);
    Awaitable<Result<std::vector<UserSpec>>> secrets(std::string name, std::string who);
    Awaitable<Result<void>> set_kg(std::string name, Secret kg, std::string who);

    EventHub& events() noexcept { return events_; }

    // fleet_events.cpp
    void on_note(const NodeNote& note) override;
    void publish(Event event, bool keep);
    Awaitable<Result<std::vector<Event>>> history(std::string node, std::size_t max);

  private:
    struct Reservation;
    struct Loaded;

    // Finding and changing entries (fleet.cpp).
    Result<EntryPtr> find(const std::string& name) const;
    /// An entry that has its node, or why it has none.
    static Error why_not(const Entry& entry);
    EntryPtr find_uid(std::string_view uid) const;
    Result<EntryPtr> find_made(const std::string& name) const;
    boost::asio::io_context& home(const Entry& entry);

    ShardState& shard(const Entry& entry) { return *states_[entry.shard]; }

    net::UdpOptions udp_options() const noexcept;
    void set_state(Entry& entry, NodeState state);
    void
    set_condition(Entry& entry, std::string type, bool ok, std::string reason, std::string message);
    Awaitable<NodeView> view(EntryPtr entry);
    NodeView view_of(const Entry& entry, const NodeSeen& seen) const;
    Awaitable<std::vector<NodeSeen>> look_at(std::vector<EntryPtr> entries);
    static std::vector<Duty> duties_of(const NodeSpec& spec, u16 able);
    Awaitable<Result<void>> put(NodeSpec spec, std::vector<store::SectionBlob> sections);
    Awaitable<Result<void>> put_section(EntryPtr entry, bmc::Section section);
    template <class F>
    Awaitable<Result<void>> stored(F start_write);
    template <class F>
    Awaitable<std::invoke_result_t<F&, Node&>> on_node(EntryPtr entry, F function);

    // Starting (fleet_start.cpp).
    Awaitable<Result<void>> load();
    Awaitable<void> start_shard(std::size_t shard, std::vector<Loaded> nodes);
    static void start_one(ShardState& shard, const net::UdpOptions& options, Loaded& loaded);
    EntryPtr adopt(store::StoredNode stored, std::vector<std::vector<Loaded>>& by_shard);
    Awaitable<Result<void>> bring_up(EntryPtr entry);
    Awaitable<void> take_down(EntryPtr entry);
    void bring_up_failed(Entry& entry, const Error& why);
    void brought_up(Entry& entry);
    void arm_retry();
    void arm_retry_at(Mono next);
    Awaitable<void> retry_due();
    Awaitable<void> retry_one(EntryPtr entry);

    // Creating (fleet_create.cpp).
    Result<void> check_new(const CreateRequest& request) const;
    Result<void> settle_spec(CreateRequest& request) const;
    Awaitable<Result<std::shared_ptr<Node>>> make_node(std::size_t shard, NodeSetup setup);
    Awaitable<Result<void>> keep_new(EntryPtr entry);
    Result<void> choose_address(CreateRequest& request) const;
    Result<void> choose_port(CreateRequest& request, u16 after) const;
    Awaitable<Result<void>> bind_new(EntryPtr entry, CreateRequest& request, Reservation& reserved);
    u32 quietest_shard() const;
    void enrol(const EntryPtr& entry);

    // Changing (fleet_change.cpp).
    Result<NodeSpec> changed(const NodeSpec& now, const UpdateRequest& request) const;
    Awaitable<Result<void>> try_change(EntryPtr entry, const NodeSpec& next, bool apply);
    Awaitable<Result<void>> apply_change(EntryPtr entry, NodeSpec before);

    // Telling (fleet_events.cpp).
    void tell(const Entry& entry, Event::Kind kind, std::string who, std::string message);
    void on_audit(Entry& entry, const NodeNote& note);
    bool may_tell_refusal();
    void on_power(Entry& entry, const NodeNote& note);
    void on_action(Entry& entry, const NodeNote& note);
    void on_backend(Entry& entry, const NodeNote& note);
    void on_fault(Entry& entry, const NodeNote& note);
    void on_quarantine(Entry& entry, const NodeNote& note);

    FleetConfig config_;
    boost::asio::io_context& control_;
    boost::asio::executor_work_guard<net::Executor> work_;
    net::ShardPool& shards_;
    store::Store& store_;
    EventHub events_;
    Commons commons_; // ends before the shards do
    SystemEntropy entropy_;
    Addresses addresses_;
    std::vector<std::shared_ptr<ShardState>> states_;
    std::set<EntryPtr, ByName> nodes_;
    std::map<ByteArray<16>, EntryPtr> by_uid_; // UUIDs as bytes: half the size
    std::set<std::string> coming_;             // names that are being created
    std::vector<u32> load_;                    // nodes a shard
    boost::asio::basic_waitable_timer<
        std::chrono::steady_clock,
        boost::asio::wait_traits<std::chrono::steady_clock>,
        net::Executor>
        retry_;
    Mono retry_armed_ = never;
    /// Looks for machines that are under way: a shard, and what gives one up there.
    std::vector<std::pair<std::size_t, std::weak_ptr<std::function<void()>>>> discovering_;
    bool stopping_ = false;
    Mono refusals_since_{};
    unsigned refusals_ = 0;
};

/// Starts a write of the store and comes back to control when it is on the disk or refused.
template <class F>
Awaitable<Result<void>> Fleet::Impl::stored(F start_write) {
    auto executor = control_.get_executor();
    auto start = [executor](auto handler, F write) {
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        auto guard = std::make_shared<decltype(boost::asio::make_work_guard(executor))>(executor);
        write([executor, kept, guard](Result<void> done) {
            boost::asio::post(executor, [kept, guard, done = std::move(done)] {
                std::move (*kept)(std::move(done));
            });
        });
    };
    auto token = net::use_awaitable;
    co_return co_await boost::asio::async_initiate<decltype(token), void(Result<void>)>(
        start, token, std::move(start_write)
    );
}

/// Calls a function with the node on its shard.
template <class F>
Awaitable<std::invoke_result_t<F&, Node&>> Fleet::Impl::on_node(EntryPtr entry, F function) {
    auto call = [node = entry->node, function = std::move(function)]() mutable {
        return function(*node);
    };
    boost::asio::io_context& there = home(*entry);
    if constexpr (std::is_void_v<std::invoke_result_t<F&, Node&>>) {
        co_await net::run_on(there, std::move(call));
    } else {
        co_return co_await net::run_on(there, std::move(call));
    }
}

} // namespace vbmc::fleet
