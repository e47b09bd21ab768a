#include "ipmi/app_watchdog.h"

namespace vbmc::ipmi {

namespace {

using bmc::WatchdogAction;
using bmc::WatchdogInterrupt;
using bmc::WatchdogUse;

constexpr bool is_valid(const SetWatchdogTimer::Request& request) noexcept {
    const bool use = request.use >= static_cast<u8>(WatchdogUse::bios_frb2) &&
                     request.use <= static_cast<u8>(WatchdogUse::oem);
    // An SMI has no wire to go along.
    const bool interrupt = request.interrupt <= static_cast<u8>(WatchdogInterrupt::messaging) &&
                           request.interrupt != static_cast<u8>(WatchdogInterrupt::smi);
    return use && interrupt && request.action <= static_cast<u8>(WatchdogAction::power_cycle);
}

} // namespace

Reply<ResetWatchdogTimer::Response>
handle(bmc::Bmc& bmc, const Context& context, const ResetWatchdogTimer::Request&) {
    if (!bmc.watchdog.start(context.now)) {
        return watchdog_not_initialized;
    }
    return ResetWatchdogTimer::Response{};
}

Reply<SetWatchdogTimer::Response>
handle(bmc::Bmc& bmc, const Context& context, const SetWatchdogTimer::Request& request) {
    if (!is_valid(request)) {
        return CompletionCode::invalid_data_field;
    }
    bmc::WatchdogSettings settings = bmc.watchdog.settings();
    settings.use = static_cast<WatchdogUse>(request.use);
    settings.dont_log = request.dont_log;
    settings.action = static_cast<WatchdogAction>(request.action);
    settings.interrupt = static_cast<WatchdogInterrupt>(request.interrupt);
    settings.interrupt_ahead_s = request.interrupt_ahead_s;
    settings.expired_uses = static_cast<u8>(settings.expired_uses & ~request.clear_expired_uses);
    settings.countdown_100ms = request.countdown_100ms;
    bmc.watchdog.set(context.now, settings, request.dont_stop);
    bmc.messaging.clear_flags(bmc::Messaging::flag_watchdog_interrupt);
    bmc.dirty.add(bmc::Section::watchdog);
    return SetWatchdogTimer::Response{};
}

Reply<GetWatchdogTimer::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetWatchdogTimer::Request&) {
    const bmc::WatchdogSettings& settings = bmc.watchdog.settings();
    GetWatchdogTimer::Response response;
    response.use = static_cast<u8>(settings.use);
    response.running = bmc.watchdog.running();
    response.dont_log = settings.dont_log;
    response.action = static_cast<u8>(settings.action);
    response.interrupt = static_cast<u8>(settings.interrupt);
    response.interrupt_ahead_s = settings.interrupt_ahead_s;
    response.expired_uses = settings.expired_uses;
    response.countdown_100ms = settings.countdown_100ms;
    response.remaining_100ms = bmc.watchdog.remaining(context.now.mono);
    return response;
}

} // namespace vbmc::ipmi
