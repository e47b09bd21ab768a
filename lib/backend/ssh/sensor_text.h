#pragma once
// A machine's sensors as `sensors -j`, /sys/class/hwmon or `ipmitool sensor` tell them, and the
// sensor set made of them. Pure; takes any text.

#include "bmc/observation.h"
#include "bmc/sensor_set.h"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vbmc::backend::ssh {

struct SensorFound {
    std::string key;  // the same sensor has the same key every time
    std::string name; // for people
    bmc::SensorUnit unit = bmc::SensorUnit::unspecified;
    bool percent = false;
    u8 type = 0;                 // bmc::sensor_type
    std::optional<double> value; // none: the sensor is there but not read
    std::array<std::optional<double>, bmc::threshold_count> thresholds{};
};

/// nullopt: this is no output of `sensors -j`.
std::optional<std::vector<SensorFound>> parse_sensors_json(const std::string& text);

/// Lines of `grep -H '' /sys/class/hwmon/hwmon*/...`: "/sys/class/hwmon/hwmon0/temp1_input:45000".
std::vector<SensorFound> parse_hwmon(std::string_view text);

/// Rows of `ipmitool sensor`; what has no number is passed over.
std::vector<SensorFound> parse_ipmitool_sensors(std::string_view text);

/// Gives sensors their numbers and scales, and keeps both for as long as it lives: a sensor that
/// disappears has no reading, a new one comes behind, and a value beyond its scale makes a new set.
class SensorBook {
  public:
    std::vector<bmc::SensorReading> update(const std::vector<SensorFound>& found);

    /// Null before the first update that found any.
    std::shared_ptr<const bmc::SensorSet> set() const { return set_; }

  private:
    u8 number_of(const SensorFound& sensor);
    std::string unique_name(const std::string& name) const;

    std::map<std::string, std::size_t> index_; // key -> place in specs_
    std::vector<bmc::SensorSpec> specs_;
    std::shared_ptr<const bmc::SensorSet> set_;
};

} // namespace vbmc::backend::ssh
