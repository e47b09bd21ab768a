#pragma once
// Control messages of UDP sockets: which of the machine's addresses a datagram came to, so that the
// answer comes from there, and how many datagrams the kernel had to drop. Pure byte handling.

#include "base/bytes.h"

#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>

namespace vbmc::net {

/// The address that a datagram was sent to, on a socket that is bound to all addresses.
struct PacketInfo {
    int family = AF_UNSPEC; // AF_INET, AF_INET6; AF_UNSPEC: the kernel did not say
    in_pktinfo v4{};
    in6_pktinfo v6{};
};

PacketInfo packet_info(const msghdr& message) noexcept;

/// Makes `message` leave from there. Its control buffer has room; what is not used is cut off.
void set_packet_info(msghdr& message, const PacketInfo& info) noexcept;

/// The same from a datagram to its answer.
void reply_packet_info(const msghdr& from, msghdr& to) noexcept;

/// How many datagrams a socket's full queue has cost so far (SO_RXQ_OVFL); told only after losses.
std::optional<u32> queue_overflows(const msghdr& message) noexcept;

} // namespace vbmc::net
