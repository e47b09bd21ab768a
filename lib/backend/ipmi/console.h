#pragma once
// The node's console as the BMC behind it gives it: Serial over LAN, relayed. On the node's shard.

#include "backend/ipmi/link.h"

namespace vbmc::backend::ipmi {

/// `takeover`: end somebody else's stream there instead of being refused.
Awaitable<Result<std::unique_ptr<Console>>>
open_console(std::shared_ptr<Link> link, bool takeover, ConsoleSink sink, Mono deadline);

} // namespace vbmc::backend::ipmi
