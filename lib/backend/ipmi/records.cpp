#include "backend/ipmi/records.h"

#include <algorithm>

namespace vbmc::backend::ipmi {

namespace {

constexpr std::size_t header_bytes = 5;
constexpr u8 full_sensor = 0x01;
constexpr u8 compact_sensor = 0x02;
constexpr u8 bmc_address = 0x20;
constexpr std::size_t name_max = 16;

/// Two's complement of `bits` bits.
i16 signed_of(unsigned value, unsigned bits) noexcept {
    const unsigned sign = 1U << (bits - 1);
    return static_cast<i16>(static_cast<int>(value ^ sign) - static_cast<int>(sign));
}

std::string printable(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '.'
    );
    while (!text.empty() && text.back() == ' ') {
        text.pop_back();
    }
    return text;
}

std::string six_bit_text(Bytes field) {
    std::string text;
    unsigned bits = 0;
    unsigned have = 0;
    for (const u8 byte : field) {
        bits |= static_cast<unsigned>(byte) << have;
        have += 8;
        while (have >= 6) {
            text += static_cast<char>((bits & 0x3f) + 0x20);
            bits >>= 6;
            have -= 6;
        }
    }
    return text;
}

std::string bcd_text(Bytes field) {
    constexpr std::string_view digits = "0123456789 -.???";
    std::string text;
    for (const u8 byte : field) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

/// What both kinds of sensor records begin with (IPMI 2.0 §43.1, §43.2), bytes 6 to 23.
struct Common {
    u8 owner = 0;
    u8 lun = 0;
    u8 number = 0;
    u8 capabilities = 0;
    u16 readable = 0; // thresholds, or states
    u8 units = 0;
    bmc::SensorSpec spec;
};

Common read_common(ByteReader& in) {
    Common common;
    common.owner = in.read_u8();
    common.lun = in.read_u8();
    common.number = in.read_u8();
    common.spec.entity_id = in.read_u8();
    common.spec.entity_instance = in.read_u8();
    in.skip(1); // initialization
    common.capabilities = in.read_u8();
    common.spec.type = in.read_u8();
    common.spec.reading = in.read_u8();
    in.skip(4); // event masks
    common.readable = in.read_u16();
    common.units = in.read_u8();
    common.spec.unit = static_cast<bmc::SensorUnit>(in.read_u8());
    in.skip(1); // modifier unit
    common.spec.percent = (common.units & 0x01) != 0;
    common.spec.needs_power = false; // its own controller says when it has no reading
    if (!common.spec.is_threshold()) {
        common.spec.states = common.readable & 0x7fff;
    }
    return common;
}

std::string read_name(ByteReader& in) {
    const u8 type_length = in.read_u8();
    const std::size_t length = std::min<std::size_t>(type_length & 0x1f, in.remaining());
    std::string name = text_of(type_length, in.take(length));
    name.resize(std::min(name.size(), name_max));
    return name;
}

bool is_mirrored(const Common& common) noexcept {
    return common.owner == bmc_address && (common.lun & 0x03) == 0;
}

void read_thresholds(bmc::SensorSpec& spec, const Common& common, Bytes raw) {
    // UNR, UC, UNC, LNR, LC, LNC on the wire: our order backwards within each half.
    using bmc::Threshold;
    constexpr std::array<Threshold, bmc::threshold_count> order = {
        Threshold::upper_non_recoverable,
        Threshold::upper_critical,
        Threshold::upper_non_critical,
        Threshold::lower_non_recoverable,
        Threshold::lower_critical,
        Threshold::lower_non_critical,
    };
    const u8 access = common.capabilities >> 2 & 0x03;
    if (access != 1 && access != 2) {
        return; // none, or fixed ones that nobody may read
    }
    for (std::size_t i = 0; i < order.size() && i < raw.size(); ++i) {
        const auto which = static_cast<std::size_t>(order[i]);
        if ((common.readable >> which & 1U) != 0) {
            spec.thresholds[which] = spec.linear.to_value(raw[i]);
        }
    }
}

std::vector<UpstreamSensor> full_in(ByteReader& in) {
    Common common = read_common(in);
    bmc::SensorSpec& spec = common.spec;
    const u8 linearization = in.read_u8() & 0x7f;
    const u8 m = in.read_u8();
    const u8 m_high = in.read_u8();
    const u8 b = in.read_u8();
    const u8 b_high = in.read_u8();
    in.skip(1); // accuracy
    const u8 exponents = in.read_u8();
    in.skip(6); // analog flags; nominal, normal and possible readings
    const Bytes thresholds = in.take(bmc::threshold_count);
    spec.hysteresis = in.read_u8();
    in.skip(4); // negative hysteresis, reserved, OEM
    spec.name = read_name(in);
    if (!in.ok() || !is_mirrored(common)) {
        return {};
    }
    if (spec.is_threshold()) {
        const u8 format = common.units >> 6;
        constexpr u8 ones_complement = 1;
        constexpr u8 no_reading = 3;
        if (linearization != 0 || format == ones_complement || format == no_reading) {
            return {}; // a formula that our own records cannot express
        }
        spec.linear.m = signed_of((m_high & 0xc0U) << 2 | m, 10);
        spec.linear.b = signed_of((b_high & 0xc0U) << 2 | b, 10);
        spec.linear.r_exponent = static_cast<i8>(signed_of(exponents >> 4, 4));
        spec.linear.b_exponent = static_cast<i8>(signed_of(exponents & 0x0fU, 4));
        spec.linear.is_signed = format == 2;
        if (spec.linear.m == 0) {
            return {};
        }
        read_thresholds(spec, common, thresholds);
    }
    return {UpstreamSensor{common.number, std::move(spec)}};
}

/// Two sensors of one name would stand side by side: the node's own keeps its.
std::string distinct(std::string name) {
    constexpr std::string_view mark = " (BMC)";
    for (const bmc::SensorSpec& own : bmc::standard_sensors().sensors) {
        if (own.name == name) {
            name.resize(std::min(name.size(), name_max - mark.size()));
            return name.append(mark);
        }
    }
    return name;
}

std::vector<UpstreamSensor> compact_in(ByteReader& in) {
    Common common = read_common(in);
    const u8 sharing = in.read_u8();
    const u8 entities = in.read_u8();
    in.skip(6); // hysteresis, reserved, OEM
    common.spec.name = read_name(in);
    if (!in.ok() || !is_mirrored(common) || common.spec.is_threshold()) {
        return {};
    }
    const unsigned count = std::max(sharing & 0x0fU, 1U);
    const bool letters = (sharing & 0x30) == 0x10;
    const unsigned first = entities & 0x7fU;
    std::vector<UpstreamSensor> all;
    for (unsigned i = 0; i < count && common.number + i <= 0xff; ++i) {
        UpstreamSensor sensor{static_cast<u8>(common.number + i), common.spec};
        if (count > 1) {
            const std::string suffix =
                letters ? std::string(1, static_cast<char>('A' + (first + i) % 26))
                        : std::to_string(first + i);
            std::string& name = sensor.spec.name;
            name.resize(std::min(name.size(), name_max - suffix.size()));
            name += suffix;
            if ((entities & 0x80) != 0) {
                sensor.spec.entity_instance = static_cast<u8>(common.spec.entity_instance + i);
            }
        }
        all.push_back(std::move(sensor));
    }
    return all;
}

} // namespace

std::string text_of(u8 type_length, Bytes field) {
    switch (type_length >> 6) {
    case 0:
        return {}; // binary, or Unicode
    case 1:
        return printable(bcd_text(field));
    case 2:
        return printable(six_bit_text(field));
    default:
        return printable({field.begin(), field.end()});
    }
}

std::vector<UpstreamSensor> sensors_in(Bytes record) {
    if (record.size() < header_bytes) {
        return {};
    }
    const u8 type = record[3];
    ByteReader in(record.subspan(header_bytes));
    if (type == full_sensor) {
        return full_in(in);
    }
    return type == compact_sensor ? compact_in(in) : std::vector<UpstreamSensor>();
}

SensorMap map_sensors(const std::vector<UpstreamSensor>& sensors) {
    namespace number = bmc::sensor_number;
    SensorMap map;
    std::array<bool, 256> used{};
    const auto give = [&](const UpstreamSensor& sensor, u8 here) {
        used[here] = true;
        map.to_here[sensor.number] = here;
    };
    for (const UpstreamSensor& sensor : sensors) { // those that may keep theirs
        const bool fits =
            sensor.number >= number::first_of_backend && sensor.number <= number::last_of_backend;
        if (fits && !map.to_here.contains(sensor.number)) {
            give(sensor, sensor.number);
        }
    }
    unsigned next = number::first_of_backend;
    for (const UpstreamSensor& sensor : sensors) {
        if (map.to_here.contains(sensor.number)) {
            continue;
        }
        while (next <= number::last_of_backend && used[next]) {
            ++next;
        }
        if (next > number::last_of_backend) {
            break; // more than this controller can number
        }
        give(sensor, static_cast<u8>(next));
    }
    std::map<u8, bmc::SensorSpec> sorted;
    for (const UpstreamSensor& sensor : sensors) {
        const auto here = map.to_here.find(sensor.number);
        if (here != map.to_here.end() && !sorted.contains(here->second)) {
            bmc::SensorSpec spec = sensor.spec;
            spec.number = here->second;
            spec.name = distinct(std::move(spec.name));
            sorted.emplace(here->second, std::move(spec));
        }
    }
    auto set = std::make_shared<bmc::SensorSet>();
    for (auto& [here, spec] : sorted) {
        set->sensors.push_back(std::move(spec));
    }
    map.set = std::move(set);
    return map;
}

bmc::SensorReading reading_of(const bmc::SensorSpec& spec, Bytes answer) {
    constexpr u8 scanning = 0x40;
    constexpr u8 unavailable = 0x20;
    bmc::SensorReading reading{spec.number, false, 0};
    if (answer.size() < 2 || (answer[1] & scanning) == 0 || (answer[1] & unavailable) != 0) {
        return reading;
    }
    if (spec.is_threshold()) {
        reading.available = true;
        reading.value = spec.linear.to_value(answer[0]);
    } else if (answer.size() >= 3) {
        const unsigned high = answer.size() >= 4 ? answer[3] & 0x7fU : 0;
        reading.available = true;
        reading.value = static_cast<double>((high << 8 | answer[2]) & spec.states);
    }
    return reading;
}

bmc::IdentitySeen identity_in(Bytes fru_image) {
    constexpr std::size_t header = 8;
    constexpr u8 end_of_fields = 0xc1;
    bmc::IdentitySeen seen;
    if (fru_image.size() < header || fru_image[4] == 0) {
        return seen;
    }
    ByteReader in(fru_image);
    in.skip(static_cast<std::size_t>(fru_image[4]) * 8 + 3); // version, length, language
    std::array<std::string*, 6> fields = {
        &seen.manufacturer, &seen.product, nullptr, nullptr, &seen.serial, &seen.asset_tag};
    for (std::string* field : fields) {
        const u8 type_length = in.read_u8();
        if (!in.ok() || type_length == end_of_fields) {
            break;
        }
        const Bytes raw = in.take(type_length & 0x3f);
        if (field != nullptr && in.ok()) {
            *field = text_of(type_length, raw);
        }
    }
    return seen;
}

void renumber_event(ByteArray<16>& record, const SensorMap& map) {
    constexpr u8 system_event = 0x02;
    if (record[2] != system_event || record[7] != bmc_address || (record[8] & 0x03) != 0) {
        return;
    }
    const auto here = map.to_here.find(record[11]);
    if (here != map.to_here.end()) {
        record[11] = here->second;
    }
}

} // namespace vbmc::backend::ipmi
