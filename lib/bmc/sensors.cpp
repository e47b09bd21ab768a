#include "bmc/sensors.h"

#include "bmc/bmc.h"
#include "bmc/record.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace vbmc::bmc {

namespace {

constexpr u8 saved_version = 1;
constexpr std::size_t saved_size = 15; // of one sensor's settings
constexpr Duration refresh_after = std::chrono::seconds(5);

/// The event of table 42-2 that tells of a threshold: going low below the lower ones, going high
/// above the upper ones.
constexpr std::array<u8, threshold_count> event_offset = {0, 2, 4, 7, 9, 11};

constexpr bool is_lower(unsigned threshold) noexcept {
    return threshold < 3;
}

template <class Items>
auto position(Items& items, u8 number) noexcept {
    return std::lower_bound(items.begin(), items.end(), number, [](const auto& item, u8 n) {
        return item.number < n;
    });
}

template <class Items>
auto* find_in(Items& items, u8 number) noexcept {
    const auto at = position(items, number);
    return at != items.end() && at->number == number ? &*at : nullptr;
}

/// Thresholds at which, or beyond which, the reading is; `slack` is what a crossed one needs to be
/// left again (hysteresis).
u8 compare(const SensorSpec& spec, const SensorSettings& settings, u8 raw, u8 crossed) noexcept {
    const int reading = spec.linear.order(raw);
    unsigned result = 0;
    for (unsigned i = 0; i < threshold_count; ++i) {
        if (!spec.thresholds[i]) {
            continue;
        }
        const bool was = (crossed >> i & 1U) != 0;
        const int at = spec.linear.order(settings.thresholds[i]);
        const bool beyond = is_lower(i) ? reading <= at + (was ? settings.hysteresis_down : 0)
                                        : reading >= at - (was ? settings.hysteresis_up : 0);
        result |= beyond ? 1U << i : 0U;
    }
    return static_cast<u8>(result);
}

u16 events_of(u8 crossed) noexcept {
    unsigned events = 0;
    for (unsigned i = 0; i < threshold_count; ++i) {
        events |= (crossed >> i & 1U) != 0 ? 1U << event_offset[i] : 0U;
    }
    return static_cast<u16>(events);
}

bool event_enabled(const SensorSettings& settings, u8 offset, bool asserted) noexcept {
    const u16 mask = asserted ? settings.assertions : settings.deassertions;
    return settings.event_messages && (mask >> offset & 1U) != 0;
}

void report_threshold(
    Bmc& bmc,
    Now now,
    const SensorSpec& spec,
    const SensorSettings& settings,
    unsigned which,
    u8 raw,
    bool asserted
) {
    const u8 offset = event_offset[which];
    if (!event_enabled(settings, offset, asserted)) {
        return;
    }
    SelEvent event;
    event.sensor_type = spec.type;
    event.sensor_number = spec.number;
    event.event_type = spec.reading;
    event.asserted = asserted;
    // §29.7: byte 2 is the reading, byte 3 the threshold that was crossed
    event.data = {static_cast<u8>(0x50 | offset), raw, settings.thresholds[which]};
    log_event(bmc, now, event);
}

void observe_threshold(Bmc& bmc, Now now, const SensorSpec& spec, double value) {
    const SensorSettings settings = bmc.sensors.settings(spec);
    Sensors::Live& live = bmc.sensors.live_or_new(spec.number);
    live.available = true;
    live.value = static_cast<float>(value);
    live.raw = spec.linear.to_raw(value);
    const u8 before = live.crossed;
    live.crossed = compare(spec, settings, live.raw, before);
    const u8 after = live.crossed;
    const u8 raw = live.raw;
    for (unsigned i = 0; i < threshold_count; ++i) {
        const bool is = (after >> i & 1U) != 0;
        if (is != ((before >> i & 1U) != 0)) {
            report_threshold(bmc, now, spec, settings, i, raw, is);
        }
    }
}

void observe_discrete(Bmc& bmc, Now now, const SensorSpec& spec, double value) {
    const SensorSettings settings = bmc.sensors.settings(spec);
    Sensors::Live& live = bmc.sensors.live_or_new(spec.number);
    const bool known = live.available;
    const auto before = static_cast<u16>(live.value);
    const auto after =
        static_cast<u16>(static_cast<u16>(std::clamp(value, 0.0, 32767.0)) & spec.states);
    live.available = true;
    live.value = after;
    if (!known) {
        return; // the first look is no change
    }
    for (u8 offset = 0; offset < 15; ++offset) {
        const bool is = (after >> offset & 1U) != 0;
        if (is == ((before >> offset & 1U) != 0) || !event_enabled(settings, offset, is)) {
            continue;
        }
        SelEvent event;
        event.sensor_type = spec.type;
        event.sensor_number = spec.number;
        event.event_type = spec.reading;
        event.asserted = is;
        event.data = {offset, 0xff, 0xff};
        log_event(bmc, now, event);
    }
}

} // namespace

