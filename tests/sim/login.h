#pragma once
// One log-in of a remote console, and what it asked for: kept to the end of the run, because the
// judge has to know what every packet on the network was.

#include "base/peer.h"
#include "bmc/intent.h"
#include "bmc/privilege.h"
#include "sim/timeline.h"
#include "support/model_client.h"

#include <memory>
#include <set>
#include <string>

namespace vbmc::sim {

/// A user as those who log in with it know it; the control plane changes it behind their backs.
struct Account {
    u8 id = 0;
    std::string name;
    std::string password;
    bmc::Privilege limit = bmc::Privilege::user;
};

/// One request of a client, however often it is sent.
struct Op {
    u64 id = 0;
    u8 net_fn = 0;
    u8 command = 0;
    std::vector<u8> data;
    bool same_number = true; // its retries keep rqSeq
    u32 power_intents = 0;
    bmc::Ticket ticket = 0; // of the newest of them
    bool taken = false;
    Mono first_taken{};
    Mono last_taken{};
    Mono acted_at{};
};

struct Login {
    struct Plan {
        std::string name;
        std::string password;
        std::vector<u8> bmc_key;
        bmc::Privilege role = bmc::Privilege::user;
        u8 suite = 17; // 0: IPMI 1.5
        u64 seed = 0;
        u32 console_id = 0xa0a2a3a4;
    };

    Login(crypto::Toolbox& tools, const Plan& plan_, const Peer& peer_, std::size_t node_);

    bool ipmi15() const noexcept { return v15 != nullptr; }

    u32 id() const { return v15 ? v15->session_id : v2->bmc_id(); }

    test::Packet request(const Op& op);
    test::Packet retransmit();
    std::optional<test::Reply> open(Bytes datagram) const;

    /// Both of them prove the password: RAKP 3 or Activate Session.
    test::Packet proof();

    const Plan plan;
    const Peer peer;
    const std::size_t node;
    std::unique_ptr<test::ModelClient> v2;
    std::unique_ptr<test::ModelClient15> v15;

    // What the judge saw.
    bool opened = false;
    u32 sequence_in_max = 0;
    std::set<u32> sequences_out;

    // Its serial console.
    std::string typed;
};

} // namespace vbmc::sim
