#include "bmc/watchdog.h"

#include "bmc/record.h"

namespace vbmc::bmc {

namespace {

constexpr u8 record_version = 1;
constexpr Duration tick = std::chrono::milliseconds(100);

} // namespace

void Watchdog::set(Now now, const WatchdogSettings& settings, bool keep_running) noexcept {
    const bool runs = running() && keep_running;
    settings_ = settings;
    set_ = true;
    interrupted_ = false;
    ends_at_ = runs ? now.mono + settings.countdown_100ms * tick : never;
}

bool Watchdog::start(Now now) noexcept {
    if (!set_) {
        return false;
    }
    if (running() && interrupted_) {
        return true; // §27.5: after the pre-timeout interrupt only Set Watchdog Timer stops it
    }
    interrupted_ = false;
    ends_at_ = now.mono + settings_.countdown_100ms * tick;
    return true;
}

void Watchdog::stop() noexcept {
    ends_at_ = never;
    interrupted_ = false;
}

u16 Watchdog::remaining(Mono now) const noexcept {
    if (!running()) {
        return settings_.countdown_100ms;
    }
    // Rounded up: a running countdown is never told as over.
    const auto left = std::max(ends_at_ - now, Duration::zero());
    return static_cast<u16>((left + tick - Duration(1)) / tick);
}

Mono Watchdog::next_deadline() const noexcept {
    if (!running() || interrupted_ || settings_.interrupt == WatchdogInterrupt::none) {
        return ends_at_;
    }
    return ends_at_ - std::chrono::seconds(settings_.interrupt_ahead_s);
}

Watchdog::Event Watchdog::on_deadline(Now now) noexcept {
    if (!running() || now.mono < next_deadline()) {
        return Event::nothing;
    }
    if (settings_.interrupt != WatchdogInterrupt::none && !interrupted_) {
        interrupted_ = true;
        return Event::interrupt;
    }
    const u8 use = static_cast<u8>(1U << static_cast<u8>(settings_.use));
    settings_.expired_uses = static_cast<u8>(settings_.expired_uses | use);
    stop();
    return Event::expired;
}

void Watchdog::save(std::vector<u8>& out) const {
    append_record(out, record_version, *this);
}

bool Watchdog::load(Bytes saved) {
    const auto read = read_record<Watchdog>(saved, record_version);
    if (!read || read->settings_.use > WatchdogUse::oem ||
        read->settings_.action > WatchdogAction::power_cycle ||
        read->settings_.interrupt > WatchdogInterrupt::messaging) {
        return false;
    }
    *this = *read;
    return true;
}

} // namespace vbmc::bmc
