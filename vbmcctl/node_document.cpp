#include "vbmcctl/node_document.h"

#include "vbmcctl/text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace vbmc::ctl {

namespace {

template <class Map>
Json map_document(const Map& map) {
    std::map<std::string, std::string> sorted(map.begin(), map.end());
    Json out = Json::object();
    for (const auto& [key, value] : sorted) {
        out[key] = value;
    }
    return out;
}

/// "700ms", "2s": as a manifest reads it.
std::string window_text(const google::protobuf::Duration& duration) {
    const auto ms = std::llround(seconds_of(duration) * 1000);
    return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms";
}

Json target_document(const api::Target& target, bool named) {
    Json out = Json::object();
    if (named) {
        out["name"] = target.name().empty() ? "main" : target.name();
    }
    out["kind"] = target.kind();
    if (!target.options().empty()) {
        out["options"] = map_document(target.options());
    }
    std::vector<std::string> hidden; // a secret that is a reference stands among the options
    for (const std::string& name : target.secret_options()) {
        if (!target.options().contains(name)) {
            hidden.push_back(name);
        }
    }
    if (!hidden.empty()) {
        out["secret_options"] = hidden;
    }
    return out;
}

void add_targets(Json& out, const api::Node& node) {
    const bool one = node.targets_size() == 1 &&
                     (node.targets(0).name().empty() || node.targets(0).name() == "main");
    if (one) {
        out["backend"] = target_document(node.targets(0), false);
        return;
    }
    out["targets"] = Json::array();
    for (const api::Target& target : node.targets()) {
        out["targets"].push_back(target_document(target, true));
    }
}

Json policy_document(const api::Policy& policy) {
    Json out = Json::object();
    out["cipher_suites"] =
        std::vector<std::uint32_t>(policy.cipher_suites().begin(), policy.cipher_suites().end());
    out["ipmi15"] = policy.ipmi15();
    out["hide_users"] = policy.hide_users();
    out["allow"] = std::vector<std::string>(policy.allow().begin(), policy.allow().end());
    out["privilege_max"] = privilege_text(policy.privilege_max());
    if (policy.has_confirm_window()) {
        out["confirm_window"] = window_text(policy.confirm_window());
    }
    if (policy.has_fresh_for()) {
        out["fresh_for"] = window_text(policy.fresh_for());
    }
    if (policy.has_stale_after()) {
        out["stale_after"] = window_text(policy.stale_after());
    }
    return out;
}

Json status_document(const api::NodeStatus& status) {
    Json out = Json::object();
    out["state"] = state_text(status.state());
    out["power"] = power_text(status.power());
    if (status.has_power_age()) {
        out["power_age_s"] = std::round(seconds_of(status.power_age()) * 1000) / 1000;
    }
    out["boot"] = boot_document(status.boot());
    out["sessions"] = status.sessions();
    out["packets_in"] = status.packets_in();
    out["packets_dropped"] = status.packets_dropped();
    out["last_error"] = status.last_error();
    if (!status.duties().empty()) {
        out["duties"] = Json::array();
    }
    for (const api::Duty& duty : status.duties()) {
        out["duties"].push_back(
            {{"capability", duty.capability()}, {"target", duty.target()}, {"able", duty.able()}}
        );
    }
    out["conditions"] = Json::array();
    for (const api::Condition& condition : status.conditions()) {
        out["conditions"].push_back(
            {{"type", condition.type()},
             {"ok", condition.ok()},
             {"reason", condition.reason()},
             {"message", condition.message()},
             {"since", time_text(condition.since())}}
        );
    }
    return out;
}

} // namespace

Json wanted_document(const api::Node& node) {
    Json out = Json::object();
    out["name"] = node.name();
    out["address"] = node.endpoint().address();
    out["port"] = node.endpoint().port();
    add_targets(out, node);
    if (!node.routes().empty()) {
        out["routes"] = map_document(node.routes());
    }
    out["labels"] = map_document(node.labels());
    if (!node.annotations().empty()) {
        out["annotations"] = map_document(node.annotations());
    }
    out["policy"] = policy_document(node.policy());
    out["enabled"] = !node.has_enabled() || node.enabled();
    return out;
}

