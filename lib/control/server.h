#pragma once
// The control API's server: services, listeners, health and reflection. Made by main after the
// fleet has started; lives on the control thread, whose io_context has to run until stop() has
// returned.

#include "control/config.h"
#include "control/signal.h"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>
#include <vector>

namespace vbmc::fleet {
class Sources;
}

namespace vbmc::control {

class ControlServer {
  public:
    /// Listens; from then on calls are served as soon as `control` runs. The error says which
    /// listener cannot be had, and why.
    static Result<std::unique_ptr<ControlServer>> start(
        ControlConfig config,
        ServerFacts facts,
        boost::asio::io_context& control,
        fleet::Fleet& fleet,
        fleet::Sources* sources = nullptr
    );

    /// stop() first, if start() succeeded and `control` has run.
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

    /// No new connections; calls in flight get `grace` to end, then they are cancelled. Streams end
    /// at once with UNAVAILABLE.
    Awaitable<void> stop(Duration grace);

    /// On SIGHUP: new roles and facts, for the next calls. Listeners stay as they are.
    Result<void> reload(const std::vector<RoleRule>& roles, ServerFacts facts);

    /// "unix:/run/vbmc/vbmcd.sock", "tcp:127.0.0.1:50051".
    const std::vector<std::string>& listeners() const;

  private:
    class Impl;
    explicit ControlServer(std::unique_ptr<Impl> impl);

    std::unique_ptr<Impl> impl_;
};

} // namespace vbmc::control
