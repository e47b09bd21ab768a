#include "fleet/spec_record.h"

#include "backend/driver.h"

#include <nlohmann/json.hpp>

namespace vbmc::fleet {

namespace {

using Json = nlohmann::json;

constexpr int format_version = 1;

bool is_secret(const Target& target, const std::string& option) {
    const backend::DriverKind* kind = backend::find_kind(target.kind);
    if (kind == nullptr) {
        return true; // not ours to judge: rather too much than too little
    }
    const backend::Option* known = kind->schema.find(option);
    return known == nullptr || known->type == backend::OptionType::secret;
}

std::string secret_name(const Target& target, const std::string& option) {
    return target.name + "/" + option;
}

Json policy_json(const NodePolicy& policy) {
    Json allow = Json::array();
    for (const IpNetwork& network : policy.allow) {
        allow.push_back(network.to_string());
    }
    return {
        {"cipher_suites", policy.cipher_suites},
        {"ipmi15", policy.ipmi15},
        {"hide_users", policy.hide_users},
        {"allow", allow},
        {"privilege_max", policy.privilege_max},
        {"confirm_window_s", policy.confirm_window_s},
        {"fresh_for_s", policy.fresh_for_s},
        {"stale_after_s", policy.stale_after_s},
    };
}

/// Reads what is there and has the right type; the rest keeps its default.
template <class T>
void read(const Json& object, const char* key, T& out) {
    const auto at = object.find(key);
    if (at == object.end()) {
        return;
    }
    if constexpr (std::is_same_v<T, bool>) {
        if (at->is_boolean()) {
            out = at->template get<bool>();
        }
    } else if constexpr (std::is_arithmetic_v<T>) {
        if (at->is_number()) {
            out = at->template get<T>();
        }
    } else {
        if (at->is_string()) {
            out = at->template get<std::string>();
        }
    }
}

void read_map(const Json& object, const char* key, std::map<std::string, std::string>& out) {
    const auto at = object.find(key);
    if (at == object.end() || !at->is_object()) {
        return;
    }
    for (const auto& [name, value] : at->items()) {
        if (value.is_string()) {
            out[name] = value.get<std::string>();
        }
    }
}

NodePolicy read_policy(const Json& object) {
    NodePolicy policy;
    const auto suites = object.find("cipher_suites");
    if (suites != object.end() && suites->is_array()) {
        policy.cipher_suites.clear();
        for (const Json& id : *suites) {
            if (id.is_number_unsigned() && id.get<unsigned>() <= 255) {
                policy.cipher_suites.push_back(id.get<u8>());
            }
        }
    }
    const auto allow = object.find("allow");
    if (allow != object.end() && allow->is_array()) {
        for (const Json& text : *allow) {
            const auto network =
                text.is_string() ? IpNetwork::parse(text.get<std::string>()) : std::nullopt;
            if (network) {
                policy.allow.push_back(*network);
            }
        }
    }
    read(object, "ipmi15", policy.ipmi15);
    read(object, "hide_users", policy.hide_users);
    read(object, "privilege_max", policy.privilege_max);
    read(object, "confirm_window_s", policy.confirm_window_s);
    read(object, "fresh_for_s", policy.fresh_for_s);
    read(object, "stale_after_s", policy.stale_after_s);
    return policy;
}

void read_targets(const Json& list, const store::NodeRecord& record, NodeSpec& spec) {
    for (const Json& object : list) {
        if (!object.is_object()) {
            continue;
        }
        Target target;
        read(object, "name", target.name);
        read(object, "kind", target.kind);
        read_map(object, "options", target.options);
        const std::string prefix = target.name + "/";
        for (auto at = record.secrets.lower_bound(prefix);
             at != record.secrets.end() && at->first.starts_with(prefix);
             ++at) {
            target.options[at->first.substr(prefix.size())] = std::string(at->second.reveal());
        }
        spec.targets.push_back(std::move(target));
    }
}

} // namespace

store::NodeRecord to_record(const NodeSpec& spec, Wall now) {
    store::NodeRecord record;
    record.uid = spec.uid;
    record.name = spec.name;
    record.etag = spec.etag;
    record.enabled = spec.enabled;
    record.address = spec.address.to_string();
    record.port = spec.port;
    record.created = now;
    record.updated = now;
    Json targets = Json::array();
    for (const Target& target : spec.targets) {
        Json options = Json::object();
        for (const auto& [name, value] : target.options) {
            if (is_secret(target, name)) {
                record.secrets.emplace(secret_name(target, name), Secret(std::string_view(value)));
            } else {
                options[name] = value;
            }
        }
        targets.push_back({{"name", target.name}, {"kind", target.kind}, {"options", options}});
    }
    const Json json = {
        {"version", format_version},
        {"targets", targets},
        {"routes", spec.routes},
        {"labels", spec.labels},
        {"annotations", spec.annotations},
        {"policy", policy_json(spec.policy)},
        {"source", spec.source},
        {"machine", spec.machine},
    };
    record.spec = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    return record;
}

Result<NodeSpec> from_record(const store::NodeRecord& record) {
    const Json json = Json::parse(record.spec, nullptr, false);
    const auto address = IpAddress::parse(record.address);
    int version = 0;
    if (json.is_object()) {
        read(json, "version", version);
    }
    if (version < 1 || !address) {
        return Error(
            ErrorCode::corrupt, "the stored specification of node '" + record.name + "' is damaged"
        );
    }
    if (version > format_version) {
        return Error(
                   ErrorCode::corrupt,
                   "node '" + record.name + "' was stored by a newer version of vbmcd"
        )
            .with_hint("run that version again");
    }
    NodeSpec spec;
    spec.name = record.name;
    spec.uid = record.uid;
    spec.etag = record.etag;
    spec.enabled = record.enabled;
    spec.address = *address;
    spec.port = record.port;
    if (const auto targets = json.find("targets"); targets != json.end() && targets->is_array()) {
        read_targets(*targets, record, spec);
    }
    read(json, "source", spec.source);
    read(json, "machine", spec.machine);
    read_map(json, "routes", spec.routes);
    read_map(json, "labels", spec.labels);
    read_map(json, "annotations", spec.annotations);
    if (const auto policy = json.find("policy"); policy != json.end() && policy->is_object()) {
        spec.policy = read_policy(*policy);
    }
    return spec;
}

store::EventRecord to_record(const Event& event, u64 sequence) {
    store::EventRecord record;
    record.sequence = sequence;
    record.when = event.when;
    record.kind = to_string(event.kind);
    record.node = event.node;
    record.who = event.who;
    record.message = event.message;
    record.fields = Json(event.fields).dump(-1, ' ', false, Json::error_handler_t::replace);
    return record;
}

Event from_record(const store::EventRecord& record) {
    Event event;
    event.sequence = record.sequence;
    event.when = record.when;
    event.kind = parse_event_kind(record.kind).value_or(Event::Kind::state);
    event.node = record.node;
    event.who = record.who;
    event.message = record.message;
    const Json fields = Json::parse(record.fields, nullptr, false);
    if (fields.is_object()) {
        for (const auto& [key, value] : fields.items()) {
            event.fields[key] = value.is_string() ? value.get<std::string>() : value.dump();
        }
    }
    return event;
}

} // namespace vbmc::fleet
