#pragma once
// A backend's sensors for tests: a temperature with all thresholds, a fan with a lower one, a power
// meter, a health state, and an inlet temperature that is read while the node is off.

#include "bmc/sensor_set.h"

#include <memory>

namespace vbmc::test {

inline constexpr u8 cpu_temperature = 0x10;
inline constexpr u8 fan = 0x11;
inline constexpr u8 power_meter = 0x12;
inline constexpr u8 health = 0x13;
inline constexpr u8 inlet_temperature = 0x14;

inline std::shared_ptr<const bmc::SensorSet> test_sensors() {
    auto set = std::make_shared<bmc::SensorSet>();
    bmc::SensorSpec cpu;
    cpu.number = cpu_temperature;
    cpu.name = "CPU Temp";
    cpu.type = bmc::sensor_type::temperature;
    cpu.unit = bmc::SensorUnit::degrees_c;
    cpu.linear.is_signed = true;
    cpu.thresholds = {5.0, 0.0, -10.0, 80.0, 90.0, 100.0};
    cpu.hysteresis = 2;
    cpu.entity_id = bmc::entity::processor;
    set->sensors.push_back(cpu);
    bmc::SensorSpec fan_1;
    fan_1.number = fan;
    fan_1.name = "Fan 1";
    fan_1.type = bmc::sensor_type::fan;
    fan_1.unit = bmc::SensorUnit::rpm;
    fan_1.linear.m = 50;
    fan_1.thresholds[1] = 500.0;
    fan_1.entity_id = bmc::entity::fan;
    set->sensors.push_back(fan_1);
    bmc::SensorSpec watts;
    watts.number = power_meter;
    watts.name = "Power Draw";
    watts.type = bmc::sensor_type::other_units;
    watts.unit = bmc::SensorUnit::watts;
    watts.linear.m = 4;
    set->sensors.push_back(watts);
    bmc::SensorSpec state;
    state.number = health;
    state.name = "Health";
    state.type = bmc::sensor_type::system_event;
    state.reading = bmc::reading_type::severity;
    state.states = 0x0007;
    state.needs_power = false;
    set->sensors.push_back(state);
    bmc::SensorSpec inlet;
    inlet.number = inlet_temperature;
    inlet.name = "Inlet Temp";
    inlet.type = bmc::sensor_type::temperature;
    inlet.unit = bmc::SensorUnit::degrees_c;
    inlet.linear.is_signed = true;
    inlet.thresholds[3] = 40.0;
    inlet.entity_id = bmc::entity::air_inlet;
    inlet.needs_power = false;
    set->sensors.push_back(inlet);
    return set;
}

} // namespace vbmc::test
