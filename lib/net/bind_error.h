#pragma once
// What to tell an operator when a socket cannot be bound.

#include "base/peer.h"
#include "base/result.h"

namespace vbmc::net {

/// `error` is errno of socket(2) or bind(2). Reasons: ENDPOINT_IN_USE, MISSING_CAPABILITY,
/// BIND_FAILED.
Error bind_error(const Peer& local, int error);

} // namespace vbmc::net
