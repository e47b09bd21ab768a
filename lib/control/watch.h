#pragma once
// What EventService does: the watch stream and the list of recent events.

#include "control/stream.h"
#include "vbmc/v1/events.pb.h"

namespace vbmc::control {

/// Carries its request, which gRPC keeps only until the method's return.
class WatchStream final : public StreamBase<
                              grpc::ServerWriteReactor<v1::WatchEventsResponse>,
                              v1::WatchEventsRequest,
                              v1::WatchEventsResponse> {
  public:
    WatchStream(Core& core, grpc::CallbackServerContext* context, v1::WatchEventsRequest request_)
        : StreamBase(core, context), request(std::move(request_)) {}

    const v1::WatchEventsRequest request;
};

/// Ends when the client or the daemon does.
Awaitable<Result<void>> watch_events(Core& core, Caller caller, WatchStream& stream);

Awaitable<Result<void>> list_events(
    Core& core, Caller, const v1::ListEventsRequest& request, v1::ListEventsResponse& response
);

} // namespace vbmc::control