u16 possible_events(const SensorSpec& spec) noexcept {
    return spec.is_threshold() ? events_of(spec.threshold_mask()) : spec.states;
}

SensorSettings Sensors::settings(const SensorSpec& spec) const noexcept {
    if (const SensorSettings* changed = find_in(changed_, spec.number)) {
        return *changed;
    }
    SensorSettings settings;
    settings.number = spec.number;
    for (unsigned i = 0; i < threshold_count; ++i) {
        settings.thresholds[i] =
            spec.thresholds[i] ? spec.linear.to_raw(*spec.thresholds[i]) : u8{0};
    }
    settings.hysteresis_up = settings.hysteresis_down =
        spec.is_threshold() ? spec.hysteresis : u8{0};
    settings.assertions = settings.deassertions = possible_events(spec);
    return settings;
}

void Sensors::change(const SensorSettings& settings) {
    const auto at = position(changed_, settings.number);
    if (at != changed_.end() && at->number == settings.number) {
        *at = settings;
    } else {
        changed_.insert(at, settings);
    }
}

const Sensors::Live* Sensors::live(u8 number) const noexcept {
    return find_in(live_, number);
}

Sensors::Live& Sensors::live_or_new(u8 number) {
    auto at = position(live_, number);
    if (at == live_.end() || at->number != number) {
        at = live_.insert(at, Live{.number = number});
    }
    return *at;
}

void Sensors::keep_only(const SensorSet& set) {
    std::erase_if(live_, [&](const Live& live) {
        return find_sensor(&set, live.number) == nullptr;
    });
}

void Sensors::rearm(u8 number, u16 events) noexcept {
    Live* live = find_in(live_, number);
    if (live == nullptr) {
        return;
    }
    for (unsigned i = 0; i < threshold_count; ++i) {
        if ((events >> event_offset[i] & 1U) != 0) {
            live->crossed &= static_cast<u8>(~(1U << i));
        }
    }
}

void Sensors::rearm_all() noexcept {
    for (Live& live : live_) {
        live.crossed = 0;
    }
}

bool Sensors::wants_refresh(Mono now) const noexcept {
    const bool old = seen_at_ == Mono::min() || now - seen_at_ >= refresh_after;
    const bool asked = asked_at_ != Mono::min() && now - asked_at_ < refresh_after;
    return old && !asked;
}

void Sensors::begin_refresh(Mono now, Ticket ticket) noexcept {
    asked_at_ = now;
    refresh_ = ticket;
}

Ticket Sensors::refresh_under_way(Mono now, Duration patience) const noexcept {
    return refresh_ != 0 && now - asked_at_ < patience ? refresh_ : 0;
}

Ticket Sensors::take_refresh() noexcept {
    return std::exchange(refresh_, 0);
}

void Sensors::save(std::vector<u8>& out) const {
    out.push_back(saved_version);
    for (const SensorSettings& settings : changed_) {
        ByteArray<saved_size> bytes{};
        ByteWriter writer(bytes);
        encode(writer, settings);
        VBMC_CHECK(writer.ok());
        out.insert(out.end(), bytes.begin(), bytes.end());
    }
}

bool Sensors::load(Bytes saved) {
    if (saved.empty() || saved.front() != saved_version || (saved.size() - 1) % saved_size != 0) {
        return false;
    }
    std::vector<SensorSettings> read;
    for (Bytes rest = saved.subspan(1); !rest.empty(); rest = rest.subspan(saved_size)) {
        const auto settings = decode<SensorSettings>(rest.first(saved_size));
        if (!settings || (!read.empty() && read.back().number >= settings->number)) {
            return false;
        }
        read.push_back(*settings);
    }
    changed_ = std::move(read);
    return true;
}

