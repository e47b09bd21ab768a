#include "backend/ssh/sensor_text.h"

#include "backend/ssh/machine_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace vbmc::backend::ssh {

namespace {

using bmc::SensorUnit;
using bmc::Threshold;

constexpr std::size_t sensors_max = 512; // read; how many are kept is the controller's numbers
constexpr std::size_t json_bytes_max = 512 * 1024;

constexpr std::size_t index(Threshold t) {
    return static_cast<std::size_t>(t);
}

struct Quantity {
    std::string_view prefix; // of hwmon's attribute names
    SensorUnit unit;
    u8 type;
    double sysfs_scale;
};

constexpr Quantity quantities[] = {
    {"temp", SensorUnit::degrees_c, bmc::sensor_type::temperature, 0.001},
    {"in", SensorUnit::volts, bmc::sensor_type::voltage, 0.001},
    {"fan", SensorUnit::rpm, bmc::sensor_type::fan, 1},
    {"power", SensorUnit::watts, bmc::sensor_type::other_units, 0.000001},
    {"curr", SensorUnit::amps, bmc::sensor_type::current, 0.001},
};

struct Attribute { // "temp1_crit" taken apart
    const Quantity* quantity = nullptr;
    std::string_view number;
    std::string_view what;
};

std::optional<Attribute> parse_attribute(std::string_view name) {
    const auto underscore = name.find('_');
    if (underscore == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view head = name.substr(0, underscore);
    const auto digits = head.find_first_of("0123456789");
    if (digits == std::string_view::npos || digits == 0 || head.size() - digits > 3 ||
        head.find_first_not_of("0123456789", digits) != std::string_view::npos) {
        return std::nullopt;
    }
    for (const Quantity& quantity : quantities) {
        if (head.substr(0, digits) == quantity.prefix) {
            return Attribute{&quantity, head.substr(digits), name.substr(underscore + 1)};
        }
    }
    return std::nullopt;
}

/// Folds one attribute of a sensor in.
void note(SensorFound& sensor, const Attribute& attribute, double value) {
    sensor.unit = attribute.quantity->unit;
    sensor.type = attribute.quantity->type;
    if (!std::isfinite(value)) {
        return;
    }
    const auto set = [&](Threshold which) { sensor.thresholds[index(which)] = value; };
    if (attribute.what == "input" || (attribute.what == "average" && !sensor.value)) {
        sensor.value = value;
    } else if (attribute.what == "max") {
        set(Threshold::upper_non_critical);
    } else if (attribute.what == "crit") {
        set(Threshold::upper_critical);
    } else if (attribute.what == "emergency") {
        set(Threshold::upper_non_recoverable);
    } else if (attribute.what == "min") {
        set(Threshold::lower_non_critical);
    } else if (attribute.what == "lcrit") {
        set(Threshold::lower_critical);
    }
}

/// Drivers tell 0 or absurd numbers for limits that nobody set.
void drop_unset_limits(SensorFound& sensor) {
    const bool temperature = sensor.unit == SensorUnit::degrees_c;
    for (std::size_t i = 0; i < sensor.thresholds.size(); ++i) {
        auto& limit = sensor.thresholds[i];
        const bool upper = i >= index(Threshold::upper_non_critical);
        if (!limit) {
            continue;
        }
        const bool absurd = temperature ? *limit > 200 || *limit < -60 : std::fabs(*limit) > 1e6;
        const bool unset = *limit == 0 && (upper || !temperature);
        if (absurd || unset) {
            limit.reset();
        }
    }
    // A minimum that is not below the maximum is not one.
    for (const auto lower : {Threshold::lower_non_critical, Threshold::lower_critical}) {
        for (const auto upper : {Threshold::upper_non_critical, Threshold::upper_critical}) {
            const auto& high = sensor.thresholds[index(upper)];
            auto& low = sensor.thresholds[index(lower)];
            if (low && high && *low >= *high) {
                low.reset();
            }
        }
    }
}

std::optional<double> parse_double(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\r' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = end == text.data() + text.size();
    return error == std::errc{} && whole && std::isfinite(value) ? std::optional(value)
                                                                 : std::nullopt;
}

/// "Package id 0" of "coretemp-isa-0000"; "temp1" alone says little, so its chip goes in front.
std::string name_of(std::string_view chip, std::string_view label) {
    const auto digits = label.find_first_of("0123456789");
    const bool bare =
        std::any_of(std::begin(quantities), std::end(quantities), [&](const Quantity& quantity) {
            return label.substr(0, digits) == quantity.prefix;
        });
    const std::string short_chip(chip.substr(0, chip.find('-')));
    return tidy_name(bare ? short_chip + " " + std::string(label) : std::string(label));
}

struct Scale {
    bmc::Linear linear;
    double lowest = 0;
    double highest = 0;
};

/// The finest scale of 8 bits that holds these values.
Scale choose_scale(SensorUnit unit, double lowest, double highest) {
    Scale scale;
    bmc::Linear& linear = scale.linear;
    if (unit == SensorUnit::degrees_c && lowest >= -120 && highest <= 120) {
        linear.is_signed = true;
    } else {
        linear.is_signed = lowest < 0;
        const double most = std::max(std::fabs(lowest), std::fabs(highest)) * 1.25;
        const double steps = linear.is_signed ? 127 : 255;
        int exponent = -5;
        while (exponent < 7 && most / steps > 500 * std::pow(10.0, exponent)) {
            ++exponent;
        }
        const double step = std::ceil(most / steps / std::pow(10.0, exponent));
        linear.m = static_cast<i16>(std::clamp(step, 1.0, 511.0));
        linear.r_exponent = static_cast<i8>(exponent);
    }
    scale.lowest = linear.to_value(linear.is_signed ? 0x80 : 0);
    scale.highest = linear.to_value(linear.is_signed ? 0x7f : 0xff);
    return scale;
}

/// What a sensor of this kind usually reaches, so that the scale need not change soon.
double usual_top(SensorUnit unit, double value) {
    switch (unit) {
    case SensorUnit::rpm:
        return std::max(8000.0, value);
    case SensorUnit::watts:
        return std::max(400.0, value);
    case SensorUnit::amps:
        return std::max(8.0, value);
    case SensorUnit::volts:
        return std::max(value * 1.2, 1.5);
    default:
        return std::max(value, 100.0);
    }
}

u8 entity_of(const SensorFound& sensor) {
    switch (sensor.unit) {
    case SensorUnit::rpm:
        return bmc::entity::fan;
    case SensorUnit::watts:
        return bmc::entity::power_supply;
    default:
        break;
    }
    const bool processor = sensor.key.find("coretemp") != std::string::npos ||
                           sensor.key.find("k10temp") != std::string::npos ||
                           sensor.name.find("CPU") != std::string::npos;
    return processor ? bmc::entity::processor : bmc::entity::system_board;
}

void fit(bmc::SensorSpec& spec, const SensorFound& sensor) {
    double low = std::min(0.0, sensor.value.value_or(0));
    double high = usual_top(sensor.unit, sensor.value.value_or(0));
    for (const auto& limit : sensor.thresholds) {
        low = std::min(low, limit.value_or(low));
        high = std::max(high, limit.value_or(high));
    }
    const Scale scale = choose_scale(sensor.unit, low, high);
    spec.linear = scale.linear;
    spec.thresholds = {};
    for (std::size_t i = 0; i < spec.thresholds.size(); ++i) {
        const auto& limit = sensor.thresholds[i];
        if (limit && *limit >= scale.lowest && *limit <= scale.highest) {
            spec.thresholds[i] = limit;
        }
    }
}

bool holds(const bmc::Linear& linear, double value) {
    return value >= linear.to_value(linear.is_signed ? 0x80 : 0) &&
           value <= linear.to_value(linear.is_signed ? 0x7f : 0xff);
}

std::string_view next_line(std::string_view& text) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text = text.substr(std::min(end + 1, text.size()));
    return line;
}

} // namespace

