#pragma once
// A node in front of another BMC: power, boot flags, sensors, event log, inventory and console of a
// controller that speaks IPMI 2.0 over LAN, through our own remote console (lib/client).

#include "backend/driver.h"

namespace vbmc::backend::ipmi {

extern const DriverKind kind;

} // namespace vbmc::backend::ipmi
