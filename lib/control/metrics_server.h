#pragma once
// The tiny HTTP responder behind Prometheus: GET of a few fixed paths, one answer a connection. Off
// unless configured, on a loopback address only. Lives on the control thread.

#include "base/peer.h"
#include "base/result.h"
#include "base/time.h"
#include "fleet/fleet.h"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

namespace vbmc::control {

class MetricsServer {
  public:
    /// Listens. `version` and when the process started are among what is shown.
    static Result<std::unique_ptr<MetricsServer>> start(
        const Peer& address,
        std::string version,
        Wall started,
        boost::asio::io_context& control,
        fleet::Fleet& fleet
    );

    /// Ends its connections at once.
    ~MetricsServer();
    MetricsServer(const MetricsServer&) = delete;
    MetricsServer& operator=(const MetricsServer&) = delete;

    /// "http:127.0.0.1:9290", with the port that the kernel chose when 0 was asked for.
    const std::string& name() const;

  private:
    class Impl;
    explicit MetricsServer(std::shared_ptr<Impl> impl);

    std::shared_ptr<Impl> impl_;
};

} // namespace vbmc::control
