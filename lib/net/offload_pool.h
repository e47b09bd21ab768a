#pragma once
// Named threads for libraries that only have blocking calls (libvirt, SSH). A driver submits a
// function and awaits its result on its own shard. Made by main, outlives every driver; stop()
// waits for the calls in flight.

#include "net/run_on.h"
#include "net/thread.h"

#include <boost/asio/executor_work_guard.hpp>

#include <string>
#include <vector>

namespace vbmc::net {

class OffloadPool {
  public:
    /// Threads are named pool-NAME.
    OffloadPool(const std::string& name, unsigned threads);
    ~OffloadPool();
    OffloadPool(const OffloadPool&) = delete;
    OffloadPool& operator=(const OffloadPool&) = delete;

    /// Runs `function` on a pool thread. It must not touch what lives on a shard.
    template <class F>
    Awaitable<std::invoke_result_t<F&>> submit(F function) {
        return run_on(context_, std::move(function));
    }

    void stop();

  private:
    boost::asio::io_context context_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
    std::vector<NamedThread> threads_;
};

} // namespace vbmc::net
