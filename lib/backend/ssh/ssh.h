#pragma once
// A machine that is worked through a login on it: graceful off and reboot, boot entries, sensors,
// identity and a console by its own tools. And one whose own BMC is worked by `ipmitool -I open` on
// it. Drivers live on their node's shard.

#include "backend/driver.h"

namespace vbmc::backend::ssh {

extern const DriverKind kind;          // ssh
extern const DriverKind ipmitool_kind; // ssh-ipmitool

} // namespace vbmc::backend::ssh
