#include "net/datagram_batch.h"

#include "net/packet_info.h"

#include <cerrno>

namespace vbmc::net {

DatagramBatch::DatagramBatch() noexcept {
    for (std::size_t i = 0; i < size_max; ++i) {
        in_[i].part = {in_[i].bytes.data(), datagram_max};
        incoming_[i] = {};
        incoming_[i].msg_hdr.msg_name = in_[i].from.data();
        incoming_[i].msg_hdr.msg_iov = &in_[i].part;
        incoming_[i].msg_hdr.msg_iovlen = 1;
        incoming_[i].msg_hdr.msg_control = in_[i].control.bytes.data();
    }
    for (std::size_t i = 0; i < answers_max; ++i) {
        parts_[i] = {out_[i].data(), 0};
        outgoing_[i] = {};
        outgoing_[i].msg_hdr.msg_iov = &parts_[i];
        outgoing_[i].msg_hdr.msg_iovlen = 1;
    }
}

int DatagramBatch::receive(int fd) noexcept {
    for (std::size_t i = 0; i < used_; ++i) { // what the last turn wrote over
        incoming_[i].msg_hdr.msg_namelen = SocketAddress::capacity();
        incoming_[i].msg_hdr.msg_controllen = in_[i].control.bytes.size();
    }
    answers_ = 0;
    used_ = 0;
    const int got = ::recvmmsg(fd, incoming_.data(), size_max, MSG_DONTWAIT, nullptr);
    if (got < 0) {
        return -errno;
    }
    used_ = static_cast<std::size_t>(got);
    return got;
}

void DatagramBatch::answer(std::size_t i, std::size_t size) noexcept {
    const msghdr& from = incoming_[i].msg_hdr;
    msghdr& to = outgoing_[answers_].msg_hdr;
    to.msg_name = from.msg_name;
    to.msg_namelen = from.msg_namelen;
    to.msg_control = sources_[answers_].bytes.data();
    to.msg_controllen = sources_[answers_].bytes.size();
    reply_packet_info(from, to);
    parts_[answers_].iov_len = size;
    ++answers_;
}

std::size_t DatagramBatch::send(int fd) noexcept {
    std::size_t sent = 0;
    std::size_t at = 0;
    while (at < answers_) {
        const auto left = static_cast<unsigned>(answers_ - at);
        const int done = ::sendmmsg(fd, &outgoing_[at], left, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done > 0) {
            sent += static_cast<std::size_t>(done);
            at += static_cast<std::size_t>(done);
        } else if (errno != EINTR) {
            ++at; // the kernel refused this one: no buffer, no route, filtered
        }
    }
    answers_ = 0;
    return sent;
}

} // namespace vbmc::net