std::optional<std::vector<SensorFound>> parse_sensors_json(const std::string& text) {
    using Json = nlohmann::json;
    if (text.size() > json_bytes_max) {
        return std::nullopt;
    }
    int depth = 0; // deep nesting is no output of sensors: ended before it costs anything
    auto bounded = [&depth](int at, Json::parse_event_t, Json&) {
        depth = std::max(depth, at);
        return at <= 4;
    };
    const Json all = Json::parse(text, bounded, false);
    if (!all.is_object() || depth > 4) {
        return std::nullopt;
    }
    std::vector<SensorFound> found;
    for (const auto& [chip, features] : all.items()) {
        if (!features.is_object()) {
            continue;
        }
        for (const auto& [label, readings] : features.items()) {
            SensorFound sensor;
            sensor.key = chip + "/" + label;
            sensor.name = name_of(chip, label);
            if (!readings.is_object() || sensor.key.size() > 256 || sensor.name.empty()) {
                continue;
            }
            for (const auto& [name, value] : readings.items()) {
                const auto attribute = parse_attribute(name);
                if (attribute && value.is_number()) {
                    note(sensor, *attribute, value.get<double>());
                }
            }
            drop_unset_limits(sensor);
            if (sensor.type != 0 && found.size() < sensors_max) {
                found.push_back(std::move(sensor));
            }
        }
    }
    return found;
}

