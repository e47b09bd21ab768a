#pragma once
// What EventService does: the watch stream and the list of recent events.

#include "control/stream.h"
#include "vbmc/v1/events.pb.h"

namespace vbmc::control {

using WatchStream = WriteStream<v1::WatchEventsRequest, v1::WatchEventsResponse>;

/// Ends when the client or the daemon does.
Awaitable<Result<void>> watch_events(Core& core, Caller caller, WatchStream& stream);

Awaitable<Result<void>> list_events(
    Core& core, Caller, const v1::ListEventsRequest& request, v1::ListEventsResponse& response
);

} // namespace vbmc::control
