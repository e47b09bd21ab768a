#pragma once
// What the fuzz targets share: a node on a clock that only the input moves, an input that is read
// from the front, and the host's side of the VirtualBmc's contract, checked at every call. Every
// execution starts from the same state, whatever ran before.

#include "base/check.h"
#include "endpoint/virtual_bmc.h"
#include "support/model_client.h"
#include "support/node_maker.h"

namespace vbmc::fuzz {

/// The fuzzer's bytes, taken from the front; zeros when they are used up.
class Input {
  public:
    explicit Input(Bytes bytes) : in_(bytes) {}

    bool more() const { return in_.remaining() > 0; }

    u8 byte() { return in_.remaining() > 0 ? in_.read_u8() : u8{0}; }

    u16 word() { return static_cast<u16>(byte() | byte() << 8); }

    /// Up to `size` bytes, fewer at the end.
    std::vector<u8> bytes(std::size_t size) {
        const Bytes taken = in_.take(std::min(size, in_.remaining()));
        return {taken.begin(), taken.end()};
    }

    std::vector<u8> rest() { return bytes(in_.remaining()); }

  private:
    ByteReader in_;
};

/// Number makers and crypto contexts are costly: one of each serves all executions.
struct Shard {
    test::SeededEntropy entropy;
    rmcp::Shared shared{entropy};
    Now now{Mono(std::chrono::hours(1)), Wall(std::chrono::hours(500'000))};
};

class Rig {
  public:
    struct Options {
        bool ipmi15 = false;
        bool hide_users = false;
        bool two_keys = false;
        std::vector<u8> suites = {17, 3};
        bool push = false;
        bool console = true;
    };

    Rig() : Rig(Options{}) {}

    explicit Rig(const Options& options);

    /// One datagram in; what comes back. Drains poll().
    Bytes receive(MutableBytes datagram);

    void observe(const bmc::Observation& observation);

    /// Lets time pass and runs the deadlines that are due, as a host's timer would.
    void pass(Duration time);

    /// Everything that poll() has: what a host would have to keep or send.
    void drain();

    /// save, load into a fresh node, save: the same bytes, for every section.
    void check_persistence();

    endpoint::VirtualBmc& node() { return node_; }

    crypto::Toolbox& tools() { return shard_.shared.tools; }

    Now now() const { return shard_.now; }

    const Peer peer{IpAddress::v4(192, 0, 2, 7), 40000};

    /// The newest deferred reply or console packet; empty: none since the last receive().
    const std::vector<u8>& transmitted() const { return transmitted_; }

    bmc::Ticket ticket() const { return ticket_; }

    u32 power_intents() const { return power_intents_; }

  private:
    static Shard& shard();

    Shard& shard_;
    endpoint::VirtualBmc node_;
    ByteArray<512> out_{};
    std::vector<u8> transmitted_;
    bmc::Ticket ticket_ = 0;
    u32 power_intents_ = 0;
};

} // namespace vbmc::fuzz
