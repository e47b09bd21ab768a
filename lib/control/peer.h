#pragma once
// Who is at the other end of a call. Runs on gRPC's threads and touches nothing but the call.

#include "control/roles.h"

namespace grpc {
class CallbackServerContext;
}

namespace vbmc::control {

/// Connections of the Unix socket are handed to gRPC as descriptors and are called "fd:N" by it. N
/// stays open as long as one of its calls lives, so the kernel can be asked about it here.
PeerIdentity peer_of(const grpc::CallbackServerContext& context);

/// What the kernel knows of a connected Unix socket.
PeerIdentity unix_peer_of(int fd);

} // namespace vbmc::control
