#pragma once
// An engine with users, a clock that stands still until it is moved, and a handler that counts.

#include "rmcp/engine.h"
#include "support/model_client.h"

#include <deque>
#include <map>

namespace vbmc::test {

class TestDirectory final : public rmcp::Directory {
  public:
    struct User {
        std::string name;
        std::string password;
        rmcp::Privilege privilege_max = rmcp::Privilege::administrator;
        bool key_is_20 = false;
        bool enabled = true;
    };

    struct Event {
        rmcp::SessionEvent::Kind kind;
        rmcp::SessionEvent::Reason reason;
        std::string user_name;
        u8 user_id;
        u32 session_id;
        u8 suite_id;
        rmcp::Privilege privilege_max;
    };

    TestDirectory();

    const rmcp::Policy& policy() const noexcept override { return rules; }

    std::optional<rmcp::Credentials>
    find_user(Bytes name, std::optional<rmcp::Privilege> exact) const noexcept override;

    const ByteArray<20>& bmc_key() const noexcept override { return second_key; }

    const ByteArray<16>& guid() const noexcept override { return id; }

    bool allowed(const IpAddress& address) const noexcept override {
        return networks.empty() ||
               std::any_of(networks.begin(), networks.end(), [&](const IpNetwork& network) {
                   return network.contains(address);
               });
    }

    void on_session_event(const rmcp::SessionEvent& event) noexcept override;

    /// Offers exactly this suite.
    void only_suite(u8 suite);

    std::map<u8, User> users;
    rmcp::Policy rules;
    ByteArray<20> second_key{};
    ByteArray<16> id{};
    std::vector<IpNetwork> networks;
    std::vector<Event> events;
};

/// Numbers that were recorded come first; afterwards seeded ones.
class ScriptedEntropy final : public Entropy {
  public:
    void fill(MutableBytes out) noexcept override;

    std::deque<u8> script;
    SeededEntropy seeded{42};
};

Peer peer_at(u8 last_octet, u16 port);

struct World {
    explicit World(const rmcp::Limits& limits = {});

    /// Opens a datagram; a request runs `handle` and its reply is sealed. What goes back, if
    /// anything.
    std::optional<Packet> deliver(const Peer& from, Packet datagram);

    /// The reason of the drop; fails the test when it was none.
    rmcp::Drop dropped(const Peer& from, Packet datagram);

    Send from(const Peer& from) {
        return [this, from](const Packet& packet) { return deliver(from, packet); };
    }

    /// Moves the clock, waking the engine at every deadline on the way.
    void pass(Duration time);

    ModelClient log_in(const Peer& from, ClientOptions options = {});

    /// Answers requests while `park` is false; otherwise they wait in `parked`.
    std::function<std::vector<u8>(const rmcp::Request&)> handle;
    bool park = false;
    rmcp::Repeat repeat = rmcp::Repeat::cached;
    std::vector<rmcp::Return> parked;
    std::optional<rmcp::Sol> last_sol;
    std::vector<u8> last_sol_payload;
    rmcp::Request last_request; // without its data
    std::vector<u8> last_data;
    int runs = 0; // requests that reached the handler

    ScriptedEntropy entropy;
    rmcp::Shared shared;
    TestDirectory directory;
    rmcp::Engine engine;
    Now now{Mono(std::chrono::hours(1)), {}};
    std::size_t out_size = 512;
};

} // namespace vbmc::test
