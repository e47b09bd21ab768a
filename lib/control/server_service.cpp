#include "control/call.h"
#include "control/services.h"
#include "control/text.h"
#include "vbmc/v1/server.grpc.pb.h"

#include <grpc/support/time.h>

#include <chrono>
#include <unistd.h>

namespace vbmc::control {

namespace {

Awaitable<Result<void>>
get_info(Core& core, Caller caller, const v1::GetServerInfoRequest&, v1::ServerInfo& response) {
    using std::chrono::duration_cast;
    response.set_version(core.facts.version);
    response.set_api_version("v1");
    response.set_state_dir(to_utf8(core.facts.state_dir));
    response.set_pid(static_cast<u32>(getpid()));
    const auto started = core.facts.started.time_since_epoch();
    response.mutable_started()->set_seconds(duration_cast<std::chrono::seconds>(started).count());
    const long long now_s = gpr_now(GPR_CLOCK_MONOTONIC).tv_sec;
    response.mutable_uptime()->set_seconds(now_s - core.up_since_s);

    const fleet::Fleet::Counts counts = core.fleet.counts();
    response.mutable_nodes()->set_total(counts.nodes);
    response.mutable_nodes()->set_running(counts.running);
    response.mutable_nodes()->set_failed(counts.failed);
    response.mutable_nodes()->set_stopped(counts.stopped);
    for (const auto& [key, value] : core.facts.config) {
        (*response.mutable_config())[to_utf8(key)] = to_utf8(value);
    }
    for (const std::string& listener : core.listeners) {
        response.add_listeners(to_utf8(listener));
    }
    response.mutable_caller()->set_identity(to_utf8(caller.identity));
    for (const std::string& role : caller.roles.names()) {
        response.mutable_caller()->add_roles(role);
    }
    co_return Result<void>();
}

class ServerService final : public v1::ServerService::CallbackService {
  public:
    explicit ServerService(Core& core) : core_(core) {}

    grpc::ServerUnaryReactor* GetServerInfo(
        grpc::CallbackServerContext* context,
        const v1::GetServerInfoRequest* in,
        v1::ServerInfo* out
    ) override {
        return serve(core_, context, {"GetServerInfo", Role::viewer, false}, in, out, get_info);
    }

  private:
    Core& core_;
};

} // namespace

std::unique_ptr<grpc::Service> make_server_service(Core& core) {
    return std::make_unique<ServerService>(core);
}

} // namespace vbmc::control
