#include "control/call.h"
#include "control/convert.h"
#include "control/services.h"
#include "control/text.h"
#include "vbmc/v1/backends.grpc.pb.h"

namespace vbmc::control {

namespace {

using Context = grpc::CallbackServerContext;
using Unary = grpc::ServerUnaryReactor;

Awaitable<Result<void>>
list_kinds(Core&, Caller, const v1::ListKindsRequest&, v1::ListKindsResponse& response) {
    for (const backend::DriverKind* kind : backend::kinds()) {
        *response.add_kinds() = to_proto(*kind);
    }
    co_return Result<void>();
}

Awaitable<Result<void>> test_backend(
    Core& core, Caller, const v1::TestBackendRequest& request, v1::TestBackendResponse& response
) {
    std::map<std::string, std::string> options(request.options().begin(), request.options().end());
    const auto tested = co_await core.fleet.test_backend(request.kind(), std::move(options));
    if (!tested) {
        Error error = tested.error();
        if (error.field == "backend") {
            error.field = "kind";
        } else if (error.field.starts_with("backend.")) {
            error.field.erase(0, std::string_view("backend.").size()); // options.NAME
        }
        co_return error;
    }
    response.set_power(to_proto(tested->power));
    response.set_host(to_utf8(tested->host));
    for (const std::string& capability : tested->capabilities) {
        response.add_capabilities(capability);
    }
    co_return Result<void>();
}

class BackendService final : public v1::BackendService::CallbackService {
  public:
    explicit BackendService(Core& core) : core_(core) {}

    Unary* ListKinds(Context* context, const v1::ListKindsRequest* in, v1::ListKindsResponse* out)
        override {
        return serve(core_, context, {"ListKinds", Role::viewer, false}, in, out, list_kinds);
    }

    Unary* TestBackend(
        Context* context, const v1::TestBackendRequest* in, v1::TestBackendResponse* out
    ) override {
        return serve(core_, context, {"TestBackend", Role::admin, true}, in, out, test_backend);
    }

  private:
    Core& core_;
};

} // namespace

std::unique_ptr<grpc::Service> make_backend_service(Core& core) {
    return std::make_unique<BackendService>(core);
}

} // namespace vbmc::control
