#pragma once
// A UDP socket on exactly one address that costs next to nothing while idle: no coroutine and no
// buffer, only a wait for readability; datagrams pass through the shard's own buffers. Lives on its
// shard's thread from open() to its destructor. Does not know what the bytes mean.

#include "base/bytes.h"
#include "base/peer.h"
#include "base/result.h"
#include "base/time.h"
#include "net/timer_queue.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

#include <memory>

namespace vbmc::net {

class Shard;

/// What stands behind an endpoint. `in` and `out` are the shard's buffers: valid during the call.
class DatagramHandler {
  public:
    virtual ~DatagramHandler() = default;

    /// Returns the length of the reply in `out`, 0 for none. May change `in` (decrypts in place).
    virtual std::size_t receive(Now now, const Peer& peer, MutableBytes in, MutableBytes out) = 0;

    /// The reply is out: the time for everything that a client need not wait for.
    virtual void after_reply(Now now) = 0;
};

struct UdpOptions {
    bool freebind = false;        // bind an address that the machine does not have (yet)
    int receive_buffer_bytes = 0; // 0: the system's default, about 256 small datagrams
};

class UdpEndpoint {
  public:
    struct Stats {
        u64 received = 0;
        u64 sent = 0;
        u64 send_failures = 0; // the kernel refused: no buffer, no route, filtered
        u64 receive_errors = 0;
    };

    UdpEndpoint(Shard& shard, DatagramHandler& handler);
    ~UdpEndpoint();
    UdpEndpoint(const UdpEndpoint&) = delete;
    UdpEndpoint& operator=(const UdpEndpoint&) = delete;

    /// Binds; datagrams queue up in the kernel until start().
    Result<void> open(const Peer& local, const UdpOptions& options);

    void start();

    void close();

    bool is_open() const noexcept { return socket_.is_open(); }

    /// Where it is bound, with the port that the kernel chose when 0 was asked for.
    const Peer& local() const noexcept { return local_; }

    /// From the address that `peer` wrote to. False when the kernel refused.
    bool send(const Peer& peer, Bytes datagram);

    const Stats& stats() const noexcept { return stats_; }

  private:
    class Sources;

    void wait();
    void on_readable();
    bool receive_one();
    bool transmit(const Peer& peer, Bytes datagram);

    Shard& shard_;
    DatagramHandler& handler_;
    boost::asio::basic_datagram_socket<boost::asio::ip::udp, boost::asio::io_context::executor_type>
        socket_;
    Timer retry_; // after an error of the wait itself: never deaf, never spinning
    std::shared_ptr<UdpEndpoint*> self_; // a completed wait may outlive the endpoint in the queue
    std::unique_ptr<Sources> sources_;   // only when bound to all addresses
    Peer local_;
    Stats stats_;
};

} // namespace vbmc::net