std::vector<SensorFound> parse_hwmon(std::string_view text) {
    std::map<std::string, SensorFound> sensors;
    std::map<std::string, std::string, std::less<>> chips;
    std::map<std::string, std::string> labels;
    while (!text.empty() && sensors.size() < sensors_max && chips.size() < sensors_max) {
        const std::string_view line = next_line(text);
        const auto colon = line.find(':');
        const auto slash = line.substr(0, colon).rfind('/');
        if (colon == std::string_view::npos || slash == std::string_view::npos || colon > 256) {
            continue;
        }
        const std::string folder(line.substr(0, slash));
        const std::string_view file = line.substr(slash + 1, colon - slash - 1);
        const std::string_view value = line.substr(colon + 1);
        if (file == "name") {
            chips[folder] = tidy_name(value);
            continue;
        }
        const auto attribute = parse_attribute(file);
        if (!attribute) {
            continue;
        }
        const std::string key = folder + "/" + std::string(file.substr(0, file.find('_')));
        if (attribute->what == "label") {
            labels[key] = tidy_name(value);
        } else if (const auto number = parse_double(value)) {
            note(sensors[key], *attribute, *number * attribute->quantity->sysfs_scale);
        }
    }
    std::vector<SensorFound> found;
    for (auto& [key, sensor] : sensors) {
        const auto slash = key.rfind('/');
        const auto chip = chips.find(key.substr(0, slash));
        const auto label = labels.find(key);
        sensor.key = key;
        sensor.name = name_of(
            chip == chips.end() ? "hwmon" : chip->second,
            label == labels.end() || label->second.empty() ? key.substr(slash + 1) : label->second
        );
        drop_unset_limits(sensor);
        if (!sensor.name.empty()) {
            found.push_back(std::move(sensor));
        }
    }
    return found;
}

std::vector<SensorFound> parse_ipmitool_sensors(std::string_view text) {
    struct Unit {
        std::string_view word;
        SensorUnit unit;
        u8 type;
        bool percent;
    };

    static constexpr Unit units[] = {
        {"degrees C", SensorUnit::degrees_c, bmc::sensor_type::temperature, false},
        {"degrees F", SensorUnit::degrees_f, bmc::sensor_type::temperature, false},
        {"Volts", SensorUnit::volts, bmc::sensor_type::voltage, false},
        {"Amps", SensorUnit::amps, bmc::sensor_type::current, false},
        {"Watts", SensorUnit::watts, bmc::sensor_type::other_units, false},
        {"RPM", SensorUnit::rpm, bmc::sensor_type::fan, false},
        {"percent", SensorUnit::unspecified, bmc::sensor_type::other_units, true},
    };
    // lnr, lcr, lnc, unc, ucr, unr stand behind name, value, unit and state.
    static constexpr Threshold columns[] = {
        Threshold::lower_non_recoverable,
        Threshold::lower_critical,
        Threshold::lower_non_critical,
        Threshold::upper_non_critical,
        Threshold::upper_critical,
        Threshold::upper_non_recoverable};
    std::vector<SensorFound> found;
    while (!text.empty() && found.size() < sensors_max) {
        std::string_view line = next_line(text);
        std::vector<std::string_view> cells;
        while (cells.size() < 10 && !line.empty()) {
            const auto bar = std::min(line.find('|'), line.size());
            cells.push_back(line.substr(0, bar));
            line = line.substr(std::min(bar + 1, line.size()));
        }
        if (cells.size() < 4) {
            continue;
        }
        SensorFound sensor;
        sensor.name = tidy_name(cells[0]);
        sensor.key = sensor.name;
        const std::string word = tidy_name(cells[2]);
        const auto unit = std::find_if(std::begin(units), std::end(units), [&](const Unit& u) {
            return word == u.word;
        });
        if (sensor.name.empty() || unit == std::end(units)) {
            continue;
        }
        sensor.unit = unit->unit;
        sensor.type = unit->type;
        sensor.percent = unit->percent;
        sensor.value = parse_double(cells[1]);
        for (std::size_t i = 0; i < bmc::threshold_count && i + 4 < cells.size(); ++i) {
            sensor.thresholds[index(columns[i])] = parse_double(cells[i + 4]);
        }
        found.push_back(std::move(sensor));
    }
    return found;
}

