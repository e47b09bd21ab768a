#include "backend/libvirt/machine.h"

#include "backend/libvirt/boot_xml.h"
#include "backend/libvirt/connection.h"

#include <array>
#include <libvirt/virterror.h>
#include <utility>

namespace vbmc::backend::libvirt {

namespace {

using bmc::PowerAction;

constexpr std::size_t xml_bytes_max = 4 * 1024 * 1024;
constexpr unsigned hanging_ms = 5000;

Result<int> state_of(virDomainPtr domain, const Whom& whom) {
    int state = VIR_DOMAIN_NOSTATE;
    if (virDomainGetState(domain, &state, nullptr, 0) != 0) {
        return fault(whom, "read its state");
    }
    return state;
}

bool is_active(virDomainPtr domain) {
    return virDomainIsActive(domain) == 1;
}

Result<void> turn_on(virDomainPtr domain, const Whom& whom) {
    if (is_active(domain)) {
        const auto state = state_of(domain, whom);
        if (state.has_value() && *state == VIR_DOMAIN_PMSUSPENDED &&
            virDomainPMWakeup(domain, 0) != 0) {
            return fault(whom, "wake it up");
        }
        return {};
    }
    if (virDomainCreate(domain) == 0) {
        return {};
    }
    Error why = fault(whom, "start it"); // before the next call forgets it
    return is_active(domain) ? Result<void>()
                             : Result<void>(std::move(why)); // somebody was quicker
}

/// The hypervisor has not answered libvirt for some time. libvirt would wait 45 s for it to end in
/// order, and then report that it did not.
bool hangs(virDomainPtr domain) {
    virDomainControlInfo info{};
    return virDomainGetControlInfo(domain, &info, 0) == 0 &&
           (info.state == VIR_DOMAIN_CONTROL_OCCUPIED || info.state == VIR_DOMAIN_CONTROL_ERROR) &&
           info.stateTime >= hanging_ms;
}

/// First in order (QEMU writes out what it holds), then by force.
Result<void> turn_off(virDomainPtr domain, const Whom& whom) {
    const bool in_order =
        !hangs(domain) && virDomainDestroyFlags(domain, VIR_DOMAIN_DESTROY_GRACEFUL) == 0;
    if (in_order || !is_active(domain)) {
        return {};
    }
    if (virDomainDestroy(domain) == 0) {
        return {};
    }
    Error why = fault(whom, "turn it off");
    return is_active(domain) ? Result<void>(std::move(why)) : Result<void>();
}

Result<void> reset(virDomainPtr domain, const Whom& whom) {
    if (!is_active(domain)) {
        return trouble(whom, ErrorCode::failed_precondition, "cannot reset it: it is off");
    }
    if (virDomainReset(domain, 0) != 0) {
        return fault(whom, "reset it");
    }
    return {};
}

Result<void> press_acpi_button(virDomainPtr domain, const Whom& whom) {
    if (!is_active(domain)) {
        return {};
    }
    if (virDomainShutdownFlags(domain, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN) == 0) {
        return {};
    }
    const int code = last_code(); // hypervisors without that flag have a way of their own
    Error why = fault(whom, "press its power button");
    const bool other_way = code == VIR_ERR_NO_SUPPORT || code == VIR_ERR_INVALID_ARG ||
                           code == VIR_ERR_ARGUMENT_UNSUPPORTED ||
                           code == VIR_ERR_OPERATION_UNSUPPORTED;
    if (other_way) {
        if (virDomainShutdown(domain) == 0) {
            return {};
        }
        why = fault(whom, "shut it down");
    }
    return is_active(domain) ? Result<void>(std::move(why)) : Result<void>();
}

Result<void> inject_nmi(virDomainPtr domain, const Whom& whom) {
    if (!is_active(domain)) {
        return trouble(whom, ErrorCode::failed_precondition, "cannot send an NMI: it is off");
    }
    if (virDomainInjectNMI(domain, 0) != 0) {
        return fault(whom, "send it an NMI");
    }
    return {};
}

Result<std::string> xml_of(virDomainPtr domain, const Whom& whom, unsigned flags) {
    std::string xml = take_text(virDomainGetXMLDesc(domain, flags));
    if (xml.empty()) {
        return fault(whom, "read its definition");
    }
    if (xml.size() > xml_bytes_max) {
        return trouble(whom, ErrorCode::resource_exhausted, "its definition is larger than 4 MiB");
    }
    return xml;
}

bool is_uuid(std::string_view text) {
    constexpr std::array<std::size_t, 4> dashes = {8, 13, 18, 23};
    if (text.size() != 36) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = std::find(dashes.begin(), dashes.end(), i) != dashes.end();
        const char c = text[i];
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !hex) {
            return false;
        }
    }
    return true;
}

} // namespace

