#pragma once
// Everything that runs, in the order in which it starts; stop() is that order backwards. Owned by
// main(), whose thread is the control thread while run() lasts.

#include "control/metrics_server.h"
#include "control/server.h"
#include "fleet/fleet.h"
#include "fleet/sources.h"
#include "net/shard.h"
#include "options.h"
#include "store/store.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <functional>
#include <memory>

namespace vbmc::daemon {

class Daemon {
  public:
    /// `read_again` is called on SIGHUP for the configuration as it is then.
    Daemon(Options options, std::function<Result<Options>()> read_again);

    /// Starts, serves until SIGTERM or SIGINT, stops. The error is why it could not start at all.
    Result<void> run();

  private:
    using Control = boost::asio::io_context;
    using Timer = boost::asio::basic_waitable_timer<
        std::chrono::steady_clock,
        boost::asio::wait_traits<std::chrono::steady_clock>,
        Control::executor_type>;
    template <class T>
    using Awaitable = fleet::Awaitable<T>;

    Awaitable<void> life();
    Awaitable<Result<void>> start();
    Awaitable<void> stop();
    void wait_for_signals();
    void on_signal(int signal);
    void reload();
    void reload_credentials(const Config& again);
    void beat();
    void ask_shards();
    std::string status() const;
    control::ServerFacts facts() const;

    Options options_;
    std::function<Result<Options>()> read_again_;
    Control control_{1};
    boost::asio::basic_signal_set<Control::executor_type> signals_;
    Timer heart_;
    Timer stopping_;
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<net::ShardPool> shards_;
    std::unique_ptr<fleet::Fleet> fleet_;
    std::unique_ptr<fleet::Sources> sources_;
    std::unique_ptr<control::ControlServer> server_;
    std::unique_ptr<control::MetricsServer> metrics_;
    Result<void> outcome_;
    bool stop_asked_ = false;
    u64 beat_ = 0;
    std::size_t shards_alive_ = 0; // that answered since the last beat
    Wall started_{};
    unsigned long descriptors_ = 0;
};

} // namespace vbmc::daemon
