#include "ipmi/chassis_status.h"

namespace vbmc::ipmi {

namespace {

using bmc::Freshness;

GetChassisStatus::Response status_of(const bmc::Bmc& bmc, Mono now) noexcept {
    namespace bits = chassis_status;
    const bmc::Power& power = bmc.power;
    GetChassisStatus::Response response;
    response.power = static_cast<u8>(
        (power.state() == bmc::PowerState::on ? bits::power_on : 0) |
        (power.control_fault() ? bits::control_fault : 0) |
        static_cast<u8>(power.policy) << bits::policy_shift
    );
    response.last_event = power.on_by_ipmi() ? bits::on_by_ipmi : u8{0};
    constexpr u8 panel = bits::power_button | bits::reset_button;
    const bool locked = (power.disabled_buttons & panel) == panel;
    const auto light = static_cast<unsigned>(bmc.identify_light.state(now));
    response.misc = static_cast<u8>(
        bits::identify_supported | light << bits::identify_shift | (locked ? bits::panel_locked : 0)
    );
    response.buttons = static_cast<u8>(bits::buttons_can_be_disabled | power.disabled_buttons);
    return response;
}

} // namespace

Reply<GetChassisCapabilities::Response>
handle(bmc::Bmc& bmc, const Context&, const GetChassisCapabilities::Request&) {
    return GetChassisCapabilities::Response{bmc.power.capabilities};
}

Reply<GetChassisStatus::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetChassisStatus::Request&) {
    const Freshness freshness = bmc.power.freshness(bmc.config, context.now.mono);
    if (freshness == Freshness::fresh) {
        return status_of(bmc, context.now.mono);
    }
    if (context.completion == nullptr) {
        return Defer{bmc.request_refresh(context.now)};
    }
    // The look did not come, or says nothing: what is too old is not told.
    if (freshness == Freshness::stale) {
        return CompletionCode::node_busy;
    }
    return status_of(bmc, context.now.mono);
}

Reply<SetChassisCapabilities::Response>
handle(bmc::Bmc& bmc, const Context&, const SetChassisCapabilities::Request& request) {
    bmc::ChassisCapabilities& kept = bmc.power.capabilities;
    constexpr u8 known_flags = 0x0f;
    kept.flags = static_cast<u8>(request.flags & known_flags);
    kept.fru_address = request.fru_address;
    kept.sdr_address = request.sdr_address;
    kept.sel_address = request.sel_address;
    kept.system_management_address = request.system_management_address;
    if (request.bridge_address) {
        kept.bridge_address = *request.bridge_address;
    }
    bmc.dirty.add(bmc::Section::power);
    return SetChassisCapabilities::Response{};
}

Reply<GetSystemRestartCause::Response>
handle(bmc::Bmc& bmc, const Context&, const GetSystemRestartCause::Request&) {
    GetSystemRestartCause::Response response;
    response.cause = static_cast<u8>(bmc.power.restart_cause());
    response.channel = bmc.power.restart_channel();
    return response;
}

Reply<GetPohCounter::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetPohCounter::Request&) {
    GetPohCounter::Response response;
    const auto hours =
        std::chrono::duration_cast<std::chrono::hours>(bmc.power.time_on(context.now.mono));
    response.count = static_cast<u32>(hours.count());
    return response;
}

} // namespace vbmc::ipmi
