#include "net/packet_info.h"

#include <cstring>

namespace vbmc::net {

namespace {

template <class T>
void read(const cmsghdr& header, T& out) noexcept {
    std::memcpy(&out, CMSG_DATA(&header), sizeof(out));
}

template <class F>
void each(const msghdr& message, F visit) noexcept {
    msghdr walked = message; // CMSG_NXTHDR takes no const
    for (cmsghdr* at = CMSG_FIRSTHDR(&walked); at != nullptr; at = CMSG_NXTHDR(&walked, at)) {
        visit(*at);
    }
}

template <class T>
void put(msghdr& message, int level, int type, const T& data) noexcept {
    message.msg_controllen = CMSG_SPACE(sizeof(T));
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof(T));
    std::memcpy(CMSG_DATA(header), &data, sizeof(T));
}

} // namespace

PacketInfo packet_info(const msghdr& message) noexcept {
    PacketInfo info;
    each(message, [&info](const cmsghdr& header) {
        if (header.cmsg_level == IPPROTO_IP && header.cmsg_type == IP_PKTINFO) {
            read(header, info.v4);
            info.family = AF_INET;
            info.v4.ipi_spec_dst = info.v4.ipi_addr;
            info.v4.ipi_ifindex = 0; // the route chooses the interface
        } else if (header.cmsg_level == IPPROTO_IPV6 && header.cmsg_type == IPV6_PKTINFO) {
            read(header, info.v6);
            info.family = AF_INET6;
            if (IN6_IS_ADDR_V4MAPPED(&info.v6.ipi6_addr)) {
                info.v6.ipi6_ifindex = 0; // as above
            }
        }
    });
    return info;
}

void set_packet_info(msghdr& message, const PacketInfo& info) noexcept {
    if (info.family == AF_INET) {
        put(message, IPPROTO_IP, IP_PKTINFO, info.v4);
    } else if (info.family == AF_INET6) {
        put(message, IPPROTO_IPV6, IPV6_PKTINFO, info.v6);
    } else {
        message.msg_controllen = 0;
    }
}

void reply_packet_info(const msghdr& from, msghdr& to) noexcept {
    if (from.msg_controllen == 0) { // bound to one address, the common case
        to.msg_controllen = 0;
        return;
    }
    set_packet_info(to, packet_info(from));
}

std::optional<u32> queue_overflows(const msghdr& message) noexcept {
    std::optional<u32> count;
    if (message.msg_controllen == 0) {
        return count;
    }
    each(message, [&count](const cmsghdr& header) {
        if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SO_RXQ_OVFL) {
            read(header, count.emplace());
        }
    });
    return count;
}

} // namespace vbmc::net
