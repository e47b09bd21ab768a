#pragma once
// A UDP socket on exactly one address that costs next to nothing while idle: no coroutine, no timer
// and no buffer, only a slot in its shard's poller; datagrams pass through the shard's own buffers,
// some at a time. Lives on its shard's thread from open() to its destructor. Does not know what the
// bytes mean.

#include "base/bytes.h"
#include "base/peer.h"
#include "base/result.h"
#include "base/time.h"
#include "net/poller.h"

#include <memory>

namespace vbmc::net {

class Shard;

/// What stands behind an endpoint. `in` and `out` are the shard's buffers: valid during the call.
class DatagramHandler {
  public:
    virtual ~DatagramHandler() = default;

    /// Returns the length of the reply in `out`, 0 for none. May change `in` (decrypts in place).
    virtual std::size_t receive(Now now, const Peer& peer, MutableBytes in, MutableBytes out) = 0;

    /// The replies to what came in together are out: the time for everything that a client need not
    /// wait for.
    virtual void after_reply(Now now) = 0;
};

struct UdpOptions {
    bool freebind = false;        // bind an address that the machine does not have (yet)
    int receive_buffer_bytes = 0; // 0: the system's default, about 256 small datagrams
};

/// Of all endpoints of a shard since it was made.
struct UdpCounters {
    u64 received = 0;
    u64 sent = 0;
    u64 send_failures = 0; // the kernel refused: no buffer, no route, filtered
    u64 receive_errors = 0;
    u64 queue_full = 0; // datagrams that the kernel dropped: we did not read fast enough
};

class UdpEndpoint final : private Poller::Source {
  public:
    UdpEndpoint(Shard& shard, DatagramHandler& handler);
    ~UdpEndpoint();
    UdpEndpoint(const UdpEndpoint&) = delete;
    UdpEndpoint& operator=(const UdpEndpoint&) = delete;

    /// Binds; datagrams queue up in the kernel until start().
    Result<void> open(const Peer& local, const UdpOptions& options);

    void start();

    void close();

    bool is_open() const noexcept { return fd_ >= 0; }

    /// Where it is bound, with the port that the kernel chose when 0 was asked for.
    const Peer& local() const noexcept { return local_; }

    /// From the address that `peer` wrote to. False when the kernel refused.
    bool send(const Peer& peer, Bytes datagram);

  private:
    class Sources;

    void on_readable() override;
    void take_in(int count);
    void send_answers() noexcept;
    void count_overflows(u32 total) noexcept;
    bool transmit(const Peer& peer, Bytes datagram);

    Shard& shard_;
    DatagramHandler& handler_;
    std::unique_ptr<Sources> sources_; // only when bound to all addresses
    bool* gone_ = nullptr;             // set by the destructor while a handler is being called
    Peer local_;
    int fd_ = -1;
    u32 slot_ = Poller::no_slot;
    u32 overflows_ = 0; // as the socket counted them last
};

} // namespace vbmc::net
