#pragma once
// A boot request as people read it, in events.

#include "bmc/power_types.h"

#include <string>

namespace vbmc::bmc {

/// "boot from pxe (UEFI) at the next start"
std::string boot_text(const BootRequest& boot);

} // namespace vbmc::bmc
