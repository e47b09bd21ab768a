#pragma once
// The sources of nodes: each looks at its backend from time to time, registers the machines that
// its selector fits, and retires the nodes of those that are gone for longer than its grace. What a
// person made is never touched: a source changes only nodes that carry its name. On the control
// thread; all through the Fleet's public face, so that everything is as if a person had done it.

#include "fleet/fleet.h"
#include "fleet/source_spec.h"
#include "fleet/turn.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::store {
class Store;
}

namespace vbmc::fleet {

/// What of a source is to change; what is absent stays.
struct SourceChange {
    std::optional<bool> paused;
    std::optional<double> interval_s;
    std::optional<double> grace_s;
    std::map<std::string, std::string> options; // an empty value removes
    std::optional<Selector> selector;
    bool look_now = false;
};

class Sources {
  public:
    Sources(
        boost::asio::io_context& control,
        Fleet& fleet,
        store::Store& store,
        std::shared_ptr<const backend::CredentialRules> rules
    );
    ~Sources();
    Sources(const Sources&) = delete;
    Sources& operator=(const Sources&) = delete;

    /// Loads them, and begins to look; after the fleet has started.
    Result<void> start();

    /// Begins no look any more and waits for those under way; before the fleet stops.
    Awaitable<void> stop();

    /// What secrets may refer to from now on.
    void set_credentials(std::shared_ptr<const backend::CredentialRules> rules) {
        rules_ = std::move(rules);
    }

    /// With validate_only: looks once, and tells how many machines fit.
    Awaitable<Result<SourceView>> create(SourceSpec spec, bool validate_only, std::string who);
    Awaitable<Result<SourceView>> update(std::string name, SourceChange change, std::string who);
    /// Its nodes go with it, or stay as if a person had made them.
    Awaitable<Result<void>> remove(std::string name, bool remove_nodes, std::string who);

    Result<SourceView> get(const std::string& name) const;
    std::vector<SourceView> list() const; // in name order

  private:
    struct Entry;
    using EntryPtr = std::shared_ptr<Entry>;
    struct Look;

    Result<EntryPtr> find(const std::string& name) const;
    static SourceView view(const Entry& entry);
    Awaitable<Result<void>> keep(SourceSpec spec);
    Awaitable<std::vector<NodeSpec>> nodes_of(std::string source);
    void
    tell(const Entry& entry, const std::string& who, const std::string& node, std::string message);

    void schedule(Entry& entry, Duration pause);
    void arm();
    void on_time();
    Awaitable<void> look(EntryPtr entry);
    Awaitable<void> look_in_turn(EntryPtr entry);
    Awaitable<void> settle(EntryPtr entry, std::vector<backend::Found> machines);
    Awaitable<void> register_one(EntryPtr entry, backend::Found machine, Look& look);
    Awaitable<void> refresh_one(EntryPtr entry, backend::Found machine, NodeSpec node, Look& look);
    Awaitable<void> retire_gone(EntryPtr entry, Look& look);
    void failed(Entry& entry, const Error& why);
    u32 jitter(const Entry& entry, u32 below);

    using Timer = boost::asio::basic_waitable_timer<
        std::chrono::steady_clock,
        boost::asio::wait_traits<std::chrono::steady_clock>,
        boost::asio::io_context::executor_type>;

    boost::asio::io_context& control_;
    Fleet& fleet_;
    store::Store& store_;
    std::shared_ptr<const backend::CredentialRules> rules_; // never null
    std::map<std::string, EntryPtr> all_;
    Timer timer_;
    Timer ended_; // cancelled whenever a look ends
    u32 looking_ = 0;
    u32 random_ = 1;
    bool stopping_ = false;
};

} // namespace vbmc::fleet
