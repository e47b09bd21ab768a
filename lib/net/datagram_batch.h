#pragma once
// What a shard receives and sends at a time: room for some datagrams with their addresses, and the
// answers to them. One instance a shard, used by whichever endpoint has its turn.

#include "base/bytes.h"
#include "net/sockaddr.h"

#include <array>
#include <sys/socket.h>

namespace vbmc::net {

class DatagramBatch {
  public:
    static constexpr std::size_t size_max = 16; // datagrams a turn, then others have theirs

    /// Answers that leave together. Not a whole turn's: the first client would wait for the last
    /// one's answer, and a client that waits for all of its own would idle while this works and let
    /// this idle while it works.
    static constexpr std::size_t answers_max = 4;

    static constexpr std::size_t datagram_max = 2048; // IPMI's are below 1,100; longer are cut

    DatagramBatch() noexcept;
    DatagramBatch(const DatagramBatch&) = delete;
    DatagramBatch& operator=(const DatagramBatch&) = delete;

    /// How many were read, or -errno.
    int receive(int fd) noexcept;

    // The i-th of them.

    MutableBytes datagram(std::size_t i) noexcept {
        return MutableBytes(in_[i].bytes).first(incoming_[i].msg_len);
    }

    Peer peer(std::size_t i) const noexcept { return in_[i].from.peer(); }

    bool was_cut(std::size_t i) const noexcept {
        return (incoming_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
    }

    const msghdr& header(std::size_t i) const noexcept { return incoming_[i].msg_hdr; }

    /// Room for its answer.
    MutableBytes room() noexcept { return out_[answers_]; }

    /// What is in room() goes back to where the i-th came from, and from there. Not when it is
    /// full().
    void answer(std::size_t i, std::size_t size) noexcept;

    std::size_t answers() const noexcept { return answers_; }

    bool full() const noexcept { return answers_ == answers_max; }

    /// Sends what was answered; how many the kernel took.
    std::size_t send(int fd) noexcept;

  private:
    struct Control {
        alignas(cmsghdr) std::array<char, 96> bytes;
    };

    struct In {
        SocketAddress from;
        iovec part;
        Control control;
        ByteArray<datagram_max> bytes;
    };

    std::array<In, size_max> in_;
    std::array<mmsghdr, size_max> incoming_;
    std::array<ByteArray<datagram_max>, answers_max> out_;
    std::array<iovec, answers_max> parts_;
    std::array<mmsghdr, answers_max> outgoing_;
    std::array<Control, answers_max> sources_;
    std::size_t answers_ = 0;
    std::size_t used_ = size_max;
};

} // namespace vbmc::net
