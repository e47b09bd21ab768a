#include "net/udp_endpoint.h"

#include "net/bind_error.h"
#include "net/clock.h"
#include "net/shard.h"
#include "net/sockaddr.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace vbmc::net {

namespace {

constexpr int burst_max = 16; // datagrams a wake-up, then others have their turn
constexpr auto retry_after = std::chrono::milliseconds(50);

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
    if (address.family() == AF_INET6) {
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, options.freebind ? 1 : 0);
        set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, any ? 1 : 0);
    } else {
        set_option(fd, IPPROTO_IP, IP_FREEBIND, options.freebind ? 1 : 0);
        set_option(fd, IPPROTO_IP, IP_PKTINFO, any ? 1 : 0);
    }
    grow_receive_buffer(fd, options.receive_buffer_bytes);
    if (::bind(fd, address.data(), address.size()) != 0) {
        const int error = errno;
        ::close(fd);
        return -error;
    }
    return fd;
}

} // namespace

/// For an endpoint on all addresses: which of the machine's addresses each client wrote to, so that
/// answers come from there. Bounded; a stranger's entry is the one overwritten.
class UdpEndpoint::Sources {
  public:
    struct Control {
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> bytes{};
    };

    void remember(const Peer& peer, const msghdr& message) {
        auto* header = CMSG_FIRSTHDR(&message);
        if (header == nullptr) {
            return;
        }
        Entry& entry = find(peer);
        entry.peer = peer;
        entry.family = header->cmsg_level;
        if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
            std::memcpy(&entry.v4, CMSG_DATA(header), sizeof(entry.v4));
            entry.v4.ipi_spec_dst = entry.v4.ipi_addr;
            entry.v4.ipi_ifindex = 0; // the route chooses the interface
        } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
            std::memcpy(&entry.v6, CMSG_DATA(header), sizeof(entry.v6));
        }
    }

    void apply(const Peer& peer, msghdr& message, Control& control) {
        const Entry& entry = find(peer);
        if (entry.peer != peer) {
            return;
        }
        const bool v4 = entry.family == IPPROTO_IP;
        const std::size_t size = v4 ? sizeof(entry.v4) : sizeof(entry.v6);
        message.msg_control = control.bytes.data();
        message.msg_controllen = CMSG_SPACE(size);
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = entry.family;
        header->cmsg_type = v4 ? IP_PKTINFO : IPV6_PKTINFO;
        header->cmsg_len = CMSG_LEN(size);
        if (v4) {
            std::memcpy(CMSG_DATA(header), &entry.v4, size);
        } else {
            std::memcpy(CMSG_DATA(header), &entry.v6, size);
        }
    }

  private:
    struct Entry {
        Peer peer;
        int family = 0;
        in_pktinfo v4{};
        in6_pktinfo v6{};
    };

    Entry& find(const Peer& peer) {
        std::size_t hash = peer.port;
        for (const u8 byte : peer.address.bytes) {
            hash = hash * 31 + byte;
        }
        return entries_[hash % entries_.size()];
    }

    std::array<Entry, 128> entries_{};
};

UdpEndpoint::UdpEndpoint(Shard& shard, DatagramHandler& handler)
    : shard_(shard), handler_(handler), socket_(shard.context().get_executor()),
      retry_(
          shard.timers(), [](void* self) { static_cast<UdpEndpoint*>(self)->wait(); }, this
      ),
      self_(std::make_shared<UdpEndpoint*>(this)) {}

UdpEndpoint::~UdpEndpoint() {
    close();
}

