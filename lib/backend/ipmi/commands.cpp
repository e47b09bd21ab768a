#include "backend/ipmi/commands.h"

namespace vbmc::backend::ipmi {

namespace {

constexpr u8 netfn_chassis = 0x00;
constexpr u8 set_boot_options = 0x08;

} // namespace

client::Request chassis_status() {
    return client::Request(netfn_chassis, 0x01, {});
}

std::optional<bmc::PowerState> power_of(Bytes chassis_status) {
    constexpr u8 is_on = 0x01;
    if (chassis_status.size() < 3) {
        return std::nullopt;
    }
    return (chassis_status[0] & is_on) != 0 ? bmc::PowerState::on : bmc::PowerState::off;
}

client::Request chassis_control(bmc::PowerAction action) {
    client::Request request(netfn_chassis, 0x02, {static_cast<u8>(action)});
    request.repeatable = action == bmc::PowerAction::off || action == bmc::PowerAction::on;
    return request;
}

client::Request keep_boot_flags() {
    constexpr u8 valid_bit_clearing = 0x03; // IPMI 2.0 table 28-14, parameter 3
    constexpr u8 not_on_timeout = 0x08;
    return client::Request(netfn_chassis, set_boot_options, {valid_bit_clearing, not_on_timeout});
}

client::Request boot_flags(const bmc::BootRequest& boot) {
    constexpr u8 flags = 0x05;
    constexpr u8 valid = 0x80;
    constexpr u8 persistent = 0x40;
    constexpr u8 efi = 0x20;
    u8 first = 0; // no override: the flags are not valid
    if (boot.device != bmc::BootDevice::none || boot.persistent || boot.efi) {
        first = static_cast<u8>(valid | (boot.persistent ? persistent : 0) | (boot.efi ? efi : 0));
    }
    const auto device = static_cast<u8>(static_cast<u8>(boot.device) << 2);
    return client::Request(netfn_chassis, set_boot_options, {flags, first, device, 0, 0, 0});
}

client::Request chassis_identify(const bmc::Identify& wish) {
    return wish.indefinite ? client::Request(netfn_chassis, 0x04, {0, 1})
                           : client::Request(netfn_chassis, 0x04, {wish.seconds});
}

} // namespace vbmc::backend::ipmi
