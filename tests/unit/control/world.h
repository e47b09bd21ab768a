#pragma once
// A control server over a fake fleet, on a Unix socket in a directory of its own, and a client's
// channel.

#include "control/server.h"
#include "fake_fleet.h"
#include "google/rpc/error_details.pb.h"
#include "vbmc/v1/nodes.pb.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace vbmc::test {

class World {
  public:
    /// `prepare` sees the fake before anything runs.
    explicit World(
        const std::function<void(FakeFleet&)>& prepare = {}, control::ControlConfig config = {}
    );
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    /// Runs on the control thread; waits for it.
    void on_control(const std::function<void(FakeFleet&)>& body);

    /// A new connection.
    std::shared_ptr<grpc::Channel> connect() const;

    void stop();

    std::string directory;
    std::string socket;

  private:
    boost::asio::io_context io_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::unique_ptr<fleet::Fleet> fleet_;
    std::unique_ptr<control::ControlServer> server_;
    std::thread thread_;
};

/// The ErrorInfo of a status' details.
google::rpc::ErrorInfo info_of(const std::string& details);

/// n0000, n0001, ...
void fill(FakeFleet& fleet, int count);

/// A node as a client would write it.
v1::Node declared(const std::string& name);

} // namespace vbmc::test
