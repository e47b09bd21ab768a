#include "fleet/source_spec.h"

#include "base/peer.h"
#include "fleet/spec_check.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace vbmc::fleet {

namespace {

using Json = nlohmann::json;
using Texts = std::map<std::string, std::string>;

constexpr int format_version = 1;
constexpr double interval_min_s = 1;
constexpr double interval_max_s = 86'400;
constexpr double grace_max_s = 30 * 86'400.0;
constexpr std::size_t name_max = 63;
constexpr std::string_view option_prefix = "option/";
constexpr std::string_view password_key = "registration/password";

Error bad(std::string field, std::string message) {
    return Error(ErrorCode::invalid_argument, std::move(message)).with_field(std::move(field));
}

bool is_secret(const backend::DriverKind* kind, const std::string& name) {
    const backend::Option* option = kind == nullptr || kind->discover_schema == nullptr
                                        ? nullptr
                                        : kind->discover_schema->find(name);
    return option == nullptr || option->type == backend::OptionType::secret;
}

Result<void> check_registration(const Registration& what, const backend::CredentialRules& rules) {
    if (!what.name_prefix.empty()) {
        if (auto fits = check_name(what.name_prefix); fits.has_error()) {
            return bad("registration.name_prefix", "no node's name can begin like that");
        }
    }
    if (!what.address.empty() && what.address != "auto" && !IpAddress::parse(what.address)) {
        return bad("registration.address", "'" + what.address.substr(0, 64) + "' is no IP address")
            .with_hint("auto takes one from the pool for each node");
    }
    UserSpec user;
    user.name = what.username;
    if (auto fits = check_user(user, false); fits.has_error()) {
        return bad("registration.username", fits.error().message);
    }
    if (auto may = backend::check_reference(rules, what.password); may.has_error()) {
        Error error = may.error();
        return std::move(error).with_field("registration.password");
    }
    return {};
}

void read_texts(const Json& object, const char* key, Texts& out) {
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

std::string text(const Json& object, const char* key) {
    const auto at = object.find(key);
    return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

double number(const Json& object, const char* key, double fallback) {
    const auto at = object.find(key);
    return at != object.end() && at->is_number() ? at->get<double>() : fallback;
}

} // namespace

Result<void> check_source(const SourceSpec& spec, const backend::CredentialRules& rules) {
    if (auto fits = check_name(spec.name); fits.has_error()) {
        return bad("name", "'" + spec.name.substr(0, 80) + "' is no name of a source")
            .with_hint(fits.error().hint);
    }
    const backend::DriverKind* kind = backend::find_kind(spec.kind);
    if (kind == nullptr || kind->discover == nullptr || kind->discover_schema == nullptr) {
        return Error(
                   kind == nullptr ? ErrorCode::invalid_argument : ErrorCode::unsupported,
                   kind == nullptr ? "BACKEND_UNKNOWN" : "CANNOT_DISCOVER",
                   kind == nullptr ? "there is no backend '" + spec.kind + "'"
                                   : "backend '" + spec.kind + "' cannot list its machines"
        )
            .with_field("kind")
            .with_hint("vbmcctl backend list");
    }
    const auto config = backend::DriverConfig::check(*kind->discover_schema, spec.options);
    if (config.has_error()) {
        return config.error();
    }
    if (auto may = backend::check_references(*kind->discover_schema, spec.options, rules);
        may.has_error()) {
        return may;
    }
    if (!std::isfinite(spec.interval_s) || spec.interval_s < interval_min_s ||
        spec.interval_s > interval_max_s) {
        return bad("interval", "the interval is between one second and one day");
    }
    if (!std::isfinite(spec.grace_s) || spec.grace_s < 0 || spec.grace_s > grace_max_s) {
        return bad("grace", "the grace is between nothing and 30 days");
    }
    return check_registration(spec.registration, rules);
}

store::SourceRecord to_record(const SourceSpec& spec, Wall now) {
    store::SourceRecord record;
    record.name = spec.name;
    record.updated = now;
    const backend::DriverKind* kind = backend::find_kind(spec.kind);
    Json options = Json::object();
    for (const auto& [name, value] : spec.options) {
        if (is_secret(kind, name)) {
            record.secrets.emplace(
                std::string(option_prefix) + name, Secret(std::string_view(value))
            );
        } else {
            options[name] = value;
        }
    }
    const Registration& what = spec.registration;
    if (!what.password.empty()) {
        record.secrets.emplace(password_key, Secret(std::string_view(what.password)));
    }
    const Json json = {
        {"version", format_version},
        {"kind", spec.kind},
        {"options", options},
        {"selector", {{"name", spec.selector.name}, {"labels", spec.selector.labels}}},
        {"registration",
         {{"name_prefix", what.name_prefix},
          {"address", what.address},
          {"labels", what.labels},
          {"username", what.username}}},
        {"interval_s", spec.interval_s},
        {"grace_s", spec.grace_s},
        {"paused", spec.paused},
    };
    record.spec = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    return record;
}

Result<SourceSpec> source_from_record(const store::SourceRecord& record) {
    const Json json = Json::parse(record.spec, nullptr, false);
    if (!json.is_object() || number(json, "version", 0) != format_version) {
        return Error(
            ErrorCode::corrupt,
            "the stored specification of source '" + record.name +
                "' is damaged, or of a newer version of vbmcd"
        );
    }
    SourceSpec spec;
    spec.name = record.name;
    spec.kind = text(json, "kind");
    read_texts(json, "options", spec.options);
    for (const auto& [key, value] : record.secrets) {
        if (key.starts_with(option_prefix)) {
            spec.options[key.substr(option_prefix.size())] = std::string(value.reveal());
        } else if (key == password_key) {
            spec.registration.password = std::string(value.reveal());
        }
    }
    if (const auto at = json.find("selector"); at != json.end() && at->is_object()) {
        spec.selector.name = text(*at, "name");
        read_texts(*at, "labels", spec.selector.labels);
    }
    if (const auto at = json.find("registration"); at != json.end() && at->is_object()) {
        spec.registration.name_prefix = text(*at, "name_prefix");
        spec.registration.address = text(*at, "address");
        read_texts(*at, "labels", spec.registration.labels);
        spec.registration.username = text(*at, "username");
    }
    spec.interval_s = number(json, "interval_s", spec.interval_s);
    spec.grace_s = number(json, "grace_s", spec.grace_s);
    const auto paused = json.find("paused");
    spec.paused = paused != json.end() && paused->is_boolean() && paused->get<bool>();
    return spec;
}

std::string node_name(const Registration& registration, const backend::Found& machine) {
    std::string name = registration.name_prefix;
    for (const char c : machine.name.empty() ? machine.id : machine.name) {
        const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
        name += fits ? c : '-';
    }
    const std::size_t begin = name.find_first_not_of(".-_");
    name.erase(0, std::min(begin, name.size()));
    return name.substr(0, name_max);
}

std::map<std::string, std::string>
node_options(const SourceSpec& spec, const backend::Found& machine) {
    std::map<std::string, std::string> options;
    const backend::DriverKind* kind = backend::find_kind(spec.kind);
    if (kind == nullptr) {
        return options;
    }
    for (const backend::Option& option : kind->schema.options) {
        const std::string name(option.name);
        if (const auto own = machine.options.find(name); own != machine.options.end()) {
            options[name] = own->second;
        } else if (const auto at = spec.options.find(name); at != spec.options.end()) {
            options[name] = at->second;
        }
    }
    return options;
}

} // namespace vbmc::fleet
