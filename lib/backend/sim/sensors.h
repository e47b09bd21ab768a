#pragma once
// The simulated machine's sensors: one set, shared by all nodes.

#include "bmc/sensor_set.h"

#include <memory>

namespace vbmc::backend::sim {

inline constexpr u8 sensor_cpu_temp = bmc::sensor_number::first_of_backend;
inline constexpr u8 sensor_inlet_temp = sensor_cpu_temp + 1;
inline constexpr u8 sensor_fan_1 = sensor_cpu_temp + 2;
inline constexpr u8 sensor_fan_2 = sensor_cpu_temp + 3;
inline constexpr u8 sensor_volt_12 = sensor_cpu_temp + 4;
inline constexpr u8 sensor_volt_5 = sensor_cpu_temp + 5;
inline constexpr u8 sensor_volt_3 = sensor_cpu_temp + 6;
inline constexpr u8 sensor_power = sensor_cpu_temp + 7;
inline constexpr u8 sensor_last = sensor_power;

std::shared_ptr<const bmc::SensorSet> sensor_set();

} // namespace vbmc::backend::sim
