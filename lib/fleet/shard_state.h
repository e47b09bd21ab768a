#pragma once
// What the nodes of one shard share: session pools, gates to backend hosts, the batch of what is to
// be saved, the way to control. Made by the fleet, used on the shard's thread only, and there it
// ends: with the last of the nodes, since a call that was given up may hold one for longer than the
// fleet lives.

#include "backend/driver.h"
#include "fleet/host_gate.h"
#include "fleet/node_notes.h"
#include "fleet/numbers.h"
#include "fleet/worker.h"
#include "net/shard.h"
#include "rmcp/shared.h"

#include <boost/asio/io_context.hpp>

#include <map>
#include <memory>
#include <vector>

namespace vbmc::store {
class Store;
}

namespace vbmc::fleet {

class Node;
struct NodePolicy;

class ShardState : public std::enable_shared_from_this<ShardState> {
  public:
    ShardState(
        net::Shard& shard,
        boost::asio::io_context& control,
        NodeNotes& notes,
        store::Store& store,
        Commons& commons,
        Duration poll_interval,
        Duration sensor_poll
    );
    ~ShardState();

    net::Shard& shard() noexcept { return shard_; }

    rmcp::Shared& sessions() noexcept { return sessions_; }

    HostGates& gates() noexcept { return gates_; }

    store::Store& store() noexcept { return store_; }

    const std::shared_ptr<const NodeWorker::Place>& place() const noexcept { return place_; }

    backend::DriverContext driver_context(std::string node);

    /// Shared by all nodes of the same confirm window.
    std::shared_ptr<const WorkerLimits> limits(double confirm_window_s);

    /// When a node that starts now may look at its machine: one after the other, so that ten
    /// thousand starts are never ten thousand calls at once.
    Mono first_look();

    /// What this shard counted: its nodes and workers write into it.
    FleetNumbers& numbers() noexcept { return numbers_; }

    /// With what the layers below counted.
    FleetNumbers counted() const;

    /// Monitoring may log in and out thousands of times a second: some are told as events, all are
    /// counted.
    bool may_tell_log_in();

    /// Posts to control.
    void tell(NodeNote note);

    /// The node has something to save; soon, together with others.
    void queue_save(std::weak_ptr<Node> node, Duration within);

    /// Posted by the fleet before it ends: notes of later go nowhere.
    void disconnect() noexcept { notes_ = nullptr; }

  private:
    void flush();

    net::Shard& shard_;
    boost::asio::io_context& control_;
    NodeNotes* notes_;
    store::Store& store_;
    Commons& commons_;
    rmcp::Shared sessions_;
    HostGates gates_;
    std::shared_ptr<const NodeWorker::Place> place_;
    net::Timer save_;
    std::vector<std::weak_ptr<Node>> unsaved_;
    std::map<double, std::shared_ptr<const WorkerLimits>> limits_;
    Duration poll_interval_;
    Duration sensor_poll_;
    Mono next_look_{};
    FleetNumbers numbers_;
    Mono log_ins_since_{};
    unsigned log_ins_ = 0;
};

} // namespace vbmc::fleet
