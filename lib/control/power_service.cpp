#include "control/call.h"
#include "control/convert.h"
#include "control/services.h"
#include "vbmc/v1/power.grpc.pb.h"

namespace vbmc::control {

namespace {

using Context = grpc::CallbackServerContext;
using Unary = grpc::ServerUnaryReactor;

Awaitable<Result<void>>
get_power(Core& core, Caller, const v1::GetPowerRequest& request, v1::GetPowerResponse& response) {
    const auto state = co_await core.fleet.get_power(request.node());
    if (!state) {
        co_return state.error();
    }
    response.set_node(request.node());
    response.set_state(to_proto(*state));
    co_return Result<void>();
}

Awaitable<Result<void>> set_power(
    Core& core, Caller caller, const v1::SetPowerRequest& request, v1::SetPowerResponse& response
) {
    const auto action = to_action(request.action());
    if (!action) {
        co_return action.error();
    }
    const auto state = co_await core.fleet.set_power(request.node(), *action, caller.identity);
    if (!state) {
        co_return state.error();
    }
    response.set_node(request.node());
    response.set_state(to_proto(*state));
    co_return Result<void>();
}

Awaitable<Result<void>> set_boot(
    Core& core, Caller caller, const v1::SetBootRequest& request, v1::SetBootResponse& response
) {
    const auto boot = to_boot(request.boot());
    if (!boot) {
        co_return boot.error();
    }
    const auto done = co_await core.fleet.set_boot(request.node(), *boot, caller.identity);
    if (!done) {
        co_return done.error();
    }
    response.set_node(request.node());
    *response.mutable_boot() = to_proto(*boot);
    co_return Result<void>();
}

class PowerService final : public v1::PowerService::CallbackService {
  public:
    explicit PowerService(Core& core) : core_(core) {}

    Unary*
    GetPower(Context* context, const v1::GetPowerRequest* in, v1::GetPowerResponse* out) override {
        return serve(core_, context, {"GetPower", Role::viewer, false}, in, out, get_power);
    }

    Unary*
    SetPower(Context* context, const v1::SetPowerRequest* in, v1::SetPowerResponse* out) override {
        return serve(core_, context, {"SetPower", Role::operate, true}, in, out, set_power);
    }

    Unary*
    SetBoot(Context* context, const v1::SetBootRequest* in, v1::SetBootResponse* out) override {
        return serve(core_, context, {"SetBoot", Role::operate, true}, in, out, set_boot);
    }

  private:
    Core& core_;
};

} // namespace

std::unique_ptr<grpc::Service> make_power_service(Core& core) {
    return std::make_unique<PowerService>(core);
}

} // namespace vbmc::control
