#include "backend/sim/sensors.h"

namespace vbmc::backend::sim {

namespace {

using bmc::SensorSpec;
using bmc::SensorUnit;
using bmc::Threshold;

constexpr std::size_t index(Threshold t) {
    return static_cast<std::size_t>(t);
}

SensorSpec temperature(u8 number, const char* name, u8 entity, double warm, double hot) {
    SensorSpec s;
    s.number = number;
    s.name = name;
    s.type = bmc::sensor_type::temperature;
    s.unit = SensorUnit::degrees_c;
    s.entity_id = entity;
    s.thresholds[index(Threshold::upper_non_critical)] = warm;
    s.thresholds[index(Threshold::upper_critical)] = hot;
    return s;
}

SensorSpec fan(u8 number, const char* name, u8 instance) {
    SensorSpec s;
    s.number = number;
    s.name = name;
    s.type = bmc::sensor_type::fan;
    s.unit = SensorUnit::rpm;
    s.linear.m = 50;
    s.entity_id = bmc::entity::fan;
    s.entity_instance = instance;
    s.thresholds[index(Threshold::lower_non_critical)] = 1500;
    s.thresholds[index(Threshold::lower_critical)] = 1000;
    return s;
}

SensorSpec
voltage(u8 number, const char* name, i16 millivolts_a_step, double nominal, u8 instance) {
    SensorSpec s;
    s.number = number;
    s.name = name;
    s.type = bmc::sensor_type::voltage;
    s.unit = SensorUnit::volts;
    s.linear.m = millivolts_a_step;
    s.linear.r_exponent = -3;
    s.entity_id = bmc::entity::system_board;
    s.entity_instance = instance;
    s.thresholds[index(Threshold::lower_critical)] = nominal * 0.9;
    s.thresholds[index(Threshold::upper_critical)] = nominal * 1.1;
    return s;
}

SensorSpec watts(u8 number, const char* name) {
    SensorSpec s;
    s.number = number;
    s.name = name;
    s.type = bmc::sensor_type::other_units;
    s.unit = SensorUnit::watts;
    s.linear.m = 2;
    s.entity_id = bmc::entity::power_supply;
    s.needs_power = false; // standby power is a reading, too
    s.thresholds[index(Threshold::upper_critical)] = 450;
    return s;
}

} // namespace

std::shared_ptr<const bmc::SensorSet> sensor_set() {
    static const auto shared = [] {
        auto set = std::make_shared<bmc::SensorSet>();
        set->sensors = {
            temperature(sensor_cpu_temp, "CPU Temp", bmc::entity::processor, 85, 95),
            temperature(sensor_inlet_temp, "Inlet Temp", bmc::entity::air_inlet, 38, 45),
            fan(sensor_fan_1, "Fan 1", 1),
            fan(sensor_fan_2, "Fan 2", 2),
            voltage(sensor_volt_12, "12V", 60, 12.0, 1),
            voltage(sensor_volt_5, "5V", 25, 5.0, 2),
            voltage(sensor_volt_3, "3.3V", 17, 3.3, 3),
            watts(sensor_power, "Power Draw"),
        };
        set->sensors[sensor_inlet_temp - sensor_cpu_temp].needs_power = false;
        set->sensors[sensor_volt_3 - sensor_cpu_temp].needs_power = false;
        return std::shared_ptr<const bmc::SensorSet>(std::move(set));
    }();
    return shared;
}

} // namespace vbmc::backend::sim
