#pragma once
// A node whose backend does not answer is made all the same, but who makes it hears of it then.

#include "vbmcctl/cli.h"
#include "vbmcctl/client.h"

namespace vbmc::ctl {

/// Asks each target of the node that was just made, and warns of those that do not answer, for as
/// long as vbmcd waits for a backend. `wanted` has the targets' options, secrets included.
void warn_of_backends(Cli& cli, Client& client, const api::Node& wanted);

} // namespace vbmc::ctl
