#pragma once
// A client::Session in front of a whole VirtualBmc, with a clock that the test turns and a network
// that loses, doubles, delays and changes datagrams as it is told. The two sides share wire and
// crypto; tests/golden and the integration tests against other people's programs are what catches
// an error of both.

#include "client/session.h"
#include "endpoint/virtual_bmc.h"
#include "support/model_client.h"
#include "support/node_maker.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::test {

using namespace std::chrono_literals;

client::Credentials credentials(
    std::string_view user = "admin",
    std::string_view password = "password",
    std::string_view bmc_key = {}
);

class Rig {
  public:
    explicit Rig(
        const client::Settings& settings = {}, const endpoint::Access& access = {}, u64 seed = 1
    );

    /// Time passes, with every deadline and every datagram on the way.
    void pass(Duration time);

    /// Starts the log-in and waits for its end.
    bool log_in(const client::Credentials& who = credentials(), Duration patience = 30s);

    /// Waits for the answer; "cc data" in hex, "!N" for a failure, "" when nothing came.
    std::string ask(client::Request request, Duration patience = 30s);

    client::RequestId submit(client::Request request);

    std::optional<std::string> result(client::RequestId id) const;

    /// The BMC forgets everything, as one that was restarted does.
    void restart_node();

    Mono now() const { return now_.mono; }

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

    void observe(const bmc::Observation& what);

    // What the network does to a datagram: returns how often it arrives; may change it.
    std::function<int(bool to_node, Packet&)> network = [](bool, Packet&) { return 1; };
    std::function<Duration()> delay = [] { return 1ms; };

    SeededEntropy entropy;
    rmcp::Shared shared{entropy};
    std::unique_ptr<endpoint::VirtualBmc> node;
    client::Session session;
    std::vector<bmc::Intent> all_intents;
    std::vector<client::Trouble> logged_out;
    std::map<client::RequestId, std::vector<std::string>> results;
    std::string sol_text;
    int logged_in = 0;
    u8 suite = 0;
    int sol_ended = 0;
    std::size_t to_node = 0; // datagrams
    std::vector<Packet> from_node;

  private:
    void drain();
    void carry(bool to_node, Packet packet);
    void deliver();

    struct Flying {
        Mono at;
        bool to_node;
        Packet packet;
    };

    endpoint::Access access_;
    Now now_{Mono(1h), Wall(500'000h)};
    std::vector<Flying> air_;
};

} // namespace vbmc::test
