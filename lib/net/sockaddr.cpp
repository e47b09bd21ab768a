#include "net/sockaddr.h"

#include <cstring>

namespace vbmc::net {

SocketAddress::SocketAddress(const Peer& peer) noexcept {
    if (peer.address.is_v4()) {
        storage_.v4.sin_family = AF_INET;
        storage_.v4.sin_port = htons(peer.port);
        std::memcpy(&storage_.v4.sin_addr, peer.address.bytes.data() + 12, 4);
    } else {
        storage_.v6.sin6_family = AF_INET6;
        storage_.v6.sin6_port = htons(peer.port);
        storage_.v6.sin6_scope_id = peer.address.scope;
        std::memcpy(&storage_.v6.sin6_addr, peer.address.bytes.data(), 16);
    }
}

void SocketAddress::map_into_v6() noexcept {
    if (family() != AF_INET) {
        return;
    }
    const Peer mapped = peer(); // which keeps IPv4 addresses so
    storage_.v6 = {};
    storage_.v6.sin6_family = AF_INET6;
    storage_.v6.sin6_port = htons(mapped.port);
    std::memcpy(&storage_.v6.sin6_addr, mapped.address.bytes.data(), 16);
}

Peer SocketAddress::peer() const noexcept {
    Peer peer;
    if (family() == AF_INET) {
        ByteArray<4> b{};
        std::memcpy(b.data(), &storage_.v4.sin_addr, b.size());
        peer.address = IpAddress::v4(b[0], b[1], b[2], b[3]);
        peer.port = ntohs(storage_.v4.sin_port);
    } else {
        std::memcpy(peer.address.bytes.data(), &storage_.v6.sin6_addr, 16);
        peer.address.scope = storage_.v6.sin6_scope_id;
        peer.port = ntohs(storage_.v6.sin6_port);
    }
    return peer;
}

socklen_t SocketAddress::size() const noexcept {
    return family() == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

} // namespace vbmc::net