std::string SensorBook::unique_name(const std::string& name) const {
    constexpr std::size_t name_max = 16;
    const auto taken = [this](const std::string& candidate) {
        return std::any_of(specs_.begin(), specs_.end(), [&](const bmc::SensorSpec& spec) {
            return spec.name == candidate;
        });
    };
    std::string candidate = name.substr(0, name_max);
    for (int i = 2; taken(candidate); ++i) {
        const std::string suffix = " " + std::to_string(i);
        candidate = name.substr(0, name_max - suffix.size()) + suffix;
    }
    return candidate;
}

u8 SensorBook::number_of(const SensorFound& sensor) {
    const auto known = index_.find(sensor.key);
    if (known != index_.end()) {
        return specs_[known->second].number;
    }
    const std::size_t number = bmc::sensor_number::first_of_backend + specs_.size();
    if (number > bmc::sensor_number::last_of_backend) {
        return 0;
    }
    bmc::SensorSpec spec;
    spec.number = static_cast<u8>(number);
    spec.name = unique_name(sensor.name);
    spec.type = sensor.type;
    spec.unit = sensor.unit;
    spec.percent = sensor.percent;
    spec.entity_id = entity_of(sensor);
    u8 instance = 1;
    for (const bmc::SensorSpec& other : specs_) {
        instance = static_cast<u8>(instance + (other.entity_id == spec.entity_id ? 1 : 0));
    }
    spec.entity_instance = std::min<u8>(instance, 0x5f); // 60h and more are device-relative
    fit(spec, sensor);
    index_[sensor.key] = specs_.size();
    specs_.push_back(std::move(spec));
    return static_cast<u8>(number);
}

std::vector<bmc::SensorReading> SensorBook::update(const std::vector<SensorFound>& found) {
    const std::size_t before = specs_.size();
    bool changed = false;
    std::vector<bmc::SensorReading> readings;
    for (const SensorFound& sensor : found) {
        const u8 number = number_of(sensor);
        if (number == 0) {
            continue;
        }
        bmc::SensorSpec& spec = specs_[number - bmc::sensor_number::first_of_backend];
        if (sensor.value && !holds(spec.linear, *sensor.value)) {
            const bmc::Linear old = spec.linear;
            fit(spec, sensor);
            changed = changed || spec.linear.m != old.m ||
                      spec.linear.r_exponent != old.r_exponent ||
                      spec.linear.is_signed != old.is_signed;
        }
        readings.push_back({number, sensor.value.has_value(), sensor.value.value_or(0)});
    }
    for (const bmc::SensorSpec& spec : specs_) {
        const bool seen = std::any_of(readings.begin(), readings.end(), [&](const auto& reading) {
            return reading.number == spec.number;
        });
        if (!seen) {
            readings.push_back({spec.number, false, 0});
        }
    }
    if (changed || specs_.size() != before) {
        auto made = std::make_shared<bmc::SensorSet>();
        made->sensors = specs_;
        set_ = std::move(made);
    }
    return readings;
}

} // namespace vbmc::backend::ssh
