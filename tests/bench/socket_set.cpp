#include "socket_set.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace vbmc::bench {

SocketSet::SocketSet(std::size_t count) : sockets_(count) {
    for (Out& out : sockets_) {
        out.fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        const int buffer = 64 << 20;
        if (::setsockopt(out.fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) != 0) {
            ::setsockopt(out.fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
        }
        for (std::size_t i = 0; i < batch; ++i) {
            out.parts[i] = {out.packets[i].data(), 0};
            out.headers[i] = {};
            out.headers[i].msg_hdr.msg_name = &out.to[i];
            out.headers[i].msg_hdr.msg_namelen = sizeof(out.to[i]);
            out.headers[i].msg_hdr.msg_iov = &out.parts[i];
            out.headers[i].msg_hdr.msg_iovlen = 1;
        }
        polled_.push_back({out.fd, POLLIN, 0});
    }
    for (std::size_t i = 0; i < batch; ++i) {
        in_parts_[i] = {in_[i].data(), in_[i].size()};
        headers_[i] = {};
        headers_[i].msg_hdr.msg_iov = &in_parts_[i];
        headers_[i].msg_hdr.msg_iovlen = 1;
    }
}

SocketSet::~SocketSet() {
    for (const Out& out : sockets_) {
        ::close(out.fd);
    }
}

sockaddr_in SocketSet::address_of(const std::string& host, u16 port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
        std::fprintf(stderr, "vbmc_bench: '%s' is no IPv4 address\n", host.c_str());
        std::exit(2);
    }
    return address;
}

void SocketSet::set_target(const std::string& host, u16 port) {
    target_ = address_of(host, port);
}

void SocketSet::bind_to(const std::string& address) {
    const sockaddr_in local = address_of(address, 0);
    sockaddr generic{};
    std::memcpy(&generic, &local, sizeof(local));
    for (const Out& out : sockets_) {
        if (::bind(out.fd, &generic, sizeof(local)) != 0) {
            std::perror("vbmc_bench: bind");
            std::exit(2);
        }
    }
}

void SocketSet::flush(Out& out) {
    std::size_t at = 0;
    while (at < out.used) {
        const auto left = static_cast<unsigned>(out.used - at);
        const int sent = ::sendmmsg(out.fd, &out.headers[at], left, 0);
        if (sent > 0) {
            at += static_cast<std::size_t>(sent);
        } else if (errno != EINTR) {
            ++at; // the answer that does not come is counted as lost
        }
    }
    out.used = 0;
}

int SocketSet::read(int fd) {
    return ::recvmmsg(fd, headers_.data(), batch, MSG_DONTWAIT, nullptr);
}

} // namespace vbmc::bench
