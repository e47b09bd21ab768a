#pragma once
// Peer <-> sockaddr. IPv4 travels as AF_INET, although Peer keeps it mapped into IPv6.

#include "base/peer.h"

#include <netinet/in.h>
#include <sys/socket.h>

namespace vbmc::net {

class SocketAddress {
  public:
    SocketAddress() = default;
    explicit SocketAddress(const Peer& peer) noexcept;

    Peer peer() const noexcept;

    /// For a socket of both families: an IPv4 address as it is written there.
    void map_into_v6() noexcept;

    int family() const noexcept { return storage_.any.sa_family; }

    sockaddr* data() noexcept { return &storage_.any; }

    const sockaddr* data() const noexcept { return &storage_.any; }

    socklen_t size() const noexcept;

    static constexpr socklen_t capacity() noexcept { return sizeof(Storage); }

  private:
    union Storage {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
    };

    Storage storage_{.v6 = {}};
};

} // namespace vbmc::net
