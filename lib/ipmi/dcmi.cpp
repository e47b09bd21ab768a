#include "ipmi/dcmi.h"

#include "bmc/sdr.h"
#include "ipmi/parameter.h"
#include "ipmi/sensor.h"

#include <cmath>
#include <string_view>

namespace vbmc::ipmi {

using bmc::Bmc;
using bmc::SensorSpec;

namespace {

constexpr u8 no_channel = 0xff;

// Capabilities (§6.1.1, table 6-3).
constexpr u8 supported_capabilities = 1;
constexpr u8 platform_attributes = 2;
constexpr u8 power_attributes = 3;
constexpr u8 access_attributes = 4;
constexpr u8 enhanced_power_attributes = 5;

// Configuration parameters (§6.1.2, table 6-4).
constexpr u8 activate_dhcp = 1;
constexpr u8 discovery = 2;
constexpr u8 dhcp_initial_timeout = 3;
constexpr u8 dhcp_contact_timeout = 4;
constexpr u8 dhcp_retry_interval = 5;

/// A DCMI entity and the IPMI one that means the same (§6.5.2).
constexpr bool same_entity(u8 asked, u8 is) noexcept {
    const auto plain = [](u8 id) {
        switch (id) {
        case bmc::entity::dcmi_air_inlet:
            return bmc::entity::air_inlet;
        case bmc::entity::dcmi_processor:
            return bmc::entity::processor;
        case bmc::entity::dcmi_baseboard:
            return bmc::entity::system_board;
        default:
            return id;
        }
    };
    return plain(asked) == plain(is);
}

bool has_temperature(const Bmc& bmc, u8 entity) noexcept {
    const auto* own = bmc.config.sensors.get();
    return own != nullptr &&
           std::any_of(own->sensors.begin(), own->sensors.end(), [entity](const SensorSpec& s) {
               return s.type == bmc::sensor_type::temperature && same_entity(entity, s.entity_id);
           });
}

/// Calls `visit` for the sensors that the request means; how many there are of the entity in all.
template <class Request, class Visit>
u8 for_each_asked(const Bmc& bmc, const Request& request, Visit visit) {
    const auto* own = bmc.config.sensors.get();
    if (own == nullptr) {
        return 0;
    }
    u8 total = 0;
    for (const SensorSpec& spec : own->sensors) {
        if (spec.type != request.sensor_type || !same_entity(request.entity, spec.entity_id)) {
            continue;
        }
        ++total;
        const bool asked = request.instance == 0 ? spec.entity_instance >= request.start
                                                 : spec.entity_instance == request.instance;
        if (asked) {
            visit(spec);
        }
    }
    return total;
}

Bytes bytes_of(std::string_view text, MutableBytes room) noexcept {
    std::transform(text.begin(), text.end(), room.begin(), [](char c) {
        return static_cast<u8>(c);
    });
    return room.first(text.size());
}

/// §6.4: a part of a text; an offset behind its end is an error.
template <class Request>
CompletionCode read_text(Bytes text, const Request& request, GetAssetTag::Response& response) {
    if (request.count > dcmi_text_part_max || request.offset > text.size()) {
        return CompletionCode::parameter_out_of_range;
    }
    const Bytes rest = text.subspan(request.offset);
    response.total = static_cast<u8>(text.size());
    response.data.assign(rest.first(std::min<std::size_t>(request.count, rest.size())));
    return CompletionCode::ok;
}

/// The text becomes as long as this part reaches.
template <class Request>
CompletionCode write_text(std::string& text, const Request& request, std::size_t size_max) {
    if (request.data.size() != request.count) {
        return CompletionCode::invalid_length;
    }
    const std::size_t end = std::size_t{request.offset} + request.count;
    if (request.count > dcmi_text_part_max || end > size_max || request.offset > text.size()) {
        return CompletionCode::parameter_out_of_range;
    }
    text.resize(request.offset);
    text.append(request.data.begin(), request.data.end());
    return CompletionCode::ok;
}

/// §6.1.1: the whole SEL, which drops its oldest record when it is full.
void write_platform_attributes(const Bmc& bmc, ByteWriter& out) {
    constexpr u16 rolls_over = 0x8000;
    constexpr u16 by_record = 0x1000;
    out.write_u16(static_cast<u16>(bmc::Sel::capacity | rolls_over | by_record));
    out.write_u8(0x05); // GUID, asset tag; no DHCP host name
    const auto bit_of = [&bmc](u8 entity, unsigned bit) {
        return has_temperature(bmc, entity) ? 1U << bit : 0U;
    };
    out.write_u8(static_cast<u8>(
        bit_of(bmc::entity::dcmi_air_inlet, 0) | bit_of(bmc::entity::dcmi_processor, 1) |
        bit_of(bmc::entity::dcmi_baseboard, 2)
    ));
    out.write_u8(0x05); // seconds between two looks at the temperatures
}

void write_supported(const Bmc& bmc, ByteWriter& out) {
    const bool watts = power_sensor(bmc.config.sensors.get()) != nullptr;
    out.write_u8(0x0f); // identification, SEL, chassis power, temperatures: up to revision 1
    out.write_u8(watts ? 0x01 : 0x00);
    out.write_u8(bmc.config.capabilities.console ? 0x18 : 0x08); // primary LAN, SOL
}

} // namespace

Reply<GetDcmiCapabilities::Response>
handle(Bmc& bmc, const Context&, const GetDcmiCapabilities::Request& request) {
    GetDcmiCapabilities::Response response;
    ByteWriter out(response.data.room());
    switch (request.parameter) {
    case supported_capabilities:
        write_supported(bmc, out);
        break;
    case platform_attributes:
        write_platform_attributes(bmc, out);
        break;
    case power_attributes:
        out.write_u8(0x20); // the controller itself
        out.write_u8(0x00);
        break;
    case access_attributes:
        out.write_u8(bmc::lan_channel);
        out.write_u8(no_channel); // secondary LAN
        out.write_u8(no_channel); // serial
        break;
    case enhanced_power_attributes:
        out.write_u8(0); // no rolling averages
        break;
    default:
        return CompletionCode::parameter_out_of_range;
    }
    response.data.resize(out.size());
    return response;
}

Reply<GetPowerReading::Response>
handle(Bmc& bmc, const Context& context, const GetPowerReading::Request& request) {
    const SensorSpec* spec = power_sensor(bmc.config.sensors.get());
    if (spec == nullptr) {
        return CompletionCode::invalid_command; // §6.6: an optional capability
    }
    if (request.mode != GetPowerReading::system_statistics) {
        return CompletionCode::invalid_data_field;
    }
    if (const bmc::Ticket ticket = wait_for_reading(bmc, context, *spec)) {
        return Defer{ticket};
    }
    const bmc::SensorState state = read_sensor(bmc, context.now, *spec);
    const bmc::PowerStatistics& seen = bmc.dcmi.power;
    const auto period =
        std::chrono::floor<std::chrono::milliseconds>(context.now.mono - seen.since);
    return GetPowerReading::Response{
        .current = state.available ? seen.current : u16{0},
        .lowest = seen.lowest,
        .highest = seen.highest,
        .average = seen.average(),
        .timestamp = bmc.sel.clock(context.now),
        .period_ms = seen.count == 0 ? 0 : static_cast<u32>(period.count()),
        .active = state.available,
    };
}

Reply<Nothing> handle(Bmc&, const Context&, const GetPowerLimit::Request&) {
    return GetPowerLimit::no_active_limit;
}

Reply<Nothing> handle(Bmc&, const Context&, const SetPowerLimit::Request&) {
    return CompletionCode::not_supported_in_state;
}

Reply<Nothing> handle(Bmc&, const Context&, const ActivatePowerLimit::Request& request) {
    if (request.activate) {
        return CompletionCode::not_supported_in_state;
    }
    return Nothing{};
}

Reply<GetAssetTag::Response> handle(Bmc& bmc, const Context&, const GetAssetTag::Request& request) {
    GetAssetTag::Response response;
    ByteArray<bmc::Dcmi::asset_tag_max> room{};
    const auto code = read_text(bytes_of(asset_tag(bmc), room), request, response);
    if (code != CompletionCode::ok) {
        return code;
    }
    return response;
}

Reply<SetAssetTag::Response> handle(Bmc& bmc, const Context&, const SetAssetTag::Request& request) {
    std::string tag(asset_tag(bmc));
    const auto code = write_text(tag, request, bmc::Dcmi::asset_tag_max);
    if (code != CompletionCode::ok) {
        return code;
    }
    const auto total = static_cast<u8>(tag.size());
    bmc::Dcmi::Settings& settings = bmc.dcmi.change();
    settings.asset_tag = std::move(tag);
    settings.has_asset_tag = true;
    bmc.dirty.add(bmc::Section::system);
    return SetAssetTag::Response{.total = total};
}

Reply<GetDcmiSensorInfo::Response>
handle(Bmc& bmc, const Context&, const GetDcmiSensorInfo::Request& request) {
    GetDcmiSensorInfo::Response response;
    response.total = for_each_asked(bmc, request, [&](const SensorSpec& spec) {
        const auto id = bmc::sdr_record_id(bmc.config.sensors.get(), spec.number);
        if (id && response.count < GetDcmiSensorInfo::records_max) {
            response.records.push_back(static_cast<u8>(*id));
            response.records.push_back(static_cast<u8>(*id >> 8));
            ++response.count;
        }
    });
    return response;
}

Reply<GetControllerId::Response>
handle(Bmc& bmc, const Context&, const GetControllerId::Request& request) {
    GetControllerId::Response response;
    const auto text = controller_id(bmc);
    const auto code = read_text(text.bytes(), request, response);
    if (code != CompletionCode::ok) {
        return code;
    }
    return response;
}

Reply<SetControllerId::Response>
handle(Bmc& bmc, const Context&, const SetControllerId::Request& request) {
    const auto before = controller_id(bmc);
    std::string text(before.bytes().begin(), before.bytes().end());
    const auto code = write_text(text, request, bmc::Dcmi::controller_id_max);
    if (code != CompletionCode::ok) {
        return code;
    }
    const auto total = static_cast<u8>(text.size());
    text.resize(std::min(text.size(), text.find('\0')));
    bmc.dcmi.change().controller_id = std::move(text);
    bmc.dirty.add(bmc::Section::system);
    return SetControllerId::Response{.total = total};
}

Reply<GetTemperatureReadings::Response>
handle(Bmc& bmc, const Context& context, const GetTemperatureReadings::Request& request) {
    if (request.sensor_type != bmc::sensor_type::temperature) {
        return CompletionCode::invalid_data_field;
    }
    const bmc::Ticket refresh = refresh_sensors(bmc, context.now);
    if (refresh != 0 && context.completion == nullptr) {
        return Defer{refresh};
    }
    GetTemperatureReadings::Response response;
    response.total = for_each_asked(bmc, request, [&](const SensorSpec& spec) {
        const bmc::SensorState state = read_sensor(bmc, context.now, spec);
        if (!state.available || response.count >= GetTemperatureReadings::readings_max) {
            return;
        }
        const double size = std::min(std::round(std::fabs(state.value)), 127.0);
        const unsigned sign = state.value < 0 ? 0x80 : 0x00;
        response.readings.push_back(static_cast<u8>(sign | static_cast<unsigned>(size)));
        response.readings.push_back(spec.entity_instance);
        ++response.count;
    });
    return response;
}

Reply<Nothing> handle(Bmc& bmc, const Context&, const SetDcmiConfiguration::Request& request) {
    const Bytes data = request.data;
    const bool is_word =
        request.parameter == dhcp_contact_timeout || request.parameter == dhcp_retry_interval;
    const bool known =
        request.parameter >= activate_dhcp && request.parameter <= dhcp_retry_interval;
    if (!known) {
        return parameter::unsupported;
    }
    if (data.size() != (is_word ? 2U : 1U)) {
        return CompletionCode::invalid_length;
    }
    if (request.parameter == activate_dhcp) {
        return CompletionCode::not_supported_in_state; // the address is the host's
    }
    bmc::Dcmi::Settings& settings = bmc.dcmi.change();
    const auto word = static_cast<u16>(is_word ? data[0] | data[1] << 8 : data[0]);
    switch (request.parameter) {
    case discovery:
        settings.discovery = data[0];
        break;
    case dhcp_initial_timeout:
        settings.dhcp_initial_timeout = data[0];
        break;
    case dhcp_contact_timeout:
        settings.dhcp_contact_timeout = word;
        break;
    default:
        settings.dhcp_retry_interval = word;
        break;
    }
    bmc.dirty.add(bmc::Section::system);
    return Nothing{};
}

Reply<GetDcmiConfiguration::Response>
handle(Bmc& bmc, const Context&, const GetDcmiConfiguration::Request& request) {
    const bmc::Dcmi::Settings& settings = bmc.dcmi.settings();
    GetDcmiConfiguration::Response response;
    ByteWriter out(response.data.room());
    switch (request.parameter) {
    case activate_dhcp:
        out.write_u8(0);
        break;
    case discovery:
        out.write_u8(settings.discovery);
        break;
    case dhcp_initial_timeout:
        out.write_u8(settings.dhcp_initial_timeout);
        break;
    case dhcp_contact_timeout:
        out.write_u16(settings.dhcp_contact_timeout);
        break;
    case dhcp_retry_interval:
        out.write_u16(settings.dhcp_retry_interval);
        break;
    default:
        return parameter::unsupported;
    }
    response.data.resize(out.size());
    return response;
}

} // namespace vbmc::ipmi
