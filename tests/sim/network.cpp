#include "sim/network.h"

namespace vbmc::sim {

namespace {

constexpr std::size_t heard_max = 400;

} // namespace

void Network::send(const Peer& from, const Peer& to, std::vector<u8> bytes) {
    Datagram datagram{from, to, std::move(bytes)};
    if (heard_.size() < heard_max) {
        heard_.push_back(datagram);
    } else {
        random_.pick(heard_) = datagram;
    }
    if (random_.chance(faults.loss)) {
        return;
    }
    if (random_.chance(faults.twice)) {
        deliver_later(datagram);
    }
    deliver_later(std::move(datagram));
}

void Network::deliver_later(Datagram datagram) {
    if (random_.chance(faults.corrupt)) {
        corrupt(datagram.bytes);
    }
    const Duration delay = random_.chance(faults.late)
                               ? random_.time(faults.delay_max, faults.late_max)
                               : random_.time(Duration(1), faults.delay_max);
    timeline_.after(delay, [this, datagram = std::move(datagram)] { deliver_(datagram); });
}

void Network::corrupt(std::vector<u8>& bytes) {
    switch (random_.below(4)) {
    case 0:
        bytes.resize(random_.below(bytes.size() + 1));
        break;
    case 1:
        bytes.push_back(random_.byte());
        break;
    default:
        if (!bytes.empty()) {
            random_.pick(bytes) ^= static_cast<u8>(1U << random_.below(8));
        }
        break;
    }
}

const Datagram* Network::overheard() {
    return heard_.empty() ? nullptr : &random_.pick(heard_);
}

} // namespace vbmc::sim
