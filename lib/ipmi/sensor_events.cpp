#include "ipmi/sensor_events.h"

#include "ipmi/parameter.h"

#include <algorithm>

namespace vbmc::ipmi {

using bmc::Bmc;
using bmc::Pef;

namespace {

constexpr u8 ipmi_1_0 = 0x03;
constexpr u8 ipmi_1_5 = 0x04;
constexpr u8 remote_software = 0x81; // §5.5: the software id of a remote console
constexpr u8 pef_control_known = 0x0f;

/// §30.4, table 30-7.
enum class PefParameter : u8 {
    set_in_progress = 0,
    control = 1,
    action_control = 2,
    startup_delay = 3,
    alert_startup_delay = 4,
    filter_count = 5,
    filter = 6,
    filter_data_1 = 7,
    policy_count = 8,
    policy = 9,
    system_guid = 10,
    string_count = 11,
    string_keys = 12,
    strings = 13,
    group_count = 14,
    group = 15,
};

bool is_filter(u8 number) noexcept {
    return number >= 1 && number <= Pef::filter_count;
}

CompletionCode set_filter(Bmc& bmc, Bytes data) {
    if (data.size() != 1 + bmc::EventFilter::size) {
        return CompletionCode::invalid_length;
    }
    const u8 number = data[0] & 0x7f;
    if (!is_filter(number)) {
        return CompletionCode::parameter_out_of_range;
    }
    auto& filter = bmc.pef.change().filters[number - 1U];
    std::copy(data.begin() + 1, data.end(), filter.bytes.begin());
    return CompletionCode::ok;
}

CompletionCode set_filter_data_1(Bmc& bmc, Bytes data) {
    if (data.size() != 2) {
        return CompletionCode::invalid_length;
    }
    const u8 number = data[0] & 0x7f;
    if (!is_filter(number)) {
        return CompletionCode::parameter_out_of_range;
    }
    bmc.pef.change().filters[number - 1U].bytes[0] = data[1];
    return CompletionCode::ok;
}

CompletionCode set_guid(Bmc& bmc, Bytes data) {
    if (data.size() != 17) {
        return CompletionCode::invalid_length;
    }
    Pef::Settings& settings = bmc.pef.change();
    settings.guid_used = data[0] & 0x01;
    std::copy(data.begin() + 1, data.end(), settings.guid.begin());
    return CompletionCode::ok;
}

CompletionCode set_byte(Bytes data, u8& value, u8 mask) {
    if (data.size() != 1) {
        return CompletionCode::invalid_length;
    }
    value = data[0] & mask;
    return CompletionCode::ok;
}

CompletionCode set_parameter(Bmc& bmc, PefParameter which, Bytes data) {
    switch (which) {
    case PefParameter::set_in_progress:
        return set_in_progress(bmc.pef.set_in_progress, data);
    case PefParameter::control:
        return set_byte(data, bmc.pef.change().control, pef_control_known);
    case PefParameter::action_control:
        return set_byte(data, bmc.pef.change().action_control, Pef::actions_supported);
    case PefParameter::startup_delay:
        return set_byte(data, bmc.pef.change().startup_delay, 0xff);
    case PefParameter::filter:
        return set_filter(bmc, data);
    case PefParameter::filter_data_1:
        return set_filter_data_1(bmc, data);
    case PefParameter::system_guid:
        return set_guid(bmc, data);
    case PefParameter::filter_count:
    case PefParameter::policy_count:
    case PefParameter::string_count:
    case PefParameter::group_count:
        return parameter::read_only;
    case PefParameter::policy:
    case PefParameter::string_keys:
    case PefParameter::strings:
    case PefParameter::group:
        return CompletionCode::parameter_out_of_range; // the tables are empty
    case PefParameter::alert_startup_delay:
        break;
    }
    return parameter::unsupported;
}

CompletionCode get_filter(const Pef::Settings& settings, u8 number, ByteWriter& out, bool whole) {
    if (!is_filter(number)) {
        return CompletionCode::parameter_out_of_range;
    }
    out.write_u8(number);
    const Bytes filter = settings.filters[number - 1U].bytes;
    out.write(whole ? filter : filter.first(1));
    return CompletionCode::ok;
}

CompletionCode
get_parameter(const Pef& pef, const GetPefParameters::Request& request, ByteWriter& out) {
    const Pef::Settings& settings = pef.settings();
    const u8 number = request.set & 0x7f;
    switch (static_cast<PefParameter>(request.parameter)) {
    case PefParameter::set_in_progress:
        out.write_u8(pef.set_in_progress);
        return CompletionCode::ok;
    case PefParameter::control:
        out.write_u8(settings.control);
        return CompletionCode::ok;
    case PefParameter::action_control:
        out.write_u8(settings.action_control);
        return CompletionCode::ok;
    case PefParameter::startup_delay:
        out.write_u8(settings.startup_delay);
        return CompletionCode::ok;
    case PefParameter::filter_count:
        out.write_u8(Pef::filter_count);
        return CompletionCode::ok;
    case PefParameter::filter:
        return get_filter(settings, number, out, true);
    case PefParameter::filter_data_1:
        return get_filter(settings, number, out, false);
    case PefParameter::system_guid:
        out.write_u8(settings.guid_used);
        out.write(settings.guid);
        return CompletionCode::ok;
    case PefParameter::policy_count:
    case PefParameter::string_count:
    case PefParameter::group_count:
        out.write_u8(0);
        return CompletionCode::ok;
    case PefParameter::policy:
    case PefParameter::string_keys:
    case PefParameter::strings:
    case PefParameter::group:
        return CompletionCode::parameter_out_of_range;
    case PefParameter::alert_startup_delay:
        break;
    }
    return parameter::unsupported;
}

u16 newest_record(const bmc::Sel& sel) noexcept {
    const auto found = sel.find(bmc::Sel::last_id);
    return found ? static_cast<u16>((*found->record)[0] | (*found->record)[1] << 8)
                 : bmc::Sel::last_id;
}

} // namespace

Reply<Nothing> handle(Bmc& bmc, const Context&, const SetEventReceiver::Request& request) {
    if (request.address != bmc::EventReceiver::disabled && (request.address & 1) != 0) {
        return CompletionCode::invalid_data_field;
    }
    bmc.events.address = request.address;
    bmc.events.lun = request.lun;
    bmc.sensors.rearm_all(); // §29.1: all sensors report again to the new receiver
    return Nothing{};
}

Reply<GetEventReceiver::Response>
handle(Bmc& bmc, const Context&, const GetEventReceiver::Request&) {
    return GetEventReceiver::Response{.address = bmc.events.address, .lun = bmc.events.lun};
}

Reply<Nothing> handle(Bmc& bmc, const Context& context, const PlatformEvent::Request& request) {
    if (request.revision != ipmi_1_5 && request.revision != ipmi_1_0) {
        return CompletionCode::invalid_data_field;
    }
    bmc::SelEvent event;
    event.generator = remote_software;
    event.sensor_type = request.sensor_type;
    event.sensor_number = request.sensor_number;
    event.event_type = request.direction_and_type & 0x7f;
    event.asserted = (request.direction_and_type & 0x80) == 0;
    event.data = request.data;
    log_event(bmc, context.now, event);
    return Nothing{};
}

Reply<GetPefCapabilities::Response>
handle(Bmc&, const Context&, const GetPefCapabilities::Request&) {
    return GetPefCapabilities::Response{
        .actions = Pef::actions_supported, .filters = Pef::filter_count};
}

Reply<ArmPefPostponeTimer::Response>
handle(Bmc& bmc, const Context& context, const ArmPefPostponeTimer::Request& request) {
    if (request.seconds != ArmPefPostponeTimer::get_present) {
        bmc.pef.arm_postpone(context.now, request.seconds);
    }
    return ArmPefPostponeTimer::Response{.left = bmc.pef.postpone_left(context.now)};
}

Reply<Nothing> handle(Bmc& bmc, const Context&, const SetPefParameters::Request& request) {
    const auto code =
        set_parameter(bmc, static_cast<PefParameter>(request.parameter), request.data);
    if (code != CompletionCode::ok) {
        return code;
    }
    bmc.dirty.add(bmc::Section::channel);
    return Nothing{};
}

Reply<GetPefParameters::Response>
handle(Bmc& bmc, const Context&, const GetPefParameters::Request& request) {
    GetPefParameters::Response response;
    ByteWriter out(response.data.room());
    const auto code = get_parameter(bmc.pef, request, out);
    if (code != CompletionCode::ok) {
        return code;
    }
    response.data.resize(request.revision_only ? 0 : out.size());
    return response;
}

Reply<Nothing> handle(Bmc& bmc, const Context&, const SetLastProcessedEvent::Request& request) {
    (request.by_bmc ? bmc.pef.last_by_bmc : bmc.pef.last_by_software) = request.record;
    bmc.dirty.add(bmc::Section::channel);
    return Nothing{};
}

Reply<GetLastProcessedEvent::Response>
handle(Bmc& bmc, const Context&, const GetLastProcessedEvent::Request&) {
    return GetLastProcessedEvent::Response{
        .added_at = bmc.sel.added_at(),
        .newest = newest_record(bmc.sel),
        .by_software = bmc.pef.last_by_software,
        .by_bmc = bmc.pef.last_by_bmc,
    };
}

Reply<AlertImmediate::Response>
handle(Bmc&, const Context& context, const AlertImmediate::Request& request) {
    if (bmc::resolve_channel(request.channel, context.channel) != bmc::lan_channel) {
        return CompletionCode::invalid_data_field;
    }
    switch (request.operation) {
    case AlertImmediate::initiate:
        return CompletionCode::not_present; // no destination is set up
    case AlertImmediate::get_status:
        return AlertImmediate::Response{.status = u8{0}}; // no status
    case AlertImmediate::clear_status:
        return AlertImmediate::Response{};
    default:
        return CompletionCode::invalid_data_field;
    }
}

Reply<Nothing> handle(Bmc&, const Context&, const PetAcknowledge::Request&) {
    return Nothing{}; // there is no trap that waits for it
}

} // namespace vbmc::ipmi
