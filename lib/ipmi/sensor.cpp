#include "ipmi/sensor.h"

#include "ipmi/sdr_part.h"

namespace vbmc::ipmi {

using bmc::Bmc;
using bmc::SensorSettings;
using bmc::SensorSpec;

namespace {

constexpr u8 comparison_reserved = 0xc0; // §35.14: returned as 1
constexpr u8 states_reserved = 0x80;

enum class Kind { any, with_reading, threshold };

/// The sensor that a command is about, or why it cannot be.
struct Chosen {
    const SensorSpec* spec = nullptr;
    CompletionCode code = CompletionCode::ok;
};

Chosen choose(const Bmc& bmc, u8 number, Kind kind) noexcept {
    const SensorSpec* spec = bmc::find_sensor(bmc.config.sensors.get(), number);
    if (spec == nullptr) {
        return {nullptr, CompletionCode::not_present};
    }
    const bool fits = kind == Kind::any ||
                      (!spec->event_only && (kind == Kind::with_reading || spec->is_threshold()));
    if (!fits) {
        return {nullptr, CompletionCode::illegal_for_sensor};
    }
    return {spec, CompletionCode::ok};
}

void keep(Bmc& bmc, const SensorSettings& settings) {
    bmc.sensors.change(settings);
    bmc.dirty.add(bmc::Section::sensors);
}

struct EventMasks {
    u16 assertions = 0;
    u16 deassertions = 0;
};

EventMasks masks_of(const InlineBytes<4>& bytes) noexcept {
    ByteArray<4> all{};
    std::copy(bytes.bytes().begin(), bytes.bytes().end(), all.begin());
    return {
        static_cast<u16>(all[0] | all[1] << 8),
        static_cast<u16>(all[2] | all[3] << 8),
    };
}

bool tells_power(u8 sensor) noexcept {
    return sensor == bmc::sensor_number::power_unit || sensor == bmc::sensor_number::acpi;
}

} // namespace

bmc::Ticket wait_for_reading(Bmc& bmc, const Context& context, const SensorSpec& spec) {
    if (context.completion != nullptr) {
        return 0;
    }
    if (tells_power(spec.number)) {
        const auto freshness = bmc.power.freshness(bmc.config, context.now.mono);
        return freshness == bmc::Freshness::fresh ? 0 : bmc.request_refresh(context.now);
    }
    if (spec.number < bmc::sensor_number::first_of_backend) {
        return 0;
    }
    const bmc::Ticket refresh = refresh_sensors(bmc, context.now);
    const bool off = spec.needs_power && bmc.power.state() == bmc::PowerState::off;
    return off ? 0 : refresh;
}

Reply<GetDeviceSdrInfo::Response>
handle(Bmc& bmc, const Context&, const GetDeviceSdrInfo::Request& request) {
    const bool records = (request.operation.value_or(0) & 0x01) != 0;
    const auto* own = bmc.config.sensors.get();
    return GetDeviceSdrInfo::Response{
        .count = static_cast<u8>(records ? bmc::sdr_count(own) : bmc::sensor_count(own))};
}

Reply<GetDeviceSdr::Response>
handle(Bmc& bmc, const Context&, const GetDeviceSdr::Request& request) {
    SdrPart part;
    const auto code = read_sdr_part(bmc.config.sensors.get(), bmc.sensors.device, request, part);
    if (code != CompletionCode::ok) {
        return code;
    }
    return GetDeviceSdr::Response{.next = part.next, .data = part.data};
}

Reply<ReserveDeviceSdr::Response>
handle(Bmc& bmc, const Context& context, const ReserveDeviceSdr::Request&) {
    refresh_sensors(bmc, context.now); // who reads the records wants the readings next
    return ReserveDeviceSdr::Response{.reservation = bmc.sensors.device.renew()};
}

Reply<GetSensorReadingFactors::Response>
handle(Bmc& bmc, const Context&, const GetSensorReadingFactors::Request& request) {
    const Chosen chosen = choose(bmc, request.sensor, Kind::threshold);
    if (chosen.spec == nullptr) {
        return chosen.code;
    }
    GetSensorReadingFactors::Response response;
    response.next_reading = request.reading; // linear: the same factors everywhere
    response.factors = bmc::reading_factors(chosen.spec->linear);
    return response;
}

Reply<Nothing> handle(Bmc& bmc, const Context&, const SetSensorHysteresis::Request& request) {
    const Chosen chosen = choose(bmc, request.sensor, Kind::threshold);
    if (chosen.spec == nullptr) {
        return chosen.code;
    }
    SensorSettings settings = bmc.sensors.settings(*chosen.spec);
    settings.hysteresis_up = request.up;
    settings.hysteresis_down = request.down;
    keep(bmc, settings);
    return Nothing{};
}

Reply<GetSensorHysteresis::Response>
handle(Bmc& bmc, const Context&, const GetSensorHysteresis::Request& request) {
    const Chosen chosen = choose(bmc, request.sensor, Kind::threshold);
    if (chosen.spec == nullptr) {
        return chosen.code;
    }
    const SensorSettings settings = bmc.sensors.settings(*chosen.spec);
    return GetSensorHysteresis::Response{
        .up = settings.hysteresis_up, .down = settings.hysteresis_down};
}

Reply<Nothing> handle(Bmc& bmc, const Context&, const SetSensorThresholds::Request& request) {
    const Chosen chosen = choose(bmc, request.sensor, Kind::threshold);
    if (chosen.spec == nullptr) {
        return chosen.code;
    }
    if ((request.mask & ~chosen.spec->threshold_mask()) != 0) {
        return CompletionCode::invalid_data_field; // a threshold that the sensor does not have
    }
    SensorSettings settings = bmc.sensors.settings(*chosen.spec);
    for (unsigned i = 0; i < bmc::threshold_count; ++i) {
        if ((request.mask >> i & 1U) != 0) {
            settings.thresholds[i] = request.values[i];
        }
    }
    keep(bmc, settings);
    return Nothing{};
}

Reply<GetSensorThresholds::Response>
handle(Bmc& bmc, const Context&, const GetSensorThresholds::Request& request) {
    const Chosen chosen = choose(bmc, request.sensor, Kind::threshold);
    if (chosen.spec == nullptr) {
        return chosen.code;
    }
    return GetSensorThresholds::Response{
        .mask = chosen.spec->threshold_mask(),
        .values = bmc.sensors.settings(*chosen.spec).thresholds,
    };
}

Reply<Nothing> handle(Bmc& bmc, const Context&, const SetSensorEventEnable::Request& request) {
    const Chosen chosen = choose(bmc, request.sensor, Kind::any);
    if (chosen.spec == nullptr) {
        return chosen.code;
    }
    const EventMasks masks = masks_of(request.masks);
    const u16 possible = bmc::possible_events(*chosen.spec);
    SensorSettings settings = bmc.sensors.settings(*chosen.spec);
    settings.event_messages = request.event_messages;
    settings.scanning = request.scanning;
    switch (request.operation) {
    case SetSensorEventEnable::no_change:
        break;
    case SetSensorEventEnable::enable:
        settings.assertions |= static_cast<u16>(masks.assertions & possible);
        settings.deassertions |= static_cast<u16>(masks.deassertions & possible);
        break;
    case SetSensorEventEnable::disable:
        settings.assertions &= static_cast<u16>(~masks.assertions);
        settings.deassertions &= static_cast<u16>(~masks.deassertions);
        break;
    default:
        return CompletionCode::invalid_data_field;
    }
    keep(bmc, settings);
    return Nothing{};
}

Reply<GetSensorEventEnable::Response>
handle(Bmc& bmc, const Context&, const GetSensorEventEnable::Request& request) {
    const Chosen chosen = choose(bmc, request.sensor, Kind::any);
    if (chosen.spec == nullptr) {
        return chosen.code;
    }
    const SensorSettings settings = bmc.sensors.settings(*chosen.spec);
    return GetSensorEventEnable::Response{
        .scanning = settings.scanning,
        .event_messages = settings.event_messages,
        .assertions = settings.assertions,
        .deassertions = settings.deassertions,
    };
}

Reply<Nothing> handle(Bmc& bmc, const Context& context, const RearmSensorEvents::Request& request) {
    const Chosen chosen = choose(bmc, request.sensor, Kind::with_reading);
    if (chosen.spec == nullptr) {
        return chosen.code;
    }
    const u16 events = request.selected_only ? masks_of(request.masks).assertions : u16{0xffff};
    bmc.sensors.rearm(request.sensor, events);
    refresh_sensors(bmc, context.now);
    return Nothing{};
}

Reply<GetSensorEventStatus::Response>
handle(Bmc& bmc, const Context& context, const GetSensorEventStatus::Request& request) {
    const Chosen chosen = choose(bmc, request.sensor, Kind::with_reading);
    if (chosen.spec == nullptr) {
        return chosen.code;
    }
    if (const bmc::Ticket ticket = wait_for_reading(bmc, context, *chosen.spec)) {
        return Defer{ticket};
    }
    const SensorSettings settings = bmc.sensors.settings(*chosen.spec);
    const bmc::SensorState state = read_sensor(bmc, context.now, *chosen.spec);
    return GetSensorEventStatus::Response{
        .unavailable = !state.available,
        .scanning = settings.scanning,
        .event_messages = settings.event_messages,
        .assertions = state.asserted,
    };
}

Reply<GetSensorReading::Response>
handle(Bmc& bmc, const Context& context, const GetSensorReading::Request& request) {
    const Chosen chosen = choose(bmc, request.sensor, Kind::with_reading);
    if (chosen.spec == nullptr) {
        return chosen.code;
    }
    if (const bmc::Ticket ticket = wait_for_reading(bmc, context, *chosen.spec)) {
        return Defer{ticket};
    }
    const SensorSettings settings = bmc.sensors.settings(*chosen.spec);
    const bmc::SensorState state = read_sensor(bmc, context.now, *chosen.spec);
    GetSensorReading::Response response;
    response.unavailable = !state.available;
    response.scanning = settings.scanning;
    response.event_messages = settings.event_messages;
    if (chosen.spec->is_threshold()) {
        response.reading = state.raw;
        response.state = comparison_reserved | state.compared;
    } else {
        response.state = static_cast<u8>(state.states);
        response.more_states = static_cast<u8>(states_reserved | state.states >> 8);
    }
    return response;
}

Reply<Nothing> handle(Bmc& bmc, const Context&, const SetSensorType::Request& request) {
    const Chosen chosen = choose(bmc, request.sensor, Kind::any);
    if (chosen.spec == nullptr) {
        return chosen.code;
    }
    return CompletionCode::illegal_for_sensor; // what a sensor is, its backend knows
}

Reply<GetSensorType::Response>
handle(Bmc& bmc, const Context&, const GetSensorType::Request& request) {
    const Chosen chosen = choose(bmc, request.sensor, Kind::any);
    if (chosen.spec == nullptr) {
        return chosen.code;
    }
    return GetSensorType::Response{.type = chosen.spec->type, .reading = chosen.spec->reading};
}

Reply<Nothing> handle(Bmc& bmc, const Context&, const SetSensorReading::Request& request) {
    const Chosen chosen = choose(bmc, request.sensor, Kind::any);
    if (chosen.spec == nullptr) {
        return chosen.code;
    }
    return CompletionCode::illegal_for_sensor; // readings come from the machine, none is settable
}

} // namespace vbmc::ipmi
