#pragma once
// Sensors and SEL entries as people read them.

#include "bmc/sel.h"
#include "bmc/sensor_set.h"
#include "bmc/sensors.h"

#include <string>
#include <string_view>

namespace vbmc::fleet {

/// "temperature", "fan", "power unit", ... (IPMI 2.0 table 42-3).
std::string_view sensor_type_name(u8 type) noexcept;

/// "degrees C", "volts", "RPM", "watts", "%" or "".
std::string_view unit_name(const bmc::SensorSpec& spec) noexcept;

/// What happened, of a system event record: "power off", "watchdog: hard reset", ...
std::string event_text(const bmc::Sel::Record& record);

/// The name of the sensor that an entry is of.
std::string sensor_text(const bmc::Sel::Record& record, const bmc::SensorSet* own);

/// The states of a discrete sensor: "power off, ..."; "ok" when there is none.
std::string state_text(u8 sensor_type, u8 reading_type, u16 states);

/// Of a threshold sensor: "ok", "nc", "cr" or "nr", the worst that holds.
std::string_view level_text(u8 compared) noexcept;

} // namespace vbmc::fleet
