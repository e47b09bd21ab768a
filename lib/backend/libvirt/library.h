#pragma once
// What all libvirt nodes of the process share: libvirt's event loop on a thread of its own, and the
// desk, a thread on which every connection's state lives and where nothing blocks. Library is the
// owner (kept in Commons); Desk is what the connections hold.

#include "base/commons.h"
#include "net/loose_threads.h"
#include "net/thread.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace vbmc::backend::libvirt {

/// The way back to a shard leads over the desk: once the desk has stopped, nothing is posted to
/// shards that may be gone.
class Desk {
  public:
    boost::asio::io_context& context() noexcept { return context_; }

    /// From any thread; dropped when the desk has stopped.
    template <class F>
    void post(F function) {
        if (!stopped_.load()) {
            boost::asio::post(context_, std::move(function));
        }
    }

    /// On the desk. Threads for blocking calls, which run `work` until it has nothing left.
    void start_pool(
        const std::string& name, unsigned threads, std::shared_ptr<boost::asio::io_context> work
    );

    /// On the desk: called when the process ends, while pools still run.
    void at_stop(std::function<void()> function) { at_stop_.push_back(std::move(function)); }

  private:
    friend class Library;

    boost::asio::io_context context_{1};
    std::atomic<bool> stopped_{false};
    net::LooseThreads pools_;
    std::vector<std::function<void()>> at_stop_;
};

class Library {
  public:
    Library();
    ~Library();
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;

    /// The one of the process, or one of the caller's own where nothing is shared.
    static std::shared_ptr<Library> get(Commons* commons);

    const std::shared_ptr<Desk>& desk() const noexcept { return desk_; }

  private:
    std::shared_ptr<Desk> desk_ = std::make_shared<Desk>();
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
    std::shared_ptr<std::atomic<bool>> ending_ = std::make_shared<std::atomic<bool>>(false);
    std::vector<net::NamedThread> events_; // one, unless libvirt could not be initialised
    net::NamedThread desk_thread_;
};

} // namespace vbmc::backend::libvirt
