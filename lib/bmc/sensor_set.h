#pragma once
// The sensors that a kind of backend gives its nodes, as the SDR repository and the readings need
// them. Immutable and shared by all nodes of a kind: a node keeps only its last readings and what
// its users changed.

#include "base/bytes.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::bmc {

/// Numbers of the sensors that every node has; a backend's own start at `first_of_backend`.
namespace sensor_number {
inline constexpr u8 power_unit = 0x01;
inline constexpr u8 power_supply = 0x02;
inline constexpr u8 watchdog = 0x03;
inline constexpr u8 event_log = 0x04;
inline constexpr u8 boot = 0x05; // System Boot / Restart Initiated: events only
inline constexpr u8 os_boot = 0x06;
inline constexpr u8 acpi = 0x07;
inline constexpr u8 first_of_backend = 0x10;
inline constexpr u8 last_of_backend = 0xef;
} // namespace sensor_number

/// IPMI 2.0 table 42-3.
namespace sensor_type {
inline constexpr u8 temperature = 0x01;
inline constexpr u8 voltage = 0x02;
inline constexpr u8 current = 0x03;
inline constexpr u8 fan = 0x04;
inline constexpr u8 processor = 0x07;
inline constexpr u8 power_supply = 0x08;
inline constexpr u8 power_unit = 0x09;
inline constexpr u8 other_units = 0x0b;
inline constexpr u8 memory = 0x0c;
inline constexpr u8 drive_slot = 0x0d;
inline constexpr u8 event_log = 0x10;
inline constexpr u8 system_event = 0x12;
inline constexpr u8 boot_initiated = 0x1d;
inline constexpr u8 boot_error = 0x1e;
inline constexpr u8 os_boot = 0x1f;
inline constexpr u8 os_stop = 0x20;
inline constexpr u8 acpi_power_state = 0x22;
inline constexpr u8 watchdog2 = 0x23;
} // namespace sensor_type

/// Event/reading types (IPMI 2.0 table 42-1).
namespace reading_type {
inline constexpr u8 threshold = 0x01;
inline constexpr u8 state_asserted = 0x03; // offset 0: deasserted, 1: asserted
inline constexpr u8 severity = 0x07;       // offset 0: OK, 1: to non-critical, 2: to critical ...
inline constexpr u8 presence = 0x08;       // offset 0: removed, 1: inserted
inline constexpr u8 sensor_specific = 0x6f;
} // namespace reading_type

/// Base units (IPMI 2.0 §43.17, sensor unit type codes).
enum class SensorUnit : u8 {
    unspecified = 0,
    degrees_c = 1,
    degrees_f = 2,
    volts = 4,
    amps = 5,
    watts = 6,
    joules = 7,
    rpm = 18,
    hertz = 19,
};

/// Entity IDs (IPMI 2.0 table 43-13).
namespace entity {
inline constexpr u8 processor = 3;
inline constexpr u8 disk = 4;
inline constexpr u8 system_management_module = 6;
inline constexpr u8 system_board = 7;
inline constexpr u8 memory_module = 8;
inline constexpr u8 power_supply = 10;
inline constexpr u8 power_unit = 19;
inline constexpr u8 system_chassis = 23;
inline constexpr u8 fan = 29;
inline constexpr u8 memory_device = 32;
inline constexpr u8 system_firmware = 34;
inline constexpr u8 operating_system = 35;
inline constexpr u8 management_firmware = 46;
inline constexpr u8 air_inlet = 55;
inline constexpr u8 dcmi_air_inlet = 64;
inline constexpr u8 dcmi_processor = 65;
inline constexpr u8 dcmi_baseboard = 66;
} // namespace entity

/// reading = (m * raw + b * 10^b_exponent) * 10^r_exponent (IPMI 2.0 §36.3).
struct Linear {
    i16 m = 1;              // 10 bits, signed
    i16 b = 0;              // 10 bits, signed
    i8 b_exponent = 0;      // 4 bits, signed
    i8 r_exponent = 0;      // 4 bits, signed
    bool is_signed = false; // raw is two's complement

    double to_value(u8 raw) const noexcept;

    /// The nearest raw value; what is out of range becomes the end of the range.
    u8 to_raw(double value) const noexcept;

    /// The raw value as a number, for comparisons.
    int order(u8 raw) const noexcept { return is_signed ? static_cast<i8>(raw) : raw; }
};

/// Where a threshold stands in SensorSpec::thresholds, in masks and in Get Sensor Thresholds.
enum class Threshold : u8 {
    lower_non_critical = 0,
    lower_critical = 1,
    lower_non_recoverable = 2,
    upper_non_critical = 3,
    upper_critical = 4,
    upper_non_recoverable = 5,
};

inline constexpr u8 threshold_count = 6;

struct SensorSpec {
    u8 number = 0;
    std::string name; // at most 16 characters
    u8 type = 0;      // sensor_type
    u8 reading = reading_type::threshold;
    SensorUnit unit = SensorUnit::unspecified;
    bool percent = false; // of the unit, which is then usually unspecified
    Linear linear{};
    std::array<std::optional<double>, threshold_count> thresholds{}; // in the sensor's unit
    u8 hysteresis = 1;                                               // raw counts, both directions
    u16 states =
        0; // a discrete sensor's possible offsets; its SensorReading::value is a bit mask of them
    bool event_only = false; // logs events but has no reading
    bool needs_power = true; // no reading while the node is off
    u8 entity_id = entity::system_board;
    u8 entity_instance = 1;

    bool is_threshold() const noexcept { return reading == reading_type::threshold; }

    /// The thresholds that exist, one bit each.
    u8 threshold_mask() const noexcept;
};

struct SensorSet {
    std::vector<SensorSpec> sensors; // by ascending number, from first_of_backend on

    /// nullptr when there is none.
    const SensorSpec* find(u8 number) const noexcept;
};

/// The sensors that every node has.
const SensorSet& standard_sensors();

/// In the standard set or in `own` (may be null).
const SensorSpec* find_sensor(const SensorSet* own, u8 number) noexcept;

} // namespace vbmc::bmc
