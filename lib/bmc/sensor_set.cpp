#include "bmc/sensor_set.h"

#include <algorithm>
#include <cmath>

namespace vbmc::bmc {

double Linear::to_value(u8 raw) const noexcept {
    const double scaled = static_cast<double>(m) * order(raw) + b * std::pow(10.0, b_exponent);
    return scaled * std::pow(10.0, r_exponent);
}

u8 Linear::to_raw(double value) const noexcept {
    if (m == 0 || !std::isfinite(value)) {
        return 0;
    }
    const double unscaled = value * std::pow(10.0, -r_exponent) - b * std::pow(10.0, b_exponent);
    const double lowest = is_signed ? -128 : 0;
    const double highest = is_signed ? 127 : 255;
    const double raw = std::clamp(std::round(unscaled / m), lowest, highest);
    return static_cast<u8>(static_cast<int>(raw));
}

u8 SensorSpec::threshold_mask() const noexcept {
    unsigned mask = 0;
    for (unsigned i = 0; i < threshold_count; ++i) {
        mask |= thresholds[i] ? 1U << i : 0U;
    }
    return static_cast<u8>(mask);
}

const SensorSpec* SensorSet::find(u8 number) const noexcept {
    const auto at = std::find_if(sensors.begin(), sensors.end(), [number](const SensorSpec& spec) {
        return spec.number == number;
    });
    return at == sensors.end() ? nullptr : &*at;
}

namespace {

SensorSpec discrete(u8 number, const char* name, u8 type, u16 states, u8 entity_id) {
    SensorSpec spec;
    spec.number = number;
    spec.name = name;
    spec.type = type;
    spec.reading = reading_type::sensor_specific;
    spec.states = states;
    spec.needs_power = false;
    spec.entity_id = entity_id;
    return spec;
}

/// Offsets are those of IPMI 2.0 table 42-3 that this controller can report.
SensorSet make_standard_sensors() {
    SensorSet set;
    // off, power cycle, soft power control failure, failure
    set.sensors.push_back(discrete(
        sensor_number::power_unit, "Power Unit", sensor_type::power_unit, 0x0063, entity::power_unit
    ));
    // presence detected
    set.sensors.push_back(discrete(
        sensor_number::power_supply,
        "Power Supply",
        sensor_type::power_supply,
        0x0001,
        entity::power_supply
    ));
    // timer expired, hard reset, power down, power cycle, timer interrupt
    set.sensors.push_back(discrete(
        sensor_number::watchdog,
        "Watchdog",
        sensor_type::watchdog2,
        0x010f,
        entity::management_firmware
    ));
    // log area cleared, full, almost full
    set.sensors.push_back(discrete(
        sensor_number::event_log,
        "Event Log",
        sensor_type::event_log,
        0x0034,
        entity::management_firmware
    ));
    // initiated by power up, hard reset, warm reset, PXE boot, diagnostics; OS restart and hard
    // reset, system restart
    SensorSpec boot = discrete(
        sensor_number::boot,
        "System Boot",
        sensor_type::boot_initiated,
        0x00ff,
        entity::system_firmware
    );
    boot.event_only = true;
    set.sensors.push_back(boot);
    // what the operating system was booted from
    SensorSpec os_boot = discrete(
        sensor_number::os_boot, "OS Boot", sensor_type::os_boot, 0x007f, entity::operating_system
    );
    os_boot.event_only = true;
    set.sensors.push_back(os_boot);
    // S0 .. S5, and S4/S5 without telling which
    set.sensors.push_back(discrete(
        sensor_number::acpi,
        "ACPI State",
        sensor_type::acpi_power_state,
        0x007f,
        entity::system_board
    ));
    return set;
}

} // namespace

const SensorSet& standard_sensors() {
    static const SensorSet set = make_standard_sensors();
    return set;
}

const SensorSpec* find_sensor(const SensorSet* own, u8 number) noexcept {
    if (const SensorSpec* spec = standard_sensors().find(number)) {
        return spec;
    }
    return own == nullptr ? nullptr : own->find(number);
}

} // namespace vbmc::bmc
