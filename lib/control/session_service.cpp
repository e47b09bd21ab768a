#include "control/call.h"
#include "control/convert.h"
#include "control/services.h"
#include "vbmc/v1/sessions.grpc.pb.h"

namespace vbmc::control {

namespace {

using Context = grpc::CallbackServerContext;
using Unary = grpc::ServerUnaryReactor;
using Empty = google::protobuf::Empty;

Awaitable<Result<void>> list_sessions(
    Core& core, Caller, const v1::ListSessionsRequest& request, v1::ListSessionsResponse& response
) {
    const auto sessions = co_await core.fleet.sessions(request.node());
    if (!sessions) {
        co_return sessions.error();
    }
    for (const fleet::SessionView& session : *sessions) {
        *response.add_sessions() = to_proto(session);
    }
    co_return Result<void>();
}

Awaitable<Result<void>>
close_session(Core& core, Caller caller, const v1::CloseSessionRequest& request, Empty&) {
    co_return co_await core.fleet.close_session(request.node(), request.id(), caller.identity);
}

class SessionService final : public v1::SessionService::CallbackService {
  public:
    explicit SessionService(Core& core) : core_(core) {}

    Unary* ListSessions(
        Context* context, const v1::ListSessionsRequest* in, v1::ListSessionsResponse* out
    ) override {
        return serve(core_, context, {"ListSessions", Role::viewer, false}, in, out, list_sessions);
    }

    Unary* CloseSession(Context* context, const v1::CloseSessionRequest* in, Empty* out) override {
        return serve(core_, context, {"CloseSession", Role::operate, true}, in, out, close_session);
    }

  private:
    Core& core_;
};

} // namespace

std::unique_ptr<grpc::Service> make_session_service(Core& core) {
    return std::make_unique<SessionService>(core);
}

} // namespace vbmc::control
