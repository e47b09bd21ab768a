#pragma once
// The options of an upstream BMC, checked when the node is registered.

#include "backend/ipmi/link.h"

namespace vbmc::backend::ipmi {

/// What the node takes over from the BMC.
struct Wishes {
    bool raw = true;
    bmc::Privilege raw_privilege = bmc::Privilege::administrator;
    bool sensors = true;
    bool events = true;
    bool fru = true;
    bool console = true;
    bool sol_takeover = false;
    Duration interval{}; // between two looks at sensors and event log
};

const ConfigSchema& schema();

Wishes wishes_of(const DriverConfig& config);

Result<Upstream> upstream_of(const DriverConfig& config);

} // namespace vbmc::backend::ipmi
