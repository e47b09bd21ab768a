#include "control/server.h"

#include "base/log.h"
#include "control/core.h"
#include "control/services.h"
#include "control/tls.h"
#include "control/unix_socket.h"

#include <boost/asio/post.hpp>
#include <grpc/support/log.h>
#include <grpc/support/time.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/codegen/service_type.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>

#include <thread>
#include <unistd.h>

namespace vbmc::control {

namespace {

constexpr int sent_bytes_max = 16 << 20;
constexpr int streams_a_connection = 1024;
constexpr int metadata_bytes_max = 16 << 10;

/// gRPC's own lines: it calls a client's bad handshake an error, for us it is a warning.
void log_of_grpc(gpr_log_func_args* args) {
    const Level level = args->severity == GPR_LOG_SEVERITY_ERROR ? Level::warn : Level::debug;
    log(level, "control.grpc", {{"message", args->message}});
}

std::string bracketed(const std::string& address) {
    return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

std::vector<std::unique_ptr<grpc::Service>> make_services(Core& core) {
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(make_node_service(core));
    services.push_back(make_power_service(core));
    services.push_back(make_session_service(core));
    services.push_back(make_sel_service(core));
    services.push_back(make_sensor_service(core));
    services.push_back(make_user_service(core));
    services.push_back(make_backend_service(core));
    services.push_back(make_console_service(core));
    services.push_back(make_discovery_service(core));
    services.push_back(make_event_service(core));
    services.push_back(make_server_service(core));
    return services;
}

} // namespace

class ControlServer::Impl {
  public:
    Impl(
        boost::asio::io_context& control,
        fleet::Fleet& fleet,
        fleet::Sources* sources,
        ControlConfig config,
        RoleMap roles
    )
        : core(std::make_shared<Core>(control, fleet, sources, std::move(config), std::move(roles))
          ) {}

    ~Impl() { shut_down(Duration::zero()); }

    Result<void> listen() {
        const ControlConfig& config = core->config;
        if (config.socket_fd >= 0 || !config.socket_path.empty()) {
            UnixListener::Options options;
            options.path = config.socket_path;
            options.mode = config.socket_mode;
            options.group = config.socket_group;
            options.fd = config.socket_fd;
            auto opened = UnixListener::open(options);
            if (!opened) {
                return opened.error();
            }
            socket_ = *std::move(opened);
            core->listeners.push_back(socket_->name());
        }
        if (auto built = build(); !built) {
            return built;
        }
        if (socket_ != nullptr) {
            socket_->start([this](int fd) { grpc::AddInsecureChannelFromFd(server_.get(), fd); });
        }
        return {};
    }

    /// Blocks. Not on the control thread while that has calls to finish.
    void shut_down(Duration grace) {
        if (socket_ != nullptr) {
            socket_->stop();
        }
        if (server_ != nullptr) {
            const auto patience = gpr_time_from_nanos(grace.count(), GPR_TIMESPAN);
            server_->Shutdown(gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), patience));
            server_->Wait();
            server_.reset();
        }
        socket_.reset();
    }

    const std::shared_ptr<Core> core;

  private:
    Result<void> build() {
        const ControlConfig& config = core->config;
        grpc::EnableDefaultHealthCheckService(true);
        grpc::reflection::InitProtoReflectionServerBuilderPlugin();
        services_ = make_services(*core);
        grpc::ServerBuilder builder;
        std::vector<int> ports(config.tcp.size());
        for (std::size_t i = 0; i < config.tcp.size(); ++i) {
            auto credentials = tls_credentials(config.tcp[i]);
            if (!credentials) {
                return credentials.error();
            }
            const std::string address =
                bracketed(config.tcp[i].address) + ":" + std::to_string(config.tcp[i].port);
            builder.AddListeningPort(address, *credentials, &ports[i]);
        }
        for (const auto& service : services_) {
            builder.RegisterService(service.get());
        }
        builder.SetMaxReceiveMessageSize(config.message_bytes_max);
        builder.SetMaxSendMessageSize(sent_bytes_max);
        builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, streams_a_connection);
        builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, metadata_bytes_max);
        builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0); // a second daemon is told so
        server_ = builder.BuildAndStart();
        return check_ports(ports);
    }

    Result<void> check_ports(const std::vector<int>& ports) {
        for (std::size_t i = 0; i < ports.size(); ++i) {
            const TcpListener& listener = core->config.tcp[i];
            if (ports[i] == 0 || server_ == nullptr) {
                return Error(
                           ErrorCode::failed_precondition,
                           "LISTEN_FAILED",
                           "cannot listen on " + bracketed(listener.address) + ":" +
                               std::to_string(listener.port)
                )
                    .with_field("listen")
                    .with_hint("another program may have that port");
            }
            core->listeners.push_back(
                "tcp:" + bracketed(listener.address) + ":" + std::to_string(ports[i])
            );
        }
        if (server_ == nullptr) {
            return Error(ErrorCode::internal, "LISTEN_FAILED", "the control API cannot start");
        }
        return {};
    }

    std::vector<std::unique_ptr<grpc::Service>> services_;
    std::unique_ptr<UnixListener> socket_;
    std::unique_ptr<grpc::Server> server_;
};

ControlServer::ControlServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ControlServer::~ControlServer() = default;

Result<std::unique_ptr<ControlServer>> ControlServer::start(
    ControlConfig config,
    ServerFacts facts,
    boost::asio::io_context& control,
    fleet::Fleet& fleet,
    fleet::Sources* sources
) {
    gpr_set_log_function(log_of_grpc);
    auto roles = RoleMap::resolve(config.roles, getuid());
    if (!roles) {
        return roles.error();
    }
    auto impl =
        std::make_unique<Impl>(control, fleet, sources, std::move(config), *std::move(roles));
    impl->core->facts = std::move(facts);
    impl->core->up_since_s = gpr_now(GPR_CLOCK_MONOTONIC).tv_sec;
    if (auto listening = impl->listen(); !listening) {
        return listening.error();
    }
    return std::unique_ptr<ControlServer>(new ControlServer(std::move(impl)));
}

Awaitable<void> ControlServer::stop(Duration grace) {
    Core& core = *impl_->core;
    core.stopping = true;
    for (InFlight* call : core.calls) {
        call->hurry();
    }
    // gRPC waits for the calls, and those are finished on this thread: so it waits on another one.
    bool done = false;
    Signal changed(core.control);
    std::thread waiter([this, grace, &core, &done, &changed] {
        impl_->shut_down(grace);
        auto tell = [&done, &changed] {
            done = true;
            changed.notify();
        };
        boost::asio::post(core.control, std::move(tell));
    });
    co_await changed.wait_for(grace);
    const std::set<InFlight*> late = core.calls;
    for (InFlight* call : late) { // their backends may hang for longer than anybody waits
        call->abandon();
    }
    while (!done) {
        co_await changed.wait();
    }
    waiter.join();
    log(Level::info, "control.stopped");
}

Result<void> ControlServer::reload(const std::vector<RoleRule>& rules, ServerFacts facts) {
    auto roles = RoleMap::resolve(rules, getuid());
    if (!roles) {
        return roles.error();
    }
    impl_->core->roles = *std::move(roles);
    impl_->core->facts = std::move(facts);
    return {};
}

const std::vector<std::string>& ControlServer::listeners() const {
    return impl_->core->listeners;
}

} // namespace vbmc::control
