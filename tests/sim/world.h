#pragma once
// One seed's world: nodes, machines, consoles, strangers, a control plane, clocks and a network,
// all from the seed. First everything goes wrong; then it stops, and all has to come right.

#include "sim/console.h"

#include <deque>
#include <map>
#include <memory>

namespace vbmc::sim {

class World {
  public:
    World(u64 seed, u64 steps_max, bool trace);

    /// Throws a Violation.
    void run();

    const Marks& marks() const noexcept { return marks_; }

    u64 steps() const noexcept { return timeline_.steps(); }

    u64 datagrams() const noexcept { return datagrams_; }

  private:
    void make_node(std::size_t number);
    void make_consoles(SimNode& node);
    void deliver(const Datagram& datagram);
    void check_pools();
    bool going_wrong() const;

    // Trouble (world_trouble.cpp): each plans its own next time.
    void begin_trouble();
    void every(Duration low, Duration high, void (World::*what)());
    void stranger();
    void flood();
    void replay();
    void mutate();
    void garbage();
    void control_plane();
    void change_user(SimNode& node);
    void change_access(SimNode& node);
    void backend();
    void clocks();
    endpoint::Access some_access();

    // Peace.
    void make_peace();
    void run_for(Duration time);
    void expect_silence(const char* when);
    void expect_logins();

    SimNode& some_node() { return *random_.pick(nodes_); }

    Random random_;
    const u64 steps_max_;
    const bool trace_;
    Timeline timeline_;
    Marks marks_;
    test::SeededEntropy entropy_;
    rmcp::Shared shared_;
    crypto::Toolbox tools_; // the clients'
    Judge judge_;
    Network network_;
    std::deque<Login> logins_;
    std::deque<Op> ops_;
    std::vector<std::unique_ptr<SimNode>> nodes_;
    std::vector<std::unique_ptr<Console>> consoles_;
    std::vector<std::vector<Account>> accounts_; // by node
    std::map<Peer, SimNode*> node_at_;
    std::map<Peer, Console*> console_at_;
    std::vector<u8> bmc_key_;
    Mono trouble_ends_{};
    bool peace_ = false;
    u64 datagrams_ = 0;
};

} // namespace vbmc::sim
