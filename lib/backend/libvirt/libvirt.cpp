#include "backend/libvirt/libvirt.h"

#include "backend/libvirt/discover.h"
#include "backend/libvirt/domain_driver.h"
#include "backend/libvirt/uri.h"

#include <utility>

namespace vbmc::backend::libvirt {

namespace {

const ConfigSchema& schema() {
    static const ConfigSchema table = {{
        {"domain", OptionType::text, true, "", "the domain's name or UUID"},
        {"uri", OptionType::url, false, "qemu:///system", "the host, as virsh -c takes it"},
        {"username", OptionType::text, false, "", "for a host that asks (SASL)"},
        {"password", OptionType::secret, false, "", "for a host that asks (SASL)"},
        {"cdrom",
         OptionType::text,
         false,
         "",
         "target of the CD-ROM drive, e.g. sda; else the first"},
        {"media-dir",
         OptionType::text,
         false,
         "",
         "folder there with the images that have only a name"},
        {"console",
         OptionType::text,
         false,
         "",
         "alias of the serial port, e.g. serial1; else the first"},
        {"take-console", OptionType::boolean, false, "true", "also from whoever has it open"},
    }};
    return table;
}

Result<std::unique_ptr<Driver>> create(const DriverContext& context, const DriverConfig& config) {
    auto access = access_from(config);
    if (access.has_error()) {
        return access.error();
    }
    return std::unique_ptr<Driver>(std::make_unique<DomainDriver>(context, config));
}

std::shared_ptr<const bmc::SensorSet> sensor_set() {
    static const auto shared = make_sensors(nullptr, {});
    return shared;
}

} // namespace

Result<Access> access_from(const DriverConfig& config) {
    Access access;
    access.uri = config.text("uri");
    const auto may = check_uri(access.uri);
    if (may.has_error()) {
        return may.error();
    }
    access.username = config.text("username");
    access.password = [config] { return config.secret("password"); };
    return access;
}

const DriverKind kind = {
    "libvirt",
    "a virtual machine on a libvirt host (QEMU/KVM and others)",
    schema(),
    create,
    sensor_set,
    discover,
    &discover_schema(),
};

} // namespace vbmc::backend::libvirt
