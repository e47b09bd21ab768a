#pragma once
// What both ssh drivers share: the host and its console, and that a machine which takes no
// connection may be known to be off. Owned by the driver; on the node's shard.

#include "backend/ssh/host.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::backend::ssh {

/// An empty set: "not read yet", and a backend that can be asked.
std::shared_ptr<const bmc::SensorSet> no_sensors();

class BaseDriver : public Driver {
  public:
    BaseDriver(const DriverContext& context, const DriverConfig& config);

    std::string host() const override { return host_->name(); }

    bool one_time_boot_is_native() const override { return true; }

    void on_change(std::function<void(const bmc::Observation&)> sink) override {
        if (sink) { // the node starts: somebody may have put right what was wrong
            host_->forget_pause();
        }
        change_ = std::move(sink);
    }

  protected:
    /// What a machine that took a command may do to the connection.
    enum class Effect : u8 {
        stays,     // nothing: without an exit status nobody knows whether it was done
        goes_away, // ends it: it was taken, and is seen by looking
        may_hang,  // ends it, or never answers again
    };

    /// Runs a command of which only the success counts.
    Awaitable<Result<void>> act(std::string line, std::string what, Effect effect, Mono deadline);

    /// Runs a command and gives what it printed.
    Awaitable<Result<std::string>> ask(std::string line, std::string what, Mono deadline);

    /// `off` where the options say so of a machine that takes no connection.
    Result<bmc::PowerState> unreached(const Error& why) const;

    Awaitable<Result<std::unique_ptr<Console>>>
    open_terminal(std::string line, std::string on_break, ConsoleSink sink, Mono deadline);

    std::shared_ptr<Host> host_;
    std::function<void(const bmc::Observation&)> change_;

  private:
    boost::asio::io_context& shard_;
    bool unreachable_is_off_;
};

} // namespace vbmc::backend::ssh
