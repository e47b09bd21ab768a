#pragma once
// The invariants. The judge sees every genuine packet when it is made and everything that a node
// takes, answers and wants; it throws a Violation the moment that one of the rules is broken:
//
// - without a session a node answers the handshake and three commands, and does nothing else;
// - what a node takes inside a session was made by that session's client, comes from its address,
//   and was not taken before; a session begins with a proof of its user's password;
// - a request acts on the power at most once, however often it is sent;
// - no session is above its user, and no command is run without the privilege it needs;
// - the limits hold: sessions, half-open sessions, memory of the pools, outputs of a call;
// - "off" and "on" are told only as they were seen, within the node's bound;
// - a reply can be opened by the client that asked, under a sequence number of its own.

#include "endpoint/virtual_bmc.h"
#include "sim/login.h"
#include "sim/marks.h"
#include "sim/network.h"

#include <map>
#include <stdexcept>
#include <unordered_map>

namespace vbmc::sim {

class SimNode;

struct Violation : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void require(bool holds, const char* rule);

/// What a node made of one datagram.
struct Reception {
    bool taken = false; // not dropped
    std::vector<u8> reply;
    std::vector<endpoint::Output> outputs;
    std::map<u32, bmc::Privilege> privileges_before; // of the sessions
};

class Judge {
  public:
    Judge(Timeline& timeline, Marks& marks) : timeline_(timeline), marks_(marks) {}

    /// A client made this packet; `op` is null for a proof and for console packets.
    void made(Bytes packet, Login& login, Op* op, bool proof);

    void received(SimNode& node, const Datagram& datagram, const Reception& what);

    /// A datagram that a node sends by itself: a deferred reply or console output.
    void transmitted(SimNode& node, const Peer& to, Bytes bytes);

    /// Characters reached the machine: those that its console typed, once each, in order.
    void typed(SimNode& node);

    /// After anything that a node did.
    void check(SimNode& node, const std::vector<endpoint::Output>& outputs);

    void forget_sessions(std::size_t node);

    /// What a datagram is, for people.
    std::string describe(Bytes datagram);

  private:
    struct Sealed {
        Login* login = nullptr;
        Op* op = nullptr;
        bool proof = false;
        bool taken = false;
    };

    Sealed* find(Bytes datagram);
    void in_session(SimNode& node, const Datagram& datagram, const Reception& what, Sealed* sealed);
    void from_stranger(const Datagram& datagram, const Reception& what);
    void session_began(SimNode& node, const Datagram& datagram, Sealed* sealed);
    void acted(SimNode& node, const Reception& what, Sealed& sealed);
    void check_raw(const SimNode& node, const Reception& what, const Sealed& sealed, u32 raw);
    void check_reply(
        SimNode& node, Login& login, Bytes bytes, const std::map<u32, bmc::Privilege>* before
    );
    void check_status(SimNode& node, const test::Reply& reply);

    Timeline& timeline_;
    Marks& marks_;
    std::unordered_map<std::string, Sealed> sealed_;
    std::map<std::pair<std::size_t, u32>, Login*> sessions_; // by node and BMC's session id
};

} // namespace vbmc::sim
