#include "ipmi/chassis_control.h"

#include "ipmi/chassis_status.h"

namespace vbmc::ipmi {

namespace {

using bmc::Outcome;
using bmc::PowerAction;
using bmc::PowerState;

constexpr u8 identify_seconds = 15; // IPMI 2.0 §28.5: when no interval is given

bool can(const bmc::Capabilities& capabilities, PowerAction action) noexcept {
    switch (action) {
    case PowerAction::off:
    case PowerAction::on:
    case PowerAction::cycle:
        return capabilities.power;
    case PowerAction::reset:
        return capabilities.reset;
    case PowerAction::diag:
        return capabilities.nmi;
    case PowerAction::soft:
        return capabilities.soft;
    }
    return false;
}

/// What a machine that is off cannot do (§28.3: cycle and reset of one that is off are D5h).
constexpr bool needs_power(PowerAction action) noexcept {
    return action == PowerAction::cycle || action == PowerAction::reset ||
           action == PowerAction::diag;
}

Reply<Nothing> told(const Completion& completion) noexcept {
    if (completion.timed_out) {
        return Nothing{}; // accepted; it goes on behind
    }
    switch (completion.outcome) {
    case Outcome::ok:
        return Nothing{};
    case Outcome::unsupported:
    case Outcome::invalid_state:
        return CompletionCode::not_supported_in_state;
    case Outcome::busy:
    case Outcome::unreachable:
        return CompletionCode::node_busy;
    case Outcome::failed:
        break;
    }
    return CompletionCode::unspecified;
}

Reply<Nothing> control(bmc::Bmc& bmc, const Context& context, PowerAction action) {
    if (context.completion != nullptr) {
        return told(*context.completion);
    }
    if (!can(bmc.config.capabilities, action)) {
        return CompletionCode::not_supported_in_state;
    }
    const Mono now = context.now.mono;
    if (bmc.power.is_repeat(now, action, context.session)) {
        bmc.power.note_repeat(now, action, context.session);
        return Nothing{};
    }
    const bool surely_off = bmc.power.state() == PowerState::off && !bmc.power.in_flight(now) &&
                            bmc.power.freshness(bmc.config, now) == bmc::Freshness::fresh;
    if (surely_off && needs_power(action)) {
        return CompletionCode::not_supported_in_state;
    }
    return Defer{bmc.request_power(
        context.now, action, bmc::RestartCause::chassis_control, context.session, context.channel
    )};
}

} // namespace

Reply<ChassisControl::Response>
handle(bmc::Bmc& bmc, const Context& context, const ChassisControl::Request& request) {
    if (request.action > static_cast<u8>(PowerAction::soft)) {
        return CompletionCode::invalid_data_field;
    }
    return control(bmc, context, static_cast<PowerAction>(request.action));
}

Reply<ChassisReset::Response>
handle(bmc::Bmc& bmc, const Context& context, const ChassisReset::Request&) {
    return control(bmc, context, PowerAction::reset);
}

Reply<ChassisIdentify::Response>
handle(bmc::Bmc& bmc, const Context& context, const ChassisIdentify::Request& request) {
    const u8 seconds = request.seconds.value_or(identify_seconds);
    const bool force = (request.force.value_or(0) & 0x01) != 0;
    if (force) {
        bmc.identify_light.light_indefinitely();
    } else {
        bmc.identify_light.light(context.now.mono, seconds);
    }
    if (bmc.config.capabilities.identify) {
        bmc.outbox.emplace_back(bmc::Identify{
            .seconds = force ? u8{0} : seconds, .indefinite = force});
    }
    return ChassisIdentify::Response{};
}

Reply<SetPowerRestorePolicy::Response>
handle(bmc::Bmc& bmc, const Context&, const SetPowerRestorePolicy::Request& request) {
    constexpr u8 only_ask = 3;
    if (request.policy > only_ask) {
        return CompletionCode::invalid_data_field;
    }
    if (request.policy != only_ask) {
        bmc.power.policy = static_cast<bmc::RestorePolicy>(request.policy);
        bmc.dirty.add(bmc::Section::power);
    }
    return SetPowerRestorePolicy::Response{};
}

Reply<SetFrontPanelEnables::Response>
handle(bmc::Bmc& bmc, const Context&, const SetFrontPanelEnables::Request& request) {
    bmc.power.disabled_buttons = static_cast<u8>(request.disabled & chassis_status::all_buttons);
    bmc.dirty.add(bmc::Section::power);
    return SetFrontPanelEnables::Response{};
}

Reply<SetPowerCycleInterval::Response>
handle(bmc::Bmc& bmc, const Context&, const SetPowerCycleInterval::Request& request) {
    bmc.power.cycle_interval_s = request.seconds;
    bmc.dirty.add(bmc::Section::power);
    return SetPowerCycleInterval::Response{};
}

} // namespace vbmc::ipmi