Json node_document(const api::Node& node) {
    Json out = wanted_document(node);
    out["uid"] = node.uid();
    out["etag"] = node.etag();
    if (!node.source().empty()) {
        out["source"] = node.source();
    }
    out["status"] = status_document(node.status());
    return out;
}

Json user_document(const api::User& user) {
    return {
        {"id", user.id()},
        {"name", user.name()},
        {"privilege", privilege_text(user.privilege())},
        {"enabled", !user.has_enabled() || user.enabled()}};
}

Json boot_document(const api::Boot& boot) {
    return {
        {"device", boot_device_text(boot.device())},
        {"persistent", boot.persistent()},
        {"efi", boot.efi()}};
}

std::string power_text(api::PowerState state) {
    switch (state) {
    case api::POWER_STATE_ON:
        return "on";
    case api::POWER_STATE_OFF:
        return "off";
    default:
        return "unknown";
    }
}

std::string state_text(api::NodeStatus::State state) {
    if (state == api::NodeStatus::STATE_UNSPECIFIED || !api::NodeStatus::State_IsValid(state)) {
        return "unknown";
    }
    return to_lower(api::NodeStatus::State_Name(state));
}

std::string privilege_text(api::Privilege privilege) {
    if (privilege == api::PRIVILEGE_UNSPECIFIED || !api::Privilege_IsValid(privilege)) {
        return "administrator";
    }
    return to_lower(api::Privilege_Name(privilege).substr(std::string_view("PRIVILEGE_").size()));
}

api::Privilege privilege_of(std::string_view text) {
    for (int i = api::Privilege_MIN; i <= api::Privilege_MAX; ++i) {
        const auto privilege = static_cast<api::Privilege>(i);
        if (i > 0 && privilege_text(privilege) == text) {
            return privilege;
        }
    }
    return api::PRIVILEGE_UNSPECIFIED;
}

std::string boot_device_text(api::BootDevice device) {
    if (device == api::BOOT_DEVICE_UNSPECIFIED || !api::BootDevice_IsValid(device)) {
        return "none";
    }
    std::string text =
        to_lower(api::BootDevice_Name(device).substr(std::string_view("BOOT_DEVICE_").size()));
    std::replace(text.begin(), text.end(), '_', '-');
    return text;
}

double seconds_of(const google::protobuf::Duration& duration) {
    return static_cast<double>(duration.seconds()) + duration.nanos() / 1e9;
}

