#include "bmc/bmc.h"

#include "bmc/record.h"

#include <algorithm>

namespace vbmc::bmc {

namespace {

constexpr std::size_t channel_parts = 4;
constexpr std::size_t system_parts = 3;

// Offsets of the sensors that this file logs events of (IPMI 2.0 table 42-3).
constexpr u8 power_unit_off = 0x00;
constexpr u8 power_unit_soft_control_failure = 0x05;
constexpr u8 boot_by_power_up = 0x00;
constexpr u8 boot_by_hard_reset = 0x01;
constexpr u8 boot_system_restart = 0x07;
constexpr u8 watchdog_interrupt = 0x08;
// Event data 1, upper half: bytes 2 and 3 hold sensor-specific, or our own, codes.
constexpr u8 data_2_specific = 0xc0;
constexpr u8 data_2_3_specific = 0xf0;
constexpr u8 data_2_3_own = 0xa0;

SelEvent event_of(u8 type, u8 number, bool asserted, ByteArray<3> data) noexcept {
    SelEvent event;
    event.sensor_type = type;
    event.sensor_number = number;
    event.asserted = asserted;
    event.data = data;
    return event;
}

constexpr bool starts_machine(PowerAction action) noexcept {
    return action == PowerAction::on || action == PowerAction::cycle ||
           action == PowerAction::reset;
}

} // namespace

Bmc::Bmc(const Config& config_, Now) : config(config_) {}

void Bmc::observe(Now now, const Observation& observation) {
    if (const auto* power_seen = std::get_if<PowerSeen>(&observation)) {
        observe_power(now, *power_seen);
    } else if (const auto* done = std::get_if<Done>(&observation)) {
        observe_done(now, *done);
    } else if (const auto* failed = std::get_if<PowerFailed>(&observation)) {
        observe_failure(now, *failed);
    } else if (std::holds_alternative<Unreachable>(observation)) {
        power.unreachable();
    } else if (const auto* readings = std::get_if<SensorsSeen>(&observation)) {
        observe_sensors(*this, now, *readings);
    } else if (const auto* known = std::get_if<SensorSetSeen>(&observation)) {
        config.sensors = known->set;
        sensors.keep_only(*known->set);
    } else if (const auto* identity = std::get_if<IdentitySeen>(&observation)) {
        fru.observe(*identity);
    } else if (std::holds_alternative<BootTaken>(observation)) {
        boot_used_up();
    } else if (const auto* medium = std::get_if<MediaSeen>(&observation)) {
        media.inserted = medium->inserted;
    } else if (const auto* logged = std::get_if<SelSeen>(&observation)) {
        mirror_records(*this, now, *logged);
    } else if (const auto* inventory = std::get_if<FruSeen>(&observation)) {
        fru.mirror(inventory->image);
    }
    // Console observations and raw answers are the endpoint's.
}

void Bmc::observe_power(Now now, const PowerSeen& seen) {
    const PowerChange change = power.observe(now, seen);
    if (change.to_keep) {
        dirty.add(Section::power);
    }
    if (change.turned_on || change.turned_off) {
        acpi.power_changed();
        log_event(
            *this,
            now,
            event_of(
                sensor_type::power_unit,
                sensor_number::power_unit,
                change.turned_off,
                {power_unit_off, 0xff, 0xff}
            )
        );
    }
    if (change.turned_off) {
        // IPMI 2.0 §28.13 parameter 0: a transition to powered down ends "set in progress".
        boot.set_in_progress = false;
        watchdog.stop();
    }
    if (change.started) {
        note_start(now, change.turned_on, change.cause, change.channel);
    }
    if (change.restore && config.capabilities.power) {
        request_power(now, PowerAction::on, *change.restore);
    }
}

/// A start of the machine: its record, and what a start uses up.
void Bmc::note_start(Now now, bool powered_up, RestartCause cause, u8 asked_on) {
    dirty.add(Section::power);
    watchdog.stop(); // IPMI 2.0 §27.6: a system reset stops the timer
    boot.set_in_progress = false;
    system_info.erase(SystemInfoParameter::os_name); // §22.14a: volatile
    boot_used_up();
    ByteArray<3> data = {powered_up ? boot_by_power_up : boot_by_hard_reset, 0xff, 0xff};
    if (cause != RestartCause::unknown) {
        data = {
            static_cast<u8>(data_2_3_specific | boot_system_restart),
            static_cast<u8>(cause),
            asked_on};
    }
    log_event(*this, now, event_of(sensor_type::boot_initiated, sensor_number::boot, true, data));
}

void Bmc::observe_done(Now now, const Done& done) {
    const PowerEnd end = power.end(now, done);
    if (!end.mine) {
        return;
    }
    boot.control_ended(now);
    if (end.started) {
        note_start(now, false, end.cause, end.channel);
    }
}

void Bmc::observe_failure(Now now, const PowerFailed& failed) {
    power.fail();
    dirty.add(Section::power);
    const ByteArray<3> data = {
        static_cast<u8>(data_2_3_own | power_unit_soft_control_failure),
        static_cast<u8>(failed.action),
        static_cast<u8>(failed.outcome)};
    log_event(*this, now, event_of(sensor_type::power_unit, sensor_number::power_unit, true, data));
}

void Bmc::boot_used_up() {
    if (boot.used_up()) {
        dirty.add(Section::boot);
        armed_ = boot.request(); // the worker knows that the start took it
    }
}

Mono Bmc::next_deadline() const noexcept {
    return std::min(
        {boot.next_deadline(),
         watchdog.next_deadline(),
         identify_light.next_deadline(),
         power.next_deadline()}
    );
}

void Bmc::on_deadline(Now now) {
    if (boot.on_deadline(now)) {
        dirty.add(Section::boot);
        boot_changed();
    }
    identify_light.on_deadline(now);
    if (power.on_deadline(now)) {
        dirty.add(Section::power);
    }
    for (auto event = watchdog.on_deadline(now); event != Watchdog::Event::nothing;
         event = watchdog.on_deadline(now)) {
        on_watchdog(now, event);
    }
}

void Bmc::on_watchdog(Now now, Watchdog::Event event) {
    const WatchdogSettings& timer = watchdog.settings();
    const bool expired = event == Watchdog::Event::expired;
    if (expired) {
        dirty.add(Section::watchdog); // the expiration flags
    }
    if (!timer.dont_log) {
        // IPMI 2.0 table 42-3, Watchdog 2: byte 2 is the interrupt type and the timer use.
        const u8 offset = expired ? static_cast<u8>(timer.action) : watchdog_interrupt;
        const ByteArray<3> data = {
            static_cast<u8>(data_2_specific | offset),
            static_cast<u8>(static_cast<u8>(timer.interrupt) << 4 | static_cast<u8>(timer.use)),
            0xff};
        log_event(
            *this, now, event_of(sensor_type::watchdog2, sensor_number::watchdog, true, data)
        );
    }
    if (!expired) {
        if (timer.interrupt == WatchdogInterrupt::messaging) {
            messaging.raise_watchdog_interrupt();
        } else if (timer.interrupt == WatchdogInterrupt::nmi && config.capabilities.nmi) {
            request_power(now, PowerAction::diag, RestartCause::watchdog);
        }
        return;
    }
    if (power.state() == PowerState::off) {
        return; // there is nothing to reset, and it is down already
    }
    switch (timer.action) {
    case WatchdogAction::none:
        break;
    case WatchdogAction::hard_reset:
        request_power(now, PowerAction::reset, RestartCause::watchdog);
        break;
    case WatchdogAction::power_down:
        request_power(now, PowerAction::off, RestartCause::watchdog);
        break;
    case WatchdogAction::power_cycle:
        request_power(now, PowerAction::cycle, RestartCause::watchdog);
        break;
    }
}

Ticket Bmc::new_ticket() noexcept {
    ++last_ticket_;
    return last_ticket_ != 0 ? last_ticket_ : ++last_ticket_;
}

Ticket
Bmc::request_power(Now now, PowerAction action, RestartCause cause, u32 session, u8 on_channel) {
    if (starts_machine(action)) {
        if (boot.clear_for(cause)) {
            dirty.add(Section::boot);
            boot_changed();
        }
    }
    boot.control_begins(now);
    const Ticket ticket = new_ticket();
    power.begin(now, action, cause, ticket, session, on_channel);
    outbox.emplace_back(SetPower{.action = action, .cause = cause, .ticket = ticket});
    return ticket;
}

Ticket Bmc::request_refresh(Now now) {
    if (const Ticket under_way = power.refresh_under_way(now.mono); under_way != 0) {
        return under_way;
    }
    const Ticket ticket = new_ticket();
    power.begin_refresh(now.mono, ticket);
    outbox.emplace_back(RefreshPower{.ticket = ticket});
    return ticket;
}

void Bmc::boot_changed() {
    const BootRequest wanted = boot.request();
    if (wanted != armed_) {
        if (wanted.device == BootDevice::none && armed_.persistent) {
            boot.forget_standing();
        }
        armed_ = wanted;
        outbox.emplace_back(SetBoot{.boot = wanted});
    }
}

/// Goes out always: a lasting choice may stand in the machine although a one-time one, used up
/// since, took its place in the flags.
void Bmc::boot_cleared() {
    armed_ = {};
    boot.forget_standing();
    if (config.capabilities.boot) {
        outbox.emplace_back(SetBoot{.boot = {.device = BootDevice::none, .persistent = true}});
    }
}

void Bmc::set_boot(Now now, const BootRequest& request) {
    boot.set_request(now, request);
    dirty.add(Section::boot);
    if (request.device == BootDevice::none) {
        boot_cleared();
    } else {
        boot_changed();
    }
}

void Bmc::restart_controller(Now now) {
    reset_requested = false;
    boot.set_in_progress = false;
    system_info.set_in_progress = false;
    lan.set_in_progress = 0;
    pef.set_in_progress = 0;
    sol.set_in_progress = false;
    sol.bit_rate_active = sol.bit_rate_stored;
    channel.active = channel.stored;
    messaging.clear_flags(0xff);
    watchdog.stop(); // IPMI 2.0 §27.6
    sel.reservation.cancel();
    sensors.repository.cancel();
    sensors.device.cancel();
    sensors.rearm_all();
    pef.arm_postpone(now, 0);
}

std::vector<u8> Bmc::save(Section section, Now now) const {
    std::vector<u8> out;
    const auto part = [&out](const auto& one) {
        std::vector<u8> record;
        one.save(record);
        append_part(out, record);
    };
    switch (section) {
    case Section::users:
        users.save(out);
        break;
    case Section::power:
        power.save(out, now.mono);
        break;
    case Section::boot:
        boot.save(out);
        break;
    case Section::sel:
        sel.save(out);
        break;
    case Section::fru:
        fru.save(out);
        break;
    case Section::sensors:
        sensors.save(out);
        break;
    case Section::channel:
        part(channel);
        part(lan);
        part(sol);
        part(pef);
        break;
    case Section::watchdog:
        watchdog.save(out);
        break;
    case Section::system:
        part(system_info);
        part(messaging);
        part(dcmi);
        break;
    }
    return out;
}

/// All parts of a section or, by going back to what was, none.
bool Bmc::load(Section section, Bytes saved, Now now) {
    const std::vector<u8> before = save(section, now);
    if (load_section(section, saved, now)) {
        return true;
    }
    [[maybe_unused]] const bool back = load_section(section, before, now);
    VBMC_DCHECK(back);
    return false;
}

bool Bmc::load_section(Section section, Bytes saved, Now now) {
    switch (section) {
    case Section::users:
        return users.load(saved);
    case Section::power:
        return power.load(saved);
    case Section::boot:
        return load_boot(saved, now);
    case Section::sel:
        return sel.load(saved);
    case Section::fru:
        return fru.load(saved);
    case Section::sensors:
        return sensors.load(saved);
    case Section::channel: {
        std::array<Bytes, channel_parts> parts;
        return split_parts(saved, parts) && channel.load(parts[0]) && lan.load(parts[1]) &&
               sol.load(parts[2]) && pef.load(parts[3]);
    }
    case Section::watchdog:
        return watchdog.load(saved);
    case Section::system: {
        std::array<Bytes, system_parts> parts;
        return split_parts(saved, parts) && system_info.load(parts[0]) &&
               messaging.load(parts[1]) && dcmi.load(parts[2]);
    }
    }
    return false;
}

bool Bmc::load_boot(Bytes saved, Now now) {
    if (!boot.load(saved, now)) {
        return false;
    }
    const BootRequest asked = boot.request();
    if (asked.persistent) {
        armed_ = asked; // the machine has it; what was changed there since is not undone
    } else {
        boot_changed(); // whoever watches for the start that uses it up has to know
    }
    return true;
}

} // namespace vbmc::bmc
