#pragma once
// A shard: one thread, one io_context, one poller of sockets, buffers for one batch of datagrams,
// one timer queue, one source of randomness. An endpoint lives on one shard for life; others reach
// it by post() only. The pool is made by main before anything that lives on it and stopped after
// all of it is gone.

#include "base/bytes.h"
#include "base/entropy.h"
#include "net/datagram_batch.h"
#include "net/poller.h"
#include "net/thread.h"
#include "net/timer_queue.h"
#include "net/udp_endpoint.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace vbmc::net {

class Shard {
  public:
    explicit Shard(unsigned index);
    ~Shard();
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;

    unsigned index() const noexcept { return index_; }

    boost::asio::io_context& context() noexcept { return context_; }

    // The rest is for the shard's own thread.

    TimerQueue& timers() noexcept { return timers_; }

    Entropy& entropy() noexcept { return entropy_; }

    Poller& poller() noexcept { return poller_; }

    DatagramBatch& batch() noexcept { return *batch_; }

    UdpCounters& udp() noexcept { return udp_; }

    const UdpCounters& udp() const noexcept { return udp_; }

    bool is_current() const noexcept { return thread_.is_current(); }

    /// Runs on the shard, later; any thread may call it.
    template <class F>
    void post(F&& function) {
        boost::asio::post(context_, std::forward<F>(function));
    }

    /// Ends the thread; what is still posted is dropped. Any other thread; once.
    void stop();

  private:
    using Alarm = boost::asio::basic_waitable_timer<
        std::chrono::steady_clock,
        boost::asio::wait_traits<std::chrono::steady_clock>,
        boost::asio::io_context::executor_type>;

    using Descriptor =
        boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>;

    void run();
    void set_alarm();
    void wait_for_sockets();

    unsigned index_;
    TimerQueue timers_; // before the context: what is still posted there may own endpoints
    Poller poller_;
    std::unique_ptr<DatagramBatch> batch_;
    UdpCounters udp_;
    SystemEntropy entropy_;
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
    Alarm alarm_;
    Mono alarm_at_ = never;
    Descriptor sockets_; // a copy of the poller's
    NamedThread thread_; // last: starts when all else stands
};

class ShardPool {
  public:
    /// 0: as many as there are cores, four at most.
    explicit ShardPool(unsigned count = 0);
    ~ShardPool();

    std::size_t size() const noexcept { return shards_.size(); }

    Shard& operator[](std::size_t index) noexcept { return *shards_[index]; }

    template <class F>
    void post(std::size_t index, F&& function) {
        shards_[index]->post(std::forward<F>(function));
    }

    /// Ends all threads. Idempotent.
    void stop();

  private:
    std::vector<std::unique_ptr<Shard>> shards_;
};

} // namespace vbmc::net
