#pragma once
// The load generator's sockets: packets are queued and leave together, answers are read together.
// One thread.

#include "base/bytes.h"

#include <array>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace vbmc::bench {

class SocketSet {
  public:
    explicit SocketSet(std::size_t count);
    ~SocketSet();
    SocketSet(const SocketSet&) = delete;
    SocketSet& operator=(const SocketSet&) = delete;

    u32 size() const noexcept { return static_cast<u32>(sockets_.size()); }

    void set_target(const std::string& host, u16 port);

    /// All sockets send from this address; without it the kernel chooses.
    void bind_to(const std::string& address);

    /// `write` fills the packet and returns its size.
    template <class F>
    void queue(u32 socket, u16 port, F&& write) {
        Out& out = sockets_[socket];
        if (out.used == batch) {
            flush(out);
        }
        out.parts[out.used].iov_len = write(MutableBytes(out.packets[out.used]));
        out.to[out.used] = target_;
        out.to[out.used].sin_port = htons(port);
        ++out.used;
    }

    void flush() {
        for (Out& out : sockets_) {
            flush(out);
        }
    }

    /// Until something can be read, or `milliseconds` are over.
    void wait(int milliseconds) { ::poll(polled_.data(), polled_.size(), milliseconds); }

    /// Calls `take` with every datagram that is there, and `then` after those of one socket.
    template <class F, class G>
    void receive(F&& take, G&& then) {
        for (std::size_t i = 0; i < polled_.size(); ++i) {
            if ((polled_[i].revents & POLLIN) == 0) {
                continue;
            }
            int got = 0;
            do {
                got = read(polled_[i].fd);
                for (int n = 0; n < got; ++n) {
                    take(MutableBytes(in_[static_cast<std::size_t>(n)])
                             .first(headers_[static_cast<std::size_t>(n)].msg_len));
                }
            } while (got == static_cast<int>(batch));
            then();
        }
    }

  private:
    static constexpr std::size_t batch = 32;
    using Packet = ByteArray<512>;

    struct Out {
        std::array<Packet, batch> packets;
        std::array<iovec, batch> parts;
        std::array<sockaddr_in, batch> to;
        std::array<mmsghdr, batch> headers;
        std::size_t used = 0;
        int fd = -1;
    };

    static sockaddr_in address_of(const std::string& host, u16 port);
    static void flush(Out& out);
    int read(int fd);

    std::vector<Out> sockets_;
    std::vector<pollfd> polled_;
    sockaddr_in target_{};
    std::array<Packet, batch> in_;
    std::array<iovec, batch> in_parts_;
    std::array<mmsghdr, batch> headers_;
};

} // namespace vbmc::bench
