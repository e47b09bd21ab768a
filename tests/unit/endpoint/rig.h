#pragma once
// A VirtualBmc with a clock that the test turns, log-ins of a model client, and what came out:
// intents, datagrams, audits and sections to keep, sorted.

#include "endpoint/commands.h"
#include "endpoint/virtual_bmc.h"
#include "support/model_client.h"
#include "support/node_maker.h"

#include <memory>
#include <string>
#include <vector>

namespace vbmc::test {

using namespace std::chrono_literals;
using bmc::Privilege;

class Rig;

/// One client at one address.
class Visitor {
  public:
    Visitor(Rig& rig, ClientOptions options, u16 port = 40000);

    bool log_in();

    /// "cc data..." in hex; "" when nothing came back.
    std::string ask(std::string_view request_hex);

    /// The last request in a new packet.
    std::string ask_again();

    /// Opens a datagram that the node sent by itself.
    std::string read(const endpoint::Transmit& sent) const;

    /// A SOL packet; the answer's payload in hex.
    std::string sol(std::string_view payload_hex);

    ModelClient client;
    Peer peer;

  private:
    std::string text_of(Bytes datagram) const;

    Rig& rig_;
};

class Rig {
  public:
    explicit Rig(const endpoint::Access& access = {}, const bmc::Config& config = node_config());

    std::vector<u8> send(const Peer& from, const Packet& packet);
    void observe(const bmc::Observation& observation);

    void see(bmc::PowerState state) { observe(bmc::PowerSeen{state, false}); }

    void done(bmc::Ticket ticket, bmc::Outcome outcome = bmc::Outcome::ok) {
        observe(bmc::Done{ticket, outcome});
    }

    /// Time passes, with every deadline on the way.
    void pass(Duration time);

    void drain();

    /// The intents of one kind so far, in order.
    template <class T>
    std::vector<T> intents() const {
        std::vector<T> found;
        for (const bmc::Intent& intent : all_intents) {
            if (const auto* one = std::get_if<T>(&intent)) {
                found.push_back(*one);
            }
        }
        return found;
    }

    /// "login admin suite 17" and the like, since the last time.
    std::vector<std::string> audits();

    /// A visitor with a session at this level.
    Visitor admin(u16 port = 40000);
    Visitor visitor(std::string_view name, u8 level, u16 port);

    SeededEntropy entropy;
    rmcp::Shared shared{entropy};
    Now now{Mono(1h), Wall(500'000h)};
    endpoint::VirtualBmc node;
    std::vector<endpoint::Transmit> sent;
    std::vector<bmc::Intent> all_intents;
    bmc::Sections to_keep;

  private:
    std::vector<std::string> audits_;
};

} // namespace vbmc::test
