#pragma once
// Which address and port belongs to which node, and which one a new node gets. On the control
// thread.

#include "base/peer.h"
#include "base/result.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::fleet {

class Addresses {
  public:
    Addresses(std::vector<IpNetwork> pool, u16 port_first, u16 port_last)
        : pool_(std::move(pool)), port_first_(port_first), port_last_(port_last) {}

    /// The node that has it; empty: nobody.
    std::string owner(const Peer& endpoint) const;

    /// ENDPOINT_IN_USE, naming the owner, unless it is free or already `name`'s.
    Result<void> claim(const Peer& endpoint, const std::string& name);

    void release(const Peer& endpoint);

    /// The first address of the pool that no node uses on any port. Never a network's own or
    /// broadcast address. ADDRESS_POOL_EMPTY: no pool, or all are taken.
    Result<IpAddress> free_address() const;

    /// The first port from `after` (exclusive; 0: from the range's start) that no node has there.
    Result<u16> free_port(const IpAddress& address, u16 after = 0) const;

  private:
    const std::string* in_the_way(const Peer& endpoint, const std::string& name) const;

    std::map<Peer, std::string> used_;
    std::vector<IpNetwork> pool_;
    u16 port_first_;
    u16 port_last_;
    // Where the search goes on: all below is taken. Moved back by release().
    mutable std::map<IpAddress, u16> port_hint_;
    mutable std::optional<std::pair<std::size_t, IpAddress>> address_hint_;
};

} // namespace vbmc::fleet
