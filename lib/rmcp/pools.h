#pragma once
// The parts of Shared that only the engine sees.

#include "rmcp/handshake.h"
#include "rmcp/session.h"
#include "rmcp/throttle.h"

namespace vbmc::rmcp {

struct Pools {
    Pools(Entropy& entropy, const Limits& limits)
        : sessions(limits.sessions_per_shard), half_open(limits.half_open_per_shard),
          throttle(entropy, limits) {}

    Pool<Session> sessions;
    Pool<HalfOpen> half_open;
    Throttle throttle;
};

} // namespace vbmc::rmcp
