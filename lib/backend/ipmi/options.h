#pragma once
// The options of an upstream BMC, checked when the node is registered.

#include "backend/ipmi/link.h"

namespace vbmc::backend::ipmi {

const ConfigSchema& schema();

Result<Upstream> upstream_of(const DriverConfig& config);

} // namespace vbmc::backend::ipmi