Result<Domain> find_domain(virConnectPtr connection, const Whom& whom) {
    Domain domain;
    if (is_uuid(whom.domain)) {
        domain.reset(virDomainLookupByUUIDString(connection, whom.domain.c_str()));
    }
    if (!domain) {
        domain.reset(virDomainLookupByName(connection, whom.domain.c_str()));
    }
    if (!domain) {
        return fault(whom, "find it");
    }
    return domain;
}

Result<bmc::PowerState> read_power(virConnectPtr connection, const Whom& whom) {
    const auto domain = find_domain(connection, whom);
    if (domain.has_error()) {
        return domain.error();
    }
    const auto state = state_of(domain->get(), whom);
    if (state.has_error()) {
        return state.error();
    }
    return power_of(domain->get(), *state);
}

Result<void> press(virConnectPtr connection, const Whom& whom, PowerAction action) {
    const auto domain = find_domain(connection, whom);
    if (domain.has_error()) {
        return domain.error();
    }
    switch (action) {
    case PowerAction::off:
        return turn_off(domain->get(), whom);
    case PowerAction::on:
        return turn_on(domain->get(), whom);
    case PowerAction::reset:
        return reset(domain->get(), whom);
    case PowerAction::soft:
        return press_acpi_button(domain->get(), whom);
    case PowerAction::diag:
        return inject_nmi(domain->get(), whom);
    case PowerAction::cycle: // the worker's: off and on
        break;
    }
    return trouble(whom, ErrorCode::unsupported, "there is no such power action");
}

Result<std::string> definition_of(virDomainPtr domain, const Whom& whom) {
    if (virDomainIsPersistent(domain) != 1) {
        return trouble(
            whom,
            ErrorCode::failed_precondition,
            "it is transient: there is no definition to change",
            "define it: virsh dumpxml DOMAIN --inactive > d.xml; virsh define d.xml"
        );
    }
    return xml_of(domain, whom, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
}

Result<std::string> running_xml(virDomainPtr domain, const Whom& whom) {
    if (!is_active(domain)) {
        return std::string();
    }
    return xml_of(domain, whom, 0);
}

Result<void> define(virConnectPtr connection, const Whom& whom, const std::string& xml) {
    Domain defined(virDomainDefineXMLFlags(connection, xml.c_str(), VIR_DOMAIN_DEFINE_VALIDATE));
    // A definition that libvirt itself let in may not pass its schema; our part of it does.
    if (!defined && last_code() == VIR_ERR_XML_INVALID_SCHEMA) {
        defined.reset(virDomainDefineXMLFlags(connection, xml.c_str(), 0));
    }
    if (!defined) {
        return fault(whom, "change its definition");
    }
    return {};
}

Result<bool> is_boot_stale(virDomainPtr domain, const Whom& whom, const std::string& persistent) {
    const auto running = running_xml(domain, whom);
    if (running.has_error()) {
        return running.error();
    }
    return !running->empty() && boots_otherwise(*running, persistent);
}

Result<BootTold> tell_boot(virConnectPtr connection, const Whom& whom, bmc::BootRequest boot) {
    const auto domain = find_domain(connection, whom);
    if (domain.has_error()) {
        return domain.error();
    }
    const auto before = definition_of(domain->get(), whom);
    if (before.has_error()) {
        return before.error();
    }
    const Result<std::string> after = with_boot(*before, boot);
    if (after.has_error()) {
        return trouble(whom, after.error().code, after.error().message, after.error().hint);
    }
    if (*after != *before) {
        const auto defined = define(connection, whom, *after);
        if (defined.has_error()) {
            return defined.error();
        }
    }
    const auto stale = is_boot_stale(domain->get(), whom, *after);
    return BootTold{stale.has_value() && *stale};
}

} // namespace vbmc::backend::libvirt