void set_seconds(google::protobuf::Duration& duration, double seconds) {
    const auto ns = std::llround(seconds * 1e9);
    duration.set_seconds(ns / 1'000'000'000);
    duration.set_nanos(static_cast<int>(ns % 1'000'000'000));
}

std::string time_text(const google::protobuf::Timestamp& time) {
    const std::time_t seconds = time.seconds();
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    std::array<char, 64> date{};
    std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    std::array<char, 16> fraction{};
    std::snprintf(fraction.data(), fraction.size(), ".%03dZ", time.nanos() / 1'000'000);
    return std::string(date.data()) + fraction.data();
}

std::string local_time_text(const std::string& rfc3339) {
    std::tm utc{};
    if (strptime(rfc3339.c_str(), "%Y-%m-%dT%H:%M:%S", &utc) == nullptr) {
        return rfc3339;
    }
    const std::time_t seconds = timegm(&utc);
    std::tm local{};
    localtime_r(&seconds, &local);
    std::array<char, 64> date{};
    std::strftime(date.data(), date.size(), "%Y-%m-%d %H:%M:%S", &local);
    return date.data();
}

std::string endpoint_text(const std::string& address, unsigned port) {
    const bool v6 = address.find(':') != std::string::npos;
    return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

api::User to_message(const ManifestUser& user) {
    api::User out;
    out.set_id(user.id);
    out.set_name(user.name);
    out.set_password(std::string(user.password.reveal()));
    out.set_privilege(privilege_of(user.privilege));
    if (user.enabled) {
        out.set_enabled(*user.enabled);
    }
    return out;
}

namespace {

api::Policy to_message(const ManifestPolicy& policy) {
    api::Policy out;
    out.mutable_cipher_suites()->Add(policy.cipher_suites.begin(), policy.cipher_suites.end());
    out.set_ipmi15(policy.ipmi15);
    out.set_hide_users(policy.hide_users);
    for (const std::string& network : policy.allow) {
        out.add_allow(network);
    }
    out.set_privilege_max(privilege_of(policy.privilege_max));
    if (policy.confirm_window_s) {
        set_seconds(*out.mutable_confirm_window(), *policy.confirm_window_s);
    }
    if (policy.fresh_for_s) {
        set_seconds(*out.mutable_fresh_for(), *policy.fresh_for_s);
    }
    if (policy.stale_after_s) {
        set_seconds(*out.mutable_stale_after(), *policy.stale_after_s);
    }
    return out;
}

} // namespace

api::Node to_message(const ManifestNode& node) {
    api::Node out;
    out.set_name(node.name);
    out.mutable_endpoint()->set_address(node.address);
    out.mutable_endpoint()->set_port(node.port.value_or(0));
    for (const ManifestTarget& target : node.targets) {
        api::Target& made = *out.add_targets();
        made.set_name(target.name);
        made.set_kind(target.kind);
        made.mutable_options()->insert(target.options.begin(), target.options.end());
    }
    out.mutable_routes()->insert(node.routes.begin(), node.routes.end());
    out.mutable_labels()->insert(node.labels.begin(), node.labels.end());
    out.mutable_annotations()->insert(node.annotations.begin(), node.annotations.end());
    if (node.policy) {
        *out.mutable_policy() = to_message(*node.policy);
    }
    if (node.enabled) {
        out.set_enabled(*node.enabled);
    }
    return out;
}

namespace {

/// Hides the values of secrets that `current` knows as such; new ones cannot be told apart.
void hide_secrets(api::Node& wanted, const api::Node& current) {
    for (api::Target& target : *wanted.mutable_targets()) {
        const std::string name = target.name().empty() ? "main" : target.name();
        for (const api::Target& known : current.targets()) {
            if (known.name() == name && known.kind() == target.kind()) {
                *target.mutable_secret_options() = known.secret_options();
                for (const std::string& secret : known.secret_options()) {
                    target.mutable_options()->erase(secret);
                }
            }
        }
    }
}

void fill_policy_defaults(api::Policy& policy) {
    if (policy.cipher_suites().empty()) {
        policy.add_cipher_suites(17);
        policy.add_cipher_suites(3);
    }
    if (policy.privilege_max() == api::PRIVILEGE_UNSPECIFIED) {
        policy.set_privilege_max(api::PRIVILEGE_ADMINISTRATOR);
    }
}

} // namespace

api::Node wanted_node(const ManifestNode& node, const api::Node* current) {
    api::Node out = to_message(node);
    fill_policy_defaults(*out.mutable_policy());
    if (current == nullptr) {
        return out;
    }
    api::Endpoint& endpoint = *out.mutable_endpoint();
    if (endpoint.address().empty() || endpoint.address() == "auto") {
        endpoint.set_address(current->endpoint().address());
    }
    if (endpoint.port() == 0) {
        endpoint.set_port(current->endpoint().port());
    }
    if (!out.has_enabled()) {
        out.set_enabled(current->enabled());
    }
    api::Policy& policy = *out.mutable_policy();
    const api::Policy& now = current->policy();
    // What is absent gets the daemon's default, which only the daemon knows: shown as it is now.
    if (!policy.has_confirm_window() && now.has_confirm_window()) {
        *policy.mutable_confirm_window() = now.confirm_window();
    }
    if (!policy.has_fresh_for() && now.has_fresh_for()) {
        *policy.mutable_fresh_for() = now.fresh_for();
    }
    if (!policy.has_stale_after() && now.has_stale_after()) {
        *policy.mutable_stale_after() = now.stale_after();
    }
    hide_secrets(out, *current);
    return out;
}

Style power_style(const std::string& text) {
    return text == "on" ? Style::good : text == "unknown" ? Style::warning : Style::plain;
}

Style state_style(const std::string& text) {
    if (text == "running") {
        return Style::good;
    }
    if (text == "failed" || text == "quarantined") {
        return Style::bad;
    }
    return text == "stopped" ? Style::dim : Style::warning;
}

} // namespace vbmc::ctl
