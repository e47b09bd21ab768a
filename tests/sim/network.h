#pragma once
// A network that loses, doubles, delays, reorders and corrupts datagrams, and remembers some of
// them for those who listen.

#include "base/peer.h"
#include "sim/timeline.h"

#include <vector>

namespace vbmc::sim {

struct Datagram {
    Peer from;
    Peer to;
    std::vector<u8> bytes;
};

/// Chances in percent.
struct Faults {
    unsigned loss = 0;
    unsigned twice = 0;
    unsigned corrupt = 0;
    unsigned late = 0; // delayed for longer than clients wait
    Duration delay_max = std::chrono::milliseconds(5);
    Duration late_max = std::chrono::seconds(3);
};

class Network {
  public:
    using Deliver = std::function<void(const Datagram&)>;

    Network(Timeline& timeline, Random& random, Deliver deliver)
        : timeline_(timeline), random_(random), deliver_(std::move(deliver)) {}

    void send(const Peer& from, const Peer& to, std::vector<u8> bytes);

    /// Whatever was heard before; a stranger's to use. Null when nothing was.
    const Datagram* overheard();

    Faults faults;

  private:
    void deliver_later(Datagram datagram);
    void corrupt(std::vector<u8>& bytes);

    Timeline& timeline_;
    Random& random_;
    Deliver deliver_;
    std::vector<Datagram> heard_;
};

} // namespace vbmc::sim
