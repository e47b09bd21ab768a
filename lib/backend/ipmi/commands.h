#pragma once
// The requests that the driver sends, and how their answers are read: pure and total functions.

#include "bmc/intent.h"
#include "bmc/power_types.h"
#include "client/session.h"

#include <optional>

namespace vbmc::backend::ipmi {

client::Request chassis_status();
std::optional<bmc::PowerState> power_of(Bytes chassis_status);

client::Request chassis_control(bmc::PowerAction action);

/// The boot flags shall not run out after 60 seconds.
client::Request keep_boot_flags();
client::Request boot_flags(const bmc::BootRequest& boot);

client::Request chassis_identify(const bmc::Identify& wish);

} // namespace vbmc::backend::ipmi
