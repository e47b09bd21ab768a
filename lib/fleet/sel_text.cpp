#include "fleet/sel_text.h"

#include <array>

namespace vbmc::fleet {

namespace {

namespace type = bmc::sensor_type;

struct Offset {
    u8 sensor_type;
    u8 offset;
    std::string_view text;
};

// IPMI 2.0 table 42-3, the sensor-specific offsets of what a virtual machine can have.
constexpr Offset offsets[] = {
    {type::processor, 0, "IERR"},
    {type::processor, 1, "thermal trip"},
    {type::processor, 7, "present"},
    {type::power_supply, 0, "present"},
    {type::power_supply, 1, "failure"},
    {type::power_supply, 3, "input lost"},
    {type::power_unit, 0, "power off"},
    {type::power_unit, 1, "power cycle"},
    {type::power_unit, 4, "AC lost"},
    {type::power_unit, 5, "power control failed"},
    {type::power_unit, 6, "failure"},
    {type::event_log, 2, "log cleared"},
    {type::event_log, 4, "log full"},
    {type::event_log, 5, "log almost full"},
    {type::system_event, 0, "reconfigured"},
    {type::system_event, 5, "time set"},
    {type::boot_initiated, 0, "started by power up"},
    {type::boot_initiated, 1, "started by hard reset"},
    {type::boot_initiated, 2, "started by warm reset"},
    {type::boot_initiated, 3, "PXE boot asked for"},
    {type::boot_initiated, 7, "system restart"},
    {type::boot_error, 0, "no bootable medium"},
    {type::os_boot, 0, "OS booted"},
    {type::os_boot, 1, "OS booted from disk"},
    {type::os_boot, 2, "OS booted from PXE"},
    {type::os_stop, 1, "OS stopped"},
    {type::os_stop, 3, "OS shut down"},
    {type::acpi_power_state, 0, "S0: working"},
    {type::acpi_power_state, 5, "S5: soft off"},
    {type::acpi_power_state, 6, "S4/S5: soft off"},
    {type::acpi_power_state, 11, "legacy on"},
    {type::acpi_power_state, 12, "legacy off"},
    {type::watchdog2, 0, "watchdog expired"},
    {type::watchdog2, 1, "watchdog: hard reset"},
    {type::watchdog2, 2, "watchdog: power off"},
    {type::watchdog2, 3, "watchdog: power cycle"},
    {type::watchdog2, 8, "watchdog: pre-timeout interrupt"},
};

// IPMI 2.0 table 42-2, offsets of threshold events.
constexpr std::array<std::string_view, 12> crossings = {
    "below lower non-critical",
    "below lower non-critical (rising)",
    "below lower critical",
    "below lower critical (rising)",
    "below lower non-recoverable",
    "below lower non-recoverable (rising)",
    "above upper non-critical (falling)",
    "above upper non-critical",
    "above upper critical (falling)",
    "above upper critical",
    "above upper non-recoverable (falling)",
    "above upper non-recoverable",
};

// IPMI 2.0 §28.11, Get System Restart Cause.
constexpr std::array<std::string_view, 12> causes = {
    "cause unknown",
    "by chassis control",
    "by the reset button",
    "by the power button",
    "by the watchdog",
    "by OEM",
    "by the restore policy always-on",
    "by the restore policy previous",
    "by PEF reset",
    "by PEF power cycle",
    "by soft reset",
    "by the clock",
};

std::string offset_text(u8 sensor_type, u8 reading_type, u8 offset) {
    if (reading_type == bmc::reading_type::threshold && offset < crossings.size()) {
        return std::string(crossings[offset]);
    }
    if (reading_type == bmc::reading_type::sensor_specific) {
        for (const Offset& known : offsets) {
            if (known.sensor_type == sensor_type && known.offset == offset) {
                return std::string(known.text);
            }
        }
    }
    if (reading_type == bmc::reading_type::state_asserted && offset < 2) {
        return offset == 0 ? "state deasserted" : "state asserted";
    }
    if (reading_type == bmc::reading_type::presence && offset < 2) {
        return offset == 0 ? "removed" : "inserted";
    }
    return "state " + std::to_string(offset);
}

} // namespace

std::string_view sensor_type_name(u8 type) noexcept {
    switch (type) {
    case type::temperature:
        return "temperature";
    case type::voltage:
        return "voltage";
    case type::current:
        return "current";
    case type::fan:
        return "fan";
    case type::processor:
        return "processor";
    case type::power_supply:
        return "power supply";
    case type::power_unit:
        return "power unit";
    case type::other_units:
        return "other units";
    case type::memory:
        return "memory";
    case type::drive_slot:
        return "drive slot";
    case type::event_log:
        return "event log";
    case type::system_event:
        return "system event";
    case type::boot_initiated:
        return "system boot";
    case type::boot_error:
        return "boot error";
    case type::os_boot:
        return "OS boot";
    case type::os_stop:
        return "OS stop";
    case type::acpi_power_state:
        return "ACPI power state";
    case type::watchdog2:
        return "watchdog";
    default:
        return "other";
    }
}

std::string_view unit_name(const bmc::SensorSpec& spec) noexcept {
    if (spec.percent) {
        return "%";
    }
    switch (spec.unit) {
    case bmc::SensorUnit::degrees_c:
        return "degrees C";
    case bmc::SensorUnit::degrees_f:
        return "degrees F";
    case bmc::SensorUnit::volts:
        return "volts";
    case bmc::SensorUnit::amps:
        return "amps";
    case bmc::SensorUnit::watts:
        return "watts";
    case bmc::SensorUnit::joules:
        return "joules";
    case bmc::SensorUnit::rpm:
        return "RPM";
    case bmc::SensorUnit::hertz:
        return "hertz";
    case bmc::SensorUnit::unspecified:
        return "";
    }
    return "";
}

std::string event_text(const bmc::Sel::Record& record) {
    // IPMI 2.0 §32.1: type 02h is a system event; C0h-DFh OEM with a time stamp, E0h-FFh without.
    if (record[2] != 0x02) {
        return record[2] >= 0xc0 ? "OEM record" : "record of type " + std::to_string(record[2]);
    }
    const u8 sensor_type = record[10];
    const u8 reading_type = record[12] & 0x7f;
    const bool deasserted = (record[12] & 0x80) != 0;
    const u8 offset = record[13] & 0x0f;
    std::string text = offset_text(sensor_type, reading_type, offset);
    if (sensor_type == type::boot_initiated && offset == 7 && record[14] < causes.size()) {
        text += " " + std::string(causes[record[14]]);
    }
    if (sensor_type == type::power_unit && offset == 0 && deasserted) {
        return "power on";
    }
    return deasserted ? text + " (cleared)" : text;
}

std::string sensor_text(const bmc::Sel::Record& record, const bmc::SensorSet* own) {
    if (record[2] != 0x02) {
        return {};
    }
    const bmc::SensorSpec* spec = bmc::find_sensor(own, record[11]);
    return spec != nullptr ? spec->name : "#" + std::to_string(record[11]);
}

std::string state_text(u8 sensor_type, u8 reading_type, u16 states) {
    std::string text;
    for (u8 offset = 0; offset < 15; ++offset) {
        if ((states >> offset & 1U) != 0) {
            text += (text.empty() ? "" : ", ") + offset_text(sensor_type, reading_type, offset);
        }
    }
    return text.empty() ? "ok" : text;
}

std::string_view level_text(u8 compared) noexcept {
    constexpr u8 non_recoverable = 0x24; // both directions: bmc::Threshold
    constexpr u8 critical = 0x12;
    if ((compared & non_recoverable) != 0) {
        return "nr";
    }
    if ((compared & critical) != 0) {
        return "cr";
    }
    return compared != 0 ? "nc" : "ok";
}

} // namespace vbmc::fleet
