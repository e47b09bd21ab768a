#include "net/udp_endpoint.h"

#include "net/bind_error.h"
#include "net/clock.h"
#include "net/packet_info.h"
#include "net/shard.h"
#include "net/sockaddr.h"

#include <array>
#include <cerrno>
#include <unistd.h>
#include <utility>

namespace vbmc::net {

namespace {

void set_option(int fd, int level, int name, int value) noexcept {
    static_cast<void>(::setsockopt(fd, level, name, &value, sizeof(value)));
}

void grow_receive_buffer(int fd, int bytes) noexcept {
    if (bytes > 0 && ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0) {
        set_option(fd, SOL_SOCKET, SO_RCVBUF, bytes); // unprivileged: up to net.core.rmem_max
    }
}

/// A bound, non-blocking socket, or -errno.
int bound_socket(const SocketAddress& address, const UdpOptions& options, bool any) {
    const int fd = ::socket(address.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (address.family() == AF_INET6) { // "::" is all addresses, of IPv4 as well
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, any ? 0 : 1);
    }
    if (options.freebind) {
        const bool v6 = address.family() == AF_INET6;
        set_option(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, 1);
    }
    if (any) {
        const bool v6 = address.family() == AF_INET6;
        set_option(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1);
    }
    set_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
    grow_receive_buffer(fd, options.receive_buffer_bytes);
    if (::bind(fd, address.data(), address.size()) != 0) {
        const int error = errno;
        ::close(fd);
        return -error;
    }
    return fd;
}

/// Ten thousand nodes do not fit into a cache: what stands behind a handler is on its way while the
/// kernel receives.
void fetch(const DatagramHandler& handler) noexcept {
    constexpr std::size_t bytes = 1536; // a node's; what lies behind it does no harm
    constexpr std::size_t line = 64;
    const void* const begin = &handler;
    for (std::size_t at = 0; at < bytes; at += line) {
        __builtin_prefetch(static_cast<const char*>(begin) + at);
    }
}

} // namespace

/// For an endpoint on all addresses: which of the machine's addresses each client wrote to, so that
/// what is sent later comes from there. Bounded; a stranger's entry is the one overwritten.
class UdpEndpoint::Sources {
  public:
    void remember(const Peer& peer, const msghdr& message) noexcept {
        Entry& entry = find(peer);
        entry.peer = peer;
        entry.info = packet_info(message);
    }

    PacketInfo of(const Peer& peer) noexcept {
        const Entry& entry = find(peer);
        return entry.peer == peer ? entry.info : PacketInfo{};
    }

  private:
    struct Entry {
        Peer peer;
        PacketInfo info;
    };

    Entry& find(const Peer& peer) noexcept {
        std::size_t hash = peer.port;
        for (const u8 byte : peer.address.bytes) {
            hash = hash * 31 + byte;
        }
        return entries_[hash % entries_.size()];
    }

    std::array<Entry, 128> entries_{};
};

UdpEndpoint::UdpEndpoint(Shard& shard, DatagramHandler& handler)
    : shard_(shard), handler_(handler) {}

UdpEndpoint::~UdpEndpoint() {
    close();
    if (gone_ != nullptr) {
        *gone_ = true;
    }
}

Result<void> UdpEndpoint::open(const Peer& local, const UdpOptions& options) {
    close();
    const bool any = local.address.is_any();
    const SocketAddress address(local);
    const int fd = bound_socket(address, options, any);
    if (fd < 0) {
        return bind_error(local, -fd);
    }
    fd_ = fd;
    slot_ = shard_.poller().watch(fd, *this);
    if (slot_ == Poller::no_slot) {
        const int why = errno;
        close();
        return bind_error(local, why);
    }
    overflows_ = 0;
    local_ = local;
    if (local.port == 0) {
        SocketAddress bound;
        socklen_t size = SocketAddress::capacity();
        local_ = ::getsockname(fd, bound.data(), &size) == 0 ? bound.peer() : local;
    }
    sources_ = any ? std::make_unique<Sources>() : nullptr;
    return {};
}

void UdpEndpoint::start() {
    if (is_open()) {
        shard_.poller().start(slot_, fd_);
    }
}

void UdpEndpoint::close() {
    if (slot_ != Poller::no_slot) {
        shard_.poller().forget(std::exchange(slot_, Poller::no_slot), fd_);
    }
    if (fd_ >= 0) {
        ::close(std::exchange(fd_, -1));
    }
}

void UdpEndpoint::on_readable() {
    fetch(handler_);
    const int count = shard_.batch().receive(fd_);
    if (count > 0) {
        take_in(count);
    } else if (count != -EAGAIN && count != -EWOULDBLOCK && count != -EINTR) {
        ++shard_.udp().receive_errors;
        shard_.poller().pause(slot_, fd_);
    }
}

/// Answers what was received, a few at a time; then the handler does what nobody waits for.
void UdpEndpoint::take_in(int count) {
    DatagramBatch& batch = shard_.batch();
    shard_.udp().received += static_cast<u64>(count);
    const Now moment = now();
    bool gone = false; // the handler may close or destroy this endpoint
    gone_ = &gone;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        if (const auto total = queue_overflows(batch.header(i))) {
            count_overflows(*total);
        }
        if (batch.was_cut(i)) {
            continue; // longer than anything in IPMI
        }
        const Peer peer = batch.peer(i);
        if (sources_) {
            sources_->remember(peer, batch.header(i));
        }
        const std::size_t size = handler_.receive(moment, peer, batch.datagram(i), batch.room());
        if (gone) {
            return;
        }
        if (size > 0) {
            batch.answer(i, size);
        }
        if (!is_open()) {
            gone_ = nullptr;
            return;
        }
        if (batch.full()) {
            send_answers();
        }
    }
    send_answers();
    handler_.after_reply(moment);
    if (!gone) {
        gone_ = nullptr;
    }
}

void UdpEndpoint::send_answers() noexcept {
    DatagramBatch& batch = shard_.batch();
    UdpCounters& counters = shard_.udp();
    const std::size_t answers = batch.answers();
    const std::size_t sent = batch.send(fd_);
    counters.sent += sent;
    counters.send_failures += answers - sent;
}

void UdpEndpoint::count_overflows(u32 total) noexcept {
    shard_.udp().queue_full += total - overflows_; // wraps as the kernel's own counter does
    overflows_ = total;
}

bool UdpEndpoint::send(const Peer& peer, Bytes datagram) {
    const bool sent = is_open() && transmit(peer, datagram);
    ++(sent ? shard_.udp().sent : shard_.udp().send_failures);
    return sent;
}

bool UdpEndpoint::transmit(const Peer& peer, Bytes datagram) {
    SocketAddress to(peer);
    if (sources_ && !local_.address.is_v4()) {
        to.map_into_v6();
    }
    iovec part{const_cast<u8*>(datagram.data()), datagram.size()}; // sendmsg only reads it
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
    msghdr message{};
    message.msg_name = to.data();
    message.msg_namelen = to.size();
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (sources_) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        set_packet_info(message, sources_->of(peer));
    }
    ssize_t sent = 0;
    do {
        sent = ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == static_cast<ssize_t>(datagram.size());
}

} // namespace vbmc::net
