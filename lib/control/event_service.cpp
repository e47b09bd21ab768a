#include "control/services.h"
#include "control/watch.h"
#include "vbmc/v1/events.grpc.pb.h"

namespace vbmc::control {

namespace {

using Context = grpc::CallbackServerContext;

class EventService final : public v1::EventService::CallbackService {
  public:
    explicit EventService(Core& core) : core_(core) {}

    grpc::ServerWriteReactor<v1::WatchEventsResponse>*
    WatchEvents(Context* context, const v1::WatchEventsRequest* in) override {
        constexpr Method method{"WatchEvents", Role::viewer, false};
        return serve_stream(
            core_,
            std::make_shared<WatchStream>(core_, *in),
            peer_of(*context),
            method,
            watch_events
        );
    }

    grpc::ServerUnaryReactor* ListEvents(
        Context* context, const v1::ListEventsRequest* in, v1::ListEventsResponse* out
    ) override {
        return serve(core_, context, {"ListEvents", Role::viewer, false}, in, out, list_events);
    }

  private:
    Core& core_;
};

} // namespace

std::unique_ptr<grpc::Service> make_event_service(Core& core) {
    return std::make_unique<EventService>(core);
}

} // namespace vbmc::control
