#pragma once
// A VirtualBmc with what surrounds it in the daemon: a timer, a store, a machine. Holds up the
// host's side of the contract and shows everything to the judge.

#include "endpoint/virtual_bmc.h"
#include "sim/judge.h"
#include "sim/machine.h"
#include "support/node_maker.h"

namespace vbmc::sim {

class SimNode {
  public:
    struct Setting {
        std::size_t number = 0;
        endpoint::Access access;
        bmc::Config config;
    };

    struct Seen {
        bmc::PowerState state;
        Mono at;
    };

    struct Surroundings {
        Timeline& timeline;
        Random& random;
        Marks& marks;
        Judge& judge;
        Network& network;
        rmcp::Shared& shared;
        bool trace = false; // prints what is received
    };

    SimNode(const Surroundings& around, Setting setting);

    void receive(const Datagram& datagram);
    void observe(const bmc::Observation& observation);

    /// The daemon ends at once and starts again: what was stored is all there is.
    void restart();

    /// The control plane changes users; what it changes, it stores.
    void put_user(const bmc::User& user);
    void remove_user(u8 id);
    void set_bmc_key(const std::vector<u8>& key);
    void set_access(const endpoint::Access& access);
    void close_all();

    endpoint::VirtualBmc& bmc() { return *bmc_; }

    const endpoint::VirtualBmc& bmc() const { return *bmc_; }

    Machine& machine() { return machine_; }

    std::size_t number() const noexcept { return setting_.number; }

    Peer address() const { return setting_.config.address; }

    const std::optional<Seen>& seen() const noexcept { return seen_; }

    bool reachable() const noexcept { return reachable_; }

    std::size_t sessions_allowed() const noexcept { return sessions_allowed_; }

    /// The action with this ticket ended, and not well.
    bool failed(bmc::Ticket ticket) const { return failed_.contains(ticket); }

    std::size_t count_in_sel(Bytes record) const;

  private:
    /// Takes out everything, carries it out, re-arms the timer; what the host does after each call.
    std::vector<endpoint::Output> settle();
    void trace(const Datagram& datagram, const Reception& what) const;
    void carry_out(endpoint::Output& output);
    void note(const endpoint::Audit& audit);
    void arm();
    void on_timer();
    void store(bmc::Sections sections);
    void check_stored();

    Surroundings around_;
    Setting setting_;
    std::unique_ptr<endpoint::VirtualBmc> bmc_;
    Machine machine_;
    std::map<bmc::Section, std::vector<u8>> disk_;
    std::optional<Seen> seen_;
    bool reachable_ = true;
    bool console_was_up_ = false;
    std::set<bmc::Ticket> failed_;
    std::size_t sessions_allowed_ = 0;
    Mono armed_ = never;
    u64 epoch_ = 0;
};

} // namespace vbmc::sim