void observe_sensors(Bmc& bmc, Now now, const SensorsSeen& seen) {
    bmc.sensors.mark_seen(now.mono);
    const SensorSet* own = bmc.config.sensors.get();
    if (own == nullptr) {
        return;
    }
    const SensorSpec* watts = power_sensor(own);
    for (const SensorReading& reading : seen.readings) {
        const SensorSpec* spec = own->find(reading.number);
        if (spec == nullptr || spec->event_only || !bmc.sensors.settings(*spec).scanning) {
            continue;
        }
        const bool off = spec->needs_power && bmc.power.state() == PowerState::off;
        if (!reading.available || off || !std::isfinite(reading.value)) {
            bmc.sensors.live_or_new(spec->number).available = false;
            continue;
        }
        if (spec->is_threshold()) {
            observe_threshold(bmc, now, *spec, reading.value);
        } else {
            observe_discrete(bmc, now, *spec, reading.value);
        }
        if (spec == watts) {
            bmc.dcmi.power.add(now.mono, reading.value);
        }
    }
}

Ticket refresh_sensors(Bmc& bmc, Now now) {
    if (!bmc.config.capabilities.sensors || bmc.config.sensors == nullptr) {
        return 0;
    }
    if (bmc.sensors.wants_refresh(now.mono)) {
        bmc.sensors.begin_refresh(now.mono, bmc.new_ticket());
        bmc.outbox.emplace_back(RefreshSensors{});
    }
    return bmc.sensors.refresh_under_way(now.mono, bmc.config.confirm_window);
}

SensorState read_sensor(const Bmc& bmc, Now now, const SensorSpec& spec) {
    SensorState state;
    if (spec.number < sensor_number::first_of_backend) {
        const auto known = standard_state(bmc, now, spec.number);
        state.available = known.has_value();
        state.states = known.value_or(0);
        state.asserted = state.states;
        return state;
    }
    const Sensors::Live* live = bmc.sensors.live(spec.number);
    if (live == nullptr) {
        return state;
    }
    const bool off = spec.needs_power && bmc.power.state() == PowerState::off;
    const bool old = now.mono - bmc.sensors.seen_at() > bmc.config.stale_after;
    state.available = live->available && !off && !old;
    if (spec.is_threshold()) {
        state.raw = live->raw;
        state.value = live->value;
        state.compared =
            state.available ? compare(spec, bmc.sensors.settings(spec), live->raw, 0) : u8{0};
        state.asserted = events_of(live->crossed);
    } else {
        state.states = static_cast<u16>(live->value);
        state.asserted = state.states;
    }
    return state;
}

namespace {

std::optional<u16> power_unit_state(const Bmc& bmc, Now now) {
    const bool stale = bmc.power.freshness(bmc.config, now.mono) == Freshness::stale;
    if (stale || !is_settled(bmc.power.state())) {
        return std::nullopt;
    }
    const unsigned off = bmc.power.state() == PowerState::off ? 1U << 0 : 0U;
    const unsigned fault = bmc.power.control_fault() ? 1U << 5 : 0U;
    return static_cast<u16>(off | fault);
}

std::optional<u16> acpi_state(const Bmc& bmc, Now now) {
    if (bmc.power.freshness(bmc.config, now.mono) == Freshness::stale) {
        return std::nullopt;
    }
    const u8 state = bmc.acpi.system_state(bmc.power.state());
    if (state > Acpi::s4_s5_soft_off) {
        return std::nullopt;
    }
    return static_cast<u16>(1U << state);
}

u16 event_log_state(const Sel& sel) noexcept {
    const unsigned full = sel.full() ? 1U << 4 : 0U;
    const unsigned almost = sel.size() * 4 >= Sel::capacity * 3 ? 1U << 5 : 0U;
    return static_cast<u16>(full | almost);
}

} // namespace

std::optional<u16> standard_state(const Bmc& bmc, Now now, u8 number) {
    switch (number) {
    case sensor_number::power_unit:
        return power_unit_state(bmc, now);
    case sensor_number::power_supply:
        return u16{1}; // presence detected
    case sensor_number::watchdog:
        return static_cast<u16>(bmc.watchdog.interrupted() ? 1U << 8 : 0U);
    case sensor_number::event_log:
        return event_log_state(bmc.sel);
    case sensor_number::acpi:
        return acpi_state(bmc, now);
    default:
        return std::nullopt;
    }
}

} // namespace vbmc::bmc
