#include "control/convert.h"
#include "control/text.h"

#include <algorithm>
#include <cmath>

namespace vbmc::control {

namespace {

void set_time(google::protobuf::Timestamp& out, Wall when) {
    const auto ms = when.time_since_epoch().count();
    out.set_seconds(ms / 1000);
    out.set_nanos(static_cast<int>(ms % 1000) * 1'000'000);
}

void set_duration(google::protobuf::Duration& out, double seconds) {
    const double whole = std::floor(seconds);
    out.set_seconds(static_cast<std::int64_t>(whole));
    out.set_nanos(static_cast<int>((seconds - whole) * 1e9));
}

template <class Map>
void copy_text(Map& out, const std::map<std::string, std::string>& in) {
    for (const auto& [key, value] : in) {
        out[to_utf8(key)] = to_utf8(value);
    }
}

void fill(v1::Target& out, const fleet::Target& target) {
    out.set_name(target.name);
    out.set_kind(target.kind);
    const backend::DriverKind* kind = backend::find_kind(target.kind);
    for (const auto& [key, value] : target.options) {
        const backend::Option* option = kind == nullptr ? nullptr : kind->schema.find(key);
        // A kind that this build does not know cannot say what is secret: then everything is.
        const bool secret = option == nullptr || option->type == backend::OptionType::secret;
        if (secret) {
            out.add_secret_options(to_utf8(key));
        }
        if (!secret || (option != nullptr && backend::is_reference(value))) {
            (*out.mutable_options())[to_utf8(key)] = to_utf8(value);
        }
    }
}

void fill(v1::Policy& out, const fleet::NodePolicy& policy) {
    for (const u8 suite : policy.cipher_suites) {
        out.add_cipher_suites(suite);
    }
    out.set_ipmi15(policy.ipmi15);
    out.set_hide_users(policy.hide_users);
    for (const IpNetwork& network : policy.allow) {
        out.add_allow(network.to_string());
    }
    out.set_privilege_max(privilege_to_proto(policy.privilege_max));
    set_duration(*out.mutable_confirm_window(), policy.confirm_window_s);
    set_duration(*out.mutable_fresh_for(), policy.fresh_for_s);
    set_duration(*out.mutable_stale_after(), policy.stale_after_s);
}

v1::NodeStatus::State to_proto(fleet::NodeState state) {
    switch (state) {
    case fleet::NodeState::stopped:
        return v1::NodeStatus::STOPPED;
    case fleet::NodeState::starting:
        return v1::NodeStatus::STARTING;
    case fleet::NodeState::running:
        return v1::NodeStatus::RUNNING;
    case fleet::NodeState::stopping:
        return v1::NodeStatus::STOPPING;
    case fleet::NodeState::failed:
        return v1::NodeStatus::FAILED;
    case fleet::NodeState::quarantined:
        return v1::NodeStatus::QUARANTINED;
    }
    return v1::NodeStatus::STATE_UNSPECIFIED;
}

void fill(v1::NodeStatus& out, const fleet::NodeStatus& status) {
    out.set_state(to_proto(status.state));
    out.set_power(control::to_proto(status.power));
    if (status.power_age_s) {
        set_duration(*out.mutable_power_age(), *status.power_age_s);
    }
    *out.mutable_boot() = control::to_proto(status.boot);
    out.set_sessions(status.sessions);
    out.set_packets_in(status.packets_in);
    out.set_packets_dropped(status.packets_dropped);
    out.set_last_error(to_utf8(status.last_error));
    for (const fleet::Condition& condition : status.conditions) {
        v1::Condition& item = *out.add_conditions();
        item.set_type(condition.type);
        item.set_ok(condition.ok);
        item.set_reason(condition.reason);
        item.set_message(to_utf8(condition.message));
        set_time(*item.mutable_since(), condition.since);
    }
}

void fill(v1::NodeStatus& out, const std::vector<fleet::Duty>& duties) {
    for (const fleet::Duty& duty : duties) {
        v1::Duty& item = *out.add_duties();
        item.set_capability(duty.capability);
        item.set_target(to_utf8(duty.target));
        item.set_able(duty.able);
    }
}

v1::BackendOption::Type to_proto(backend::OptionType type) {
    switch (type) {
    case backend::OptionType::text:
        return v1::BackendOption::TEXT;
    case backend::OptionType::number:
        return v1::BackendOption::NUMBER;
    case backend::OptionType::boolean:
        return v1::BackendOption::BOOLEAN;
    case backend::OptionType::duration:
        return v1::BackendOption::DURATION;
    case backend::OptionType::url:
        return v1::BackendOption::URL;
    case backend::OptionType::secret:
        return v1::BackendOption::SECRET;
    }
    return v1::BackendOption::TYPE_UNSPECIFIED;
}

void fill(v1::BackendOption& out, const backend::Option& option) {
    out.set_name(std::string(option.name));
    out.set_type(to_proto(option.type));
    out.set_required(option.required);
    out.set_default_value(std::string(option.fallback));
    out.set_help(std::string(option.help));
    for (std::size_t from = 0; from < option.choices.size();) {
        const std::size_t end = std::min(option.choices.find('|', from), option.choices.size());
        out.add_choices(std::string(option.choices.substr(from, end - from)));
        from = end + 1;
    }
}

v1::Event::Kind to_proto(fleet::Event::Kind kind) {
    v1::Event::Kind out = v1::Event::KIND_UNSPECIFIED;
    v1::Event::Kind_Parse(std::string(event_kind_name(kind)), &out);
    return out;
}

} // namespace

v1::Node to_proto(const fleet::NodeView& view) {
    const fleet::NodeSpec& spec = view.spec;
    v1::Node out;
    out.set_name(spec.name);
    out.set_uid(spec.uid);
    out.set_etag(spec.etag);
    copy_text(*out.mutable_labels(), spec.labels);
    copy_text(*out.mutable_annotations(), spec.annotations);
    out.mutable_endpoint()->set_address(spec.address.to_string());
    out.mutable_endpoint()->set_port(spec.port);
    for (const fleet::Target& target : spec.targets) {
        fill(*out.add_targets(), target);
    }
    copy_text(*out.mutable_routes(), spec.routes);
    fill(*out.mutable_policy(), spec.policy);
    out.set_enabled(spec.enabled);
    out.set_source(spec.source);
    fill(*out.mutable_status(), view.status);
    fill(*out.mutable_status(), view.status.duties);
    return out;
}

v1::User to_proto(const fleet::UserSpec& user) {
    v1::User out;
    out.set_id(user.id);
    out.set_name(to_utf8(user.name));
    out.set_privilege(privilege_to_proto(user.privilege));
    out.set_enabled(user.enabled);
    return out;
}

v1::Session to_proto(const fleet::SessionView& session) {
    v1::Session out;
    out.set_id(session.id);
    out.set_user(to_utf8(session.user));
    out.set_privilege(privilege_to_proto(session.privilege));
    out.set_peer(session.peer.to_string());
    out.set_cipher_suite(session.cipher_suite);
    set_duration(*out.mutable_idle(), session.idle_s);
    return out;
}

v1::Sensor to_proto(const fleet::SensorView& sensor) {
    v1::Sensor out;
    out.set_number(sensor.number);
    out.set_name(to_utf8(sensor.name));
    out.set_type(to_utf8(sensor.type));
    out.set_unit(to_utf8(sensor.unit));
    if (sensor.value) {
        out.set_value(*sensor.value);
    }
    out.set_state(to_utf8(sensor.state));
    return out;
}

v1::SelEntry to_proto(const fleet::SelView& entry) {
    v1::SelEntry out;
    out.set_id(entry.id);
    set_time(*out.mutable_when(), entry.when);
    out.set_sensor(to_utf8(entry.sensor));
    out.set_event(to_utf8(entry.event));
    out.mutable_raw()->assign(entry.raw.begin(), entry.raw.end());
    return out;
}

v1::Event to_proto(const fleet::Event& event) {
    v1::Event out;
    out.set_sequence(event.sequence);
    set_time(*out.mutable_when(), event.when);
    out.set_kind(to_proto(event.kind));
    out.set_node(to_utf8(event.node));
    out.set_who(to_utf8(event.who));
    out.set_message(to_utf8(event.message));
    copy_text(*out.mutable_fields(), event.fields);
    return out;
}

v1::BackendKind to_proto(const backend::DriverKind& kind) {
    v1::BackendKind out;
    out.set_name(std::string(kind.name));
    out.set_help(std::string(kind.help));
    for (const backend::Option& option : kind.schema.options) {
        fill(*out.add_options(), option);
    }
    out.set_can_discover(kind.discover != nullptr);
    if (kind.discover != nullptr && kind.discover_schema != nullptr) {
        for (const backend::Option& option : kind.discover_schema->options) {
            fill(*out.add_discover_options(), option);
        }
    }
    return out;
}

v1::PowerState to_proto(bmc::PowerState state) {
    switch (state) {
    case bmc::PowerState::unknown:
    case bmc::PowerState::changing: // neither: the event log says which
        return v1::POWER_STATE_UNSPECIFIED;
    case bmc::PowerState::off:
        return v1::POWER_STATE_OFF;
    case bmc::PowerState::on:
        return v1::POWER_STATE_ON;
    }
    return v1::POWER_STATE_UNSPECIFIED;
}

v1::Boot to_proto(const bmc::BootRequest& boot) {
    v1::Boot out;
    const int device = static_cast<int>(boot.device); // the numbers are the same on purpose
    out.set_device(
        v1::BootDevice_IsValid(device) ? static_cast<v1::BootDevice>(device)
                                       : v1::BOOT_DEVICE_UNSPECIFIED
    );
    out.set_persistent(boot.persistent);
    out.set_efi(boot.efi);
    return out;
}

v1::Privilege privilege_to_proto(const std::string& name) {
    if (name == "administrator") {
        return v1::PRIVILEGE_ADMINISTRATOR;
    }
    if (name == "operator") {
        return v1::PRIVILEGE_OPERATOR;
    }
    if (name == "user") {
        return v1::PRIVILEGE_USER;
    }
    return name == "callback" ? v1::PRIVILEGE_CALLBACK : v1::PRIVILEGE_UNSPECIFIED;
}

std::string_view event_kind_name(fleet::Event::Kind kind) noexcept {
    using Kind = fleet::Event::Kind;
    switch (kind) {
    case Kind::node_added:
        return "NODE_ADDED";
    case Kind::node_changed:
        return "NODE_CHANGED";
    case Kind::node_removed:
        return "NODE_REMOVED";
    case Kind::state:
        return "STATE";
    case Kind::power:
        return "POWER";
    case Kind::action:
        return "ACTION";
    case Kind::session:
        return "SESSION";
    case Kind::backend:
        return "BACKEND";
    case Kind::users:
        return "USERS";
    case Kind::sel:
        return "SEL";
    case Kind::source:
        return "SOURCE";
    case Kind::resync:
        return "RESYNC";
    }
    return "";
}

std::string_view state_name(fleet::NodeState state) noexcept {
    switch (state) {
    case fleet::NodeState::stopped:
        return "STOPPED";
    case fleet::NodeState::starting:
        return "STARTING";
    case fleet::NodeState::running:
        return "RUNNING";
    case fleet::NodeState::stopping:
        return "STOPPING";
    case fleet::NodeState::failed:
        return "FAILED";
    case fleet::NodeState::quarantined:
        return "QUARANTINED";
    }
    return "";
}

std::string_view power_name(bmc::PowerState state) noexcept {
    switch (state) {
    case bmc::PowerState::on:
        return "ON";
    case bmc::PowerState::off:
        return "OFF";
    case bmc::PowerState::unknown:
        return "UNKNOWN";
    case bmc::PowerState::changing:
        return "CHANGING";
    }
    return "";
}

} // namespace vbmc::control
