#pragma once
// What is done to one domain: plain blocking calls, on a thread of the hub's pool.

#include "backend/libvirt/fault.h"
#include "backend/libvirt/handles.h"
#include "bmc/power_types.h"

#include <string>
#include <string_view>

namespace vbmc::backend::libvirt {

/// By UUID when the name is one and there is such a domain, else by name.
Result<Domain> find_domain(virConnectPtr connection, const Whom& whom);

Result<bmc::PowerState> read_power(virConnectPtr connection, const Whom& whom);

/// Returns when libvirt has done it; `soft` and `diag` when the guest was told.
Result<void> press(virConnectPtr connection, const Whom& whom, bmc::PowerAction action);

/// The persistent definition, with what is secret in it; of a domain that is not persistent an
/// error that says so. Bounded.
Result<std::string> definition_of(virDomainPtr domain, const Whom& whom);

/// What runs now; empty when it is off.
Result<std::string> running_xml(virDomainPtr domain, const Whom& whom);

Result<void> define(virConnectPtr connection, const Whom& whom, const std::string& xml);

/// A boot choice was written down. `stale`: the machine runs with another one, and would still have
/// that one after a reset.
struct BootTold {
    bool stale = false;
};

Result<BootTold> tell_boot(virConnectPtr connection, const Whom& whom, bmc::BootRequest boot);

/// The same question without a change; only for what vbmcd changed itself.
Result<bool> is_boot_stale(virDomainPtr domain, const Whom& whom, const std::string& persistent);

} // namespace vbmc::backend::libvirt
