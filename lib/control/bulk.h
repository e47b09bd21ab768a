#pragma once
// The two bulk calls of NodeService: streams that keep many nodes' work in flight at a time.

#include "control/stream.h"
#include "vbmc/v1/nodes.pb.h"

namespace vbmc::control {

using ApplyStream = BidiStream<v1::ApplyNodesRequest, v1::ApplyNodesResponse>;

Awaitable<Result<void>> apply_nodes(Core& core, Caller caller, ApplyStream& stream);

using BatchStream = WriteStream<v1::BatchNodesRequest, v1::BatchNodesResponse>;

Awaitable<Result<void>> batch_nodes(Core& core, Caller caller, BatchStream& stream);

/// The role that the request's verb needs.
Role role_of(const v1::BatchNodesRequest& request);

/// The parallelism of a bulk call: 0 is the default.
u32 parallelism(const Core& core, u32 asked);

} // namespace vbmc::control