Result<void> UdpEndpoint::open(const Peer& local, const UdpOptions& options) {
    const bool any = local.address.is_any();
    const SocketAddress address(local);
    const int fd = bound_socket(address, options, any);
    if (fd < 0) {
        return bind_error(local, -fd);
    }
    boost::system::error_code error;
    const auto protocol =
        address.family() == AF_INET ? boost::asio::ip::udp::v4() : boost::asio::ip::udp::v6();
    socket_.assign(protocol, fd, error);
    if (error) {
        ::close(fd);
        return bind_error(local, error.value());
    }
    SocketAddress bound;
    socklen_t size = SocketAddress::capacity();
    local_ = ::getsockname(fd, bound.data(), &size) == 0 ? bound.peer() : local;
    sources_ = any ? std::make_unique<Sources>() : nullptr;
    return {};
}

void UdpEndpoint::start() {
    wait();
}

void UdpEndpoint::close() {
    retry_.cancel();
    if (self_) {
        *self_ = nullptr;
        self_ = std::make_shared<UdpEndpoint*>(this); // waits of before no longer find us
    }
    boost::system::error_code ignored;
    socket_.close(ignored);
}

void UdpEndpoint::wait() {
    if (!socket_.is_open()) {
        return;
    }
    auto woken = [self = self_](const boost::system::error_code& error) {
        UdpEndpoint* endpoint = *self;
        if (endpoint == nullptr || error == boost::asio::error::operation_aborted) {
            return;
        }
        if (error) {
            ++endpoint->stats_.receive_errors;
            endpoint->retry_.arm(now().mono + retry_after);
            return;
        }
        endpoint->on_readable();
    };
    socket_.async_wait(boost::asio::socket_base::wait_read, std::move(woken));
}

void UdpEndpoint::on_readable() {
    const auto self = self_; // the handler may close or destroy this endpoint
    for (int i = 0; i < burst_max; ++i) {
        const bool more = receive_one();
        if (*self == nullptr) {
            return;
        }
        if (!more) {
            break;
        }
    }
    if (!retry_.armed()) {
        wait();
    }
}

/// False when nothing is left to read.
bool UdpEndpoint::receive_one() {
    SocketAddress from;
    const MutableBytes room = shard_.receive_buffer();
    iovec part{room.data(), room.size()};
    Sources::Control control;
    msghdr message{};
    message.msg_name = from.data();
    message.msg_namelen = SocketAddress::capacity();
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (sources_) {
        message.msg_control = control.bytes.data();
        message.msg_controllen = control.bytes.size();
    }
    const ssize_t got = ::recvmsg(socket_.native_handle(), &message, MSG_DONTWAIT);
    if (got < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            ++stats_.receive_errors;
            retry_.arm(now().mono + retry_after);
        }
        return errno == EINTR;
    }
    ++stats_.received;
    if ((message.msg_flags & MSG_TRUNC) != 0) {
        return true; // longer than anything in IPMI
    }
    const Peer peer = from.peer();
    if (sources_) {
        sources_->remember(peer, message);
    }
    const auto self = self_;
    const Now moment = now();
    const std::size_t size = handler_.receive(
        moment, peer, room.first(static_cast<std::size_t>(got)), shard_.transmit_buffer()
    );
    if (*self == nullptr) {
        return false;
    }
    if (size > 0) {
        send(peer, shard_.transmit_buffer().first(size));
    }
    handler_.after_reply(moment);
    return true;
}

bool UdpEndpoint::send(const Peer& peer, Bytes datagram) {
    if (!socket_.is_open() || !transmit(peer, datagram)) {
        ++stats_.send_failures;
        return false;
    }
    ++stats_.sent;
    return true;
}

bool UdpEndpoint::transmit(const Peer& peer, Bytes datagram) {
    SocketAddress to(peer);
    iovec part{const_cast<u8*>(datagram.data()), datagram.size()}; // sendmsg only reads it
    Sources::Control control;
    msghdr message{};
    message.msg_name = to.data();
    message.msg_namelen = to.size();
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (sources_) {
        sources_->apply(peer, message, control);
    }
    ssize_t sent = 0;
    do {
        sent = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == static_cast<ssize_t>(datagram.size());
}

} // namespace vbmc::net
