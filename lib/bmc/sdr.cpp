#include "bmc/sdr.h"

#include "bmc/sensors.h"

#include <string_view>

namespace vbmc::bmc {

namespace {

constexpr u8 sdr_version = 0x51;
constexpr u8 full_sensor = 0x01;
constexpr u8 compact_sensor = 0x02;
constexpr u8 event_only_sensor = 0x03;
constexpr u8 fru_locator = 0x11;
constexpr u8 controller_locator = 0x12;
constexpr u8 bmc_address = 0x20;
constexpr std::size_t header_size = 5;
constexpr std::size_t locator_count = 2;
constexpr std::size_t name_max = 16;

/// §43.15: 8-bit ASCII and Latin 1. One character alone would read as the end mark of a list.
void write_name(ByteWriter& out, std::string_view name) {
    name = name.substr(0, name_max);
    const std::size_t size = name.size() == 1 ? 2 : name.size();
    out.write_u8(static_cast<u8>(0xc0 | size));
    for (const char c : name) {
        out.write_u8(static_cast<u8>(c));
    }
    out.fill(' ', size - name.size());
}

void write_controller_locator(ByteWriter& out) {
    out.write_u8(bmc_address);
    out.write_u8(0x00); // channel 0
    out.write_u8(0x00); // no initialisation agent needed
    out.write_u8(0x9f); // as Get Device ID: chassis, event receiver, FRU, SEL, SDRs, sensors
    out.fill(0x00, 3);
    out.write_u8(entity::system_management_module);
    out.write_u8(0x01);
    out.write_u8(0x00);
    write_name(out, "vbmcd");
}

void write_fru_locator(ByteWriter& out) {
    out.write_u8(bmc_address);
    out.write_u8(0x00); // FRU device 0
    out.write_u8(0x80); // logical, LUN 0
    out.write_u8(0x00); // channel 0
    out.write_u8(0x00);
    out.write_u8(0x10); // FRU inventory device behind a controller
    out.write_u8(0x00);
    out.write_u8(entity::system_chassis);
    out.write_u8(0x01);
    out.write_u8(0x00);
    write_name(out, "Node");
}

void write_owner_and_entity(ByteWriter& out, const SensorSpec& spec) {
    out.write_u8(bmc_address);
    out.write_u8(0x00); // channel 0, LUN 0
    out.write_u8(spec.number);
    out.write_u8(spec.entity_id);
    out.write_u8(spec.entity_instance);
}

u8 raw_threshold(const SensorSpec& spec, Threshold which) {
    const auto& value = spec.thresholds[static_cast<u8>(which)];
    return value ? spec.linear.to_raw(*value) : u8{0};
}

/// §43.1, bytes 15 to 20: events, and which thresholds are compared, readable and settable.
void write_threshold_masks(ByteWriter& out, const SensorSpec& spec) {
    const unsigned events = possible_events(spec);
    const unsigned mask = spec.threshold_mask();
    out.write_u16(static_cast<u16>(events | (mask & 0x07) << 12));
    out.write_u16(static_cast<u16>(events | (mask & 0x38) << 9));
    out.write_u16(static_cast<u16>(mask | mask << 8));
}

/// §43.1, bytes 21 to 30: units and the formula's factors.
void write_units_and_factors(ByteWriter& out, const SensorSpec& spec) {
    const Linear& linear = spec.linear;
    out.write_u8(static_cast<u8>((linear.is_signed ? 0x80 : 0x00) | (spec.percent ? 0x01 : 0x00)));
    out.write_u8(static_cast<u8>(spec.unit));
    out.write_u8(0x00); // no modifier unit
    out.write_u8(0x00); // linear
    out.write(reading_factors(linear));
}

void write_full_sensor(ByteWriter& out, const SensorSpec& spec) {
    write_owner_and_entity(out, spec);
    out.write_u8(0x7f); // everything is initialised, events and scanning on
    // auto re-arm; hysteresis and thresholds readable and settable; events a threshold
    out.write_u8(spec.threshold_mask() == 0 ? 0x43 : 0x68);
    out.write_u8(spec.type);
    out.write_u8(spec.reading);
    write_threshold_masks(out, spec);
    write_units_and_factors(out, spec);
    out.write_u8(0x00); // no nominal reading, no normal range
    out.fill(0x00, 3);
    out.write_u8(spec.linear.is_signed ? 0x7f : 0xff);
    out.write_u8(spec.linear.is_signed ? 0x80 : 0x00);
    out.write_u8(raw_threshold(spec, Threshold::upper_non_recoverable));
    out.write_u8(raw_threshold(spec, Threshold::upper_critical));
    out.write_u8(raw_threshold(spec, Threshold::upper_non_critical));
    out.write_u8(raw_threshold(spec, Threshold::lower_non_recoverable));
    out.write_u8(raw_threshold(spec, Threshold::lower_critical));
    out.write_u8(raw_threshold(spec, Threshold::lower_non_critical));
    out.write_u8(spec.hysteresis);
    out.write_u8(spec.hysteresis);
    out.fill(0x00, 3);
    write_name(out, spec.name);
}

void write_compact_sensor(ByteWriter& out, const SensorSpec& spec) {
    write_owner_and_entity(out, spec);
    out.write_u8(0x67); // events and scanning are initialised and on
    out.write_u8(0x40); // auto re-arm, events a state
    out.write_u8(spec.type);
    out.write_u8(spec.reading);
    out.write_u16(spec.states); // assertions
    out.write_u16(spec.states); // deassertions
    out.write_u16(spec.states); // readable
    out.write_u8(0xc0);         // no analog reading
    out.write_u16(0x0000);
    out.write_u16(0x0001); // shared by one sensor
    out.fill(0x00, 6);
    write_name(out, spec.name);
}

void write_event_only_sensor(ByteWriter& out, const SensorSpec& spec) {
    write_owner_and_entity(out, spec);
    out.write_u8(spec.type);
    out.write_u8(spec.reading);
    out.write_u16(0x0001); // shared by one sensor
    out.fill(0x00, 2);
    write_name(out, spec.name);
}

struct Described {
    u8 type;
    const SensorSpec* spec; // nullptr: a locator
};

Described describe(const SensorSet* own, std::size_t index) {
    if (index < locator_count) {
        return {index == 0 ? controller_locator : fru_locator, nullptr};
    }
    index -= locator_count;
    const auto& standard = standard_sensors().sensors;
    const SensorSpec& spec =
        index < standard.size() ? standard[index] : own->sensors[index - standard.size()];
    if (spec.event_only) {
        return {event_only_sensor, &spec};
    }
    return {spec.is_threshold() ? full_sensor : compact_sensor, &spec};
}

} // namespace

ByteArray<6> reading_factors(const Linear& linear) noexcept {
    return {
        static_cast<u8>(linear.m),
        static_cast<u8>(linear.m >> 2 & 0xc0), // tolerance 0
        static_cast<u8>(linear.b),
        static_cast<u8>(linear.b >> 2 & 0xc0), // accuracy 0
        0x00,
        static_cast<u8>((linear.r_exponent & 0x0f) << 4 | (linear.b_exponent & 0x0f)),
    };
}

std::size_t sensor_count(const SensorSet* own) noexcept {
    return standard_sensors().sensors.size() + (own == nullptr ? 0 : own->sensors.size());
}

std::size_t sdr_count(const SensorSet* own) noexcept {
    return locator_count + sensor_count(own);
}

SdrRecord sdr_record(const SensorSet* own, std::size_t index) {
    const Described what = describe(own, index);
    SdrRecord record;
    ByteWriter body(record.room().subspan(header_size));
    switch (what.type) {
    case controller_locator:
        write_controller_locator(body);
        break;
    case fru_locator:
        write_fru_locator(body);
        break;
    case event_only_sensor:
        write_event_only_sensor(body, *what.spec);
        break;
    case compact_sensor:
        write_compact_sensor(body, *what.spec);
        break;
    default:
        write_full_sensor(body, *what.spec);
        break;
    }
    ByteWriter header(record.room().first(header_size));
    header.write_u16(static_cast<u16>(index + 1));
    header.write_u8(sdr_version);
    header.write_u8(what.type);
    header.write_u8(static_cast<u8>(body.size()));
    record.resize(header_size + body.size());
    return record;
}

std::optional<u16> sdr_record_id(const SensorSet* own, u8 sensor_number) noexcept {
    const std::size_t count = sdr_count(own);
    for (std::size_t index = locator_count; index < count; ++index) {
        if (describe(own, index).spec->number == sensor_number) {
            return static_cast<u16>(index + 1);
        }
    }
    return std::nullopt;
}

u32 sdr_timestamp(const SensorSet* own) {
    constexpr u32 epoch = 1704067200; // 2024-01-01
    u32 hash = 2166136261U;           // FNV-1a
    const std::size_t count = sdr_count(own);
    for (std::size_t index = 0; index < count; ++index) {
        const SdrRecord record = sdr_record(own, index);
        for (const u8 byte : record.bytes()) {
            hash = (hash ^ byte) * 16777619U;
        }
    }
    return epoch + (hash >> 8);
}

} // namespace vbmc::bmc
