#include "ipmi/app_device.h"

namespace vbmc::ipmi {

namespace {

constexpr u8 controller_device_id = 0x20;
constexpr u8 revision_with_device_sdrs = 0x81;
// Chassis, event receiver, FRU, SEL, SDR repository, sensors (IPMI 2.0 §20.1); no bridge, no IPMB.
constexpr u8 supported_devices = 0x9f;
// "Unspecified". Clients run vendors' code for the numbers that they know.
constexpr u32 no_manufacturer = 0;
constexpr u16 product = 1;

constexpr u8 last_sequential_state = 0x0a;

constexpr bool is_system_state(u8 state) noexcept {
    return state <= last_sequential_state || state == 0x20 || state == 0x21 ||
           state == bmc::Acpi::unknown || state == bmc::Acpi::no_change;
}

constexpr bool is_device_state(u8 state) noexcept {
    return state <= 0x03 || state == bmc::Acpi::unknown || state == bmc::Acpi::no_change;
}

} // namespace

Reply<GetDeviceId::Response> handle(bmc::Bmc& bmc, const Context&, const GetDeviceId::Request&) {
    GetDeviceId::Response response;
    response.device_id = controller_device_id;
    response.revision = revision_with_device_sdrs;
    response.firmware_major = bmc.config.firmware_major;
    response.firmware_minor_bcd = bmc.config.firmware_minor_bcd;
    response.supports = supported_devices;
    response.manufacturer = no_manufacturer;
    response.product = product;
    return response;
}

Reply<ColdReset::Response> handle(bmc::Bmc& bmc, const Context&, const ColdReset::Request&) {
    bmc.reset_requested = true;
    return ColdReset::Response{};
}

Reply<WarmReset::Response> handle(bmc::Bmc& bmc, const Context&, const WarmReset::Request&) {
    bmc.reset_requested = true;
    return WarmReset::Response{};
}

Reply<GetSelfTestResults::Response>
handle(bmc::Bmc&, const Context&, const GetSelfTestResults::Request&) {
    return GetSelfTestResults::Response{};
}

Reply<SetAcpiPowerState::Response>
handle(bmc::Bmc& bmc, const Context&, const SetAcpiPowerState::Request& request) {
    const bool bad_system = request.set_system && !is_system_state(request.system);
    const bool bad_device = request.set_device && !is_device_state(request.device);
    if (bad_system || bad_device) {
        return CompletionCode::invalid_data_field;
    }
    if (request.set_system && request.system != bmc::Acpi::no_change) {
        bmc.acpi.set_system(request.system);
    }
    if (request.set_device && request.device != bmc::Acpi::no_change) {
        bmc.acpi.set_device(request.device);
    }
    return SetAcpiPowerState::Response{};
}

Reply<GetAcpiPowerState::Response>
handle(bmc::Bmc& bmc, const Context&, const GetAcpiPowerState::Request&) {
    GetAcpiPowerState::Response response;
    response.system = bmc.acpi.system_state(bmc.power.state());
    response.device = bmc.acpi.device_state(bmc.power.state());
    return response;
}

Reply<GetDeviceGuid::Response>
handle(bmc::Bmc& bmc, const Context&, const GetDeviceGuid::Request&) {
    GetDeviceGuid::Response response;
    response.guid = bmc.config.guid;
    return response;
}

} // namespace vbmc::ipmi
