#include "control/call.h"
#include "control/convert.h"
#include "control/services.h"
#include "vbmc/v1/sel.grpc.pb.h"

namespace vbmc::control {

namespace {

using Context = grpc::CallbackServerContext;
using Unary = grpc::ServerUnaryReactor;
using Empty = google::protobuf::Empty;

Awaitable<Result<void>>
list_sel(Core& core, Caller, const v1::ListSelRequest& request, v1::ListSelResponse& response) {
    const auto sel = co_await core.fleet.sel(request.node());
    if (!sel) {
        co_return sel.error();
    }
    for (const fleet::SelView& entry : sel->entries) {
        *response.add_entries() = to_proto(entry);
    }
    response.set_capacity(sel->capacity);
    co_return Result<void>();
}

Awaitable<Result<void>>
clear_sel(Core& core, Caller caller, const v1::ClearSelRequest& request, Empty&) {
    co_return co_await core.fleet.clear_sel(request.node(), caller.identity);
}

class SelService final : public v1::SelService::CallbackService {
  public:
    explicit SelService(Core& core) : core_(core) {}

    Unary*
    ListSel(Context* context, const v1::ListSelRequest* in, v1::ListSelResponse* out) override {
        return serve(core_, context, {"ListSel", Role::viewer, false}, in, out, list_sel);
    }

    Unary* ClearSel(Context* context, const v1::ClearSelRequest* in, Empty* out) override {
        return serve(core_, context, {"ClearSel", Role::operate, true}, in, out, clear_sel);
    }

  private:
    Core& core_;
};

} // namespace

std::unique_ptr<grpc::Service> make_sel_service(Core& core) {
    return std::make_unique<SelService>(core);
}

} // namespace vbmc::control
