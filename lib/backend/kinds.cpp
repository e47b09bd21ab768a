// The explicit list: objects that register themselves vanish when linked from a static library.

#include "backend/driver.h"
#include "backend/ipmi/ipmi.h"
#include "backend/libvirt/libvirt.h"
#include "backend/metal/metal.h"
#include "backend/sim/sim.h"
#include "backend/ssh/ssh.h"

namespace vbmc::backend {

const std::vector<const DriverKind*>& kinds() {
    static const std::vector<const DriverKind*> all = {
        &sim::kind,
        &ipmi::kind,
        &metal::kind,
        &libvirt::kind,
        &ssh::kind,
        &ssh::ipmitool_kind,
    };
    return all;
}

const DriverKind* find_kind(std::string_view name) {
    for (const DriverKind* kind : kinds()) {
        if (kind->name == name) {
            return kind;
        }
    }
    return nullptr;
}

} // namespace vbmc::backend
