#include "fleet/spec_check.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace vbmc::fleet {

namespace {

constexpr std::size_t name_max = 63;
constexpr std::size_t targets_max = 16;
constexpr std::size_t notes_max = 64;
constexpr std::size_t note_key_max = 128;
constexpr std::size_t label_max = 256;
constexpr std::size_t annotation_max = 16 * 1024;
constexpr std::size_t user_name_max = 16; // IPMI 2.0 §22.28
constexpr std::size_t password_max = 20;  // IPMI 2.0 §22.30
constexpr double window_max_s = 3600;
// IPMI 2.0 table 22-20 without suite 0 and without RC4.
constexpr std::array<u8, 11> suites_known = {1, 2, 3, 6, 7, 8, 11, 12, 15, 16, 17};

Error bad(std::string field, std::string message) {
    return Error(ErrorCode::invalid_argument, std::move(message)).with_field(std::move(field));
}

bool is_alphanumeric(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_graphic(char c) noexcept {
    return c > ' ' && c < 0x7f;
}

std::string quoted(const std::string& text) {
    return "'" + text.substr(0, 80) + "'";
}

Result<void> check_map(
    const std::map<std::string, std::string>& notes, const std::string& field, std::size_t value_max
) {
    if (notes.size() > notes_max) {
        return bad(field, "more than " + std::to_string(notes_max) + " entries");
    }
    for (const auto& [key, value] : notes) {
        if (key.empty() || key.size() > note_key_max ||
            !std::all_of(key.begin(), key.end(), is_graphic)) {
            return bad(field, "a key is empty, too long, or has blanks or control characters");
        }
        if (value.size() > value_max) {
            return bad(
                field + "." + key,
                "the value is longer than " + std::to_string(value_max) + " bytes"
            );
        }
    }
    return {};
}

std::string kinds_known() {
    std::string all;
    for (const backend::DriverKind* kind : backend::kinds()) {
        all += (all.empty() ? "" : ", ") + std::string(kind->name);
    }
    return all;
}

Error unknown_kind(const std::string& kind) {
    std::vector<std::string_view> names;
    for (const backend::DriverKind* known : backend::kinds()) {
        names.push_back(known->name);
    }
    const std::string near = backend::nearest(kind, names);
    return Error(
               ErrorCode::invalid_argument, "BACKEND_UNKNOWN", "there is no backend " + quoted(kind)
    )
        .with_field("backend")
        .with_hint(
            near.empty() ? "the backends are: " + kinds_known() : "did you mean '" + near + "'?"
        );
}

Result<void> check_window(double seconds, const char* field) {
    if (!std::isfinite(seconds) || seconds < 0 || seconds > window_max_s) {
        return bad(std::string("policy.") + field, "must be between 0 and 3600 s");
    }
    return {};
}

} // namespace

Result<void> check_name(const std::string& name) {
    const bool fits = !name.empty() && name.size() <= name_max && is_alphanumeric(name.front());
    const bool clean = std::all_of(name.begin(), name.end(), [](char c) {
        return is_alphanumeric(c) || c == '.' || c == '-' || c == '_';
    });
    if (!fits || !clean) {
        return Error(ErrorCode::invalid_argument, "NAME_INVALID", quoted(name) + " is no node name")
            .with_field("name")
            .with_hint("letters, digits, '.', '-' and '_', the first a letter or digit, 63 at most"
            );
    }
    return {};
}

Result<CheckedTargets>
check_targets(const NodeSpec& spec, std::shared_ptr<const backend::CredentialRules> rules) {
    if (spec.targets.empty()) {
        return bad("targets", "a node needs a backend")
            .with_hint("the backends are: " + kinds_known());
    }
    if (spec.targets.size() > targets_max) {
        return bad("targets", "more than " + std::to_string(targets_max) + " targets");
    }
    CheckedTargets checked;
    std::vector<std::string> names;
    for (const Target& target : spec.targets) {
        const bool clean = !target.name.empty() && target.name.size() <= name_max &&
                           std::all_of(target.name.begin(), target.name.end(), [](char c) {
                               return is_alphanumeric(c) || c == '-' || c == '_';
                           });
        if (!clean) {
            return bad("targets", quoted(target.name) + " is no target name");
        }
        if (std::find(names.begin(), names.end(), target.name) != names.end()) {
            return bad("targets", "two targets are named " + quoted(target.name));
        }
        names.push_back(target.name);
        const backend::DriverKind* kind = backend::find_kind(target.kind);
        if (kind == nullptr) {
            return unknown_kind(target.kind);
        }
        auto config = backend::DriverConfig::check(kind->schema, target.options, rules);
        if (config.has_error()) {
            return config.error();
        }
        checked.targets.push_back({kind, std::move(*config), target.name});
    }
    auto routes = resolve_routes(spec.routes, names);
    if (routes.has_error()) {
        return routes.error();
    }
    checked.routes = *routes;
    for (std::size_t i = 0; i < route_count; ++i) {
        const std::string name(to_string(static_cast<Route>(i)));
        if (spec.routes.contains(name)) {
            checked.routed = static_cast<u16>(checked.routed | 1U << i);
        }
    }
    return checked;
}

Result<void> check_routes(const CheckedTargets& checked, const Routes& routes) {
    for (std::size_t i = 0; i < route_count; ++i) {
        const auto route = static_cast<Route>(i);
        if ((checked.routed >> i & 1) == 0 || has(routes.to(route)->capabilities(), route)) {
            continue;
        }
        const CheckedTarget& target = checked.targets[checked.routes[i]];
        std::string able;
        for (std::size_t other = 0; other < checked.targets.size(); ++other) {
            if (has(routes.drivers()[other]->capabilities(), route)) {
                able += (able.empty() ? "" : ", ") + checked.targets[other].name;
            }
        }
        const std::string capability(to_string(route));
        return Error(
                   ErrorCode::invalid_argument,
                   "ROUTE_UNSUPPORTED",
                   "target '" + target.name + "' (" + std::string(target.kind->name) +
                       ") cannot do '" + capability + "'"
        )
            .with_field("routes." + capability)
            .with_hint(
                able.empty() ? "none of this node's targets can: leave the route out"
                             : "who can: " + able
            );
    }
    return {};
}

Result<void> check_target_references(const NodeSpec& spec, const backend::CredentialRules& rules) {
    for (const Target& target : spec.targets) {
        if (const backend::DriverKind* kind = backend::find_kind(target.kind)) {
            auto fit = backend::check_references(kind->schema, target.options, rules);
            if (fit.has_error()) {
                return fit;
            }
        }
    }
    return {};
}

Result<void> check_policy(const NodePolicy& policy) {
    if (policy.cipher_suites.empty()) {
        return bad("policy.cipher_suites", "at least one cipher suite is needed")
            .with_hint("17, 3");
    }
    std::set<u8> seen;
    for (const u8 id : policy.cipher_suites) {
        if (id == 0) {
            return bad("policy.cipher_suites",
                       "cipher suite 0 lets everybody in and does not exist here")
                .with_hint("17, 3");
        }
        if (std::find(suites_known.begin(), suites_known.end(), id) == suites_known.end()) {
            return bad("policy.cipher_suites", "there is no cipher suite " + std::to_string(id))
                .with_hint("1, 2, 3, 6, 7, 8, 11, 12, 15, 16 and 17 exist; 17 and 3 are the default"
                );
        }
        if (!seen.insert(id).second) {
            return bad(
                "policy.cipher_suites", "cipher suite " + std::to_string(id) + " is there twice"
            );
        }
    }
    if (!parse_privilege(policy.privilege_max)) {
        return bad("policy.privilege_max", quoted(policy.privilege_max) + " is no privilege level")
            .with_hint("callback, user, operator or administrator");
    }
    for (const auto& [value, field] :
         {std::pair(policy.confirm_window_s, "confirm_window"),
          std::pair(policy.fresh_for_s, "fresh_for"),
          std::pair(policy.stale_after_s, "stale_after")}) {
        if (auto fits = check_window(value, field); fits.has_error()) {
            return fits;
        }
    }
    return {};
}

Result<void> check_notes(const NodeSpec& spec) {
    if (auto labels = check_map(spec.labels, "labels", label_max); labels.has_error()) {
        return labels;
    }
    return check_map(spec.annotations, "annotations", annotation_max);
}

Result<void> check_endpoint(const NodeSpec& spec) {
    const u8 first = spec.address.v4_bytes()[0];
    const bool multicast = spec.address.is_v4() ? first >= 224 : spec.address.bytes[0] == 0xff;
    if (multicast) {
        return bad("address", spec.address.to_string() + " is a multicast or reserved address");
    }
    const bool link_local = spec.address.bytes[0] == 0xfe && (spec.address.bytes[1] & 0xc0) == 0x80;
    if (link_local && spec.address.scope == 0) {
        return bad("address", "a link-local address needs its interface")
            .with_hint("append its index: fe80::1%2 (see: ip link)");
    }
    if (spec.port == 0) {
        return bad("port", "a port from 1 to 65535 is needed");
    }
    return {};
}

Result<void> check_spec(const NodeSpec& spec) {
    for (const auto& part :
         {check_name(spec.name),
          check_policy(spec.policy),
          check_notes(spec),
          check_endpoint(spec)}) {
        if (part.has_error()) {
            return part;
        }
    }
    return {};
}

Result<void> check_user(const UserSpec& user, bool needs_password) {
    if (user.name.empty() || user.name.size() > user_name_max) {
        return bad("user.name", "a user name has 1 to 16 bytes");
    }
    if (!std::all_of(user.name.begin(), user.name.end(), [](char c) {
            return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
        })) {
        return bad("user.name", "a user name has no control characters");
    }
    if (user.id != 0 && (user.id < bmc::first_user || user.id > bmc::user_slots)) {
        return bad("user.id", "a user id is 2 to 16, or 0 for the next free one");
    }
    if (user.password.size() > password_max) {
        return bad("user.password", "IPMI passwords have 20 bytes at most");
    }
    if (needs_password && user.password.empty()) {
        return bad("user.password", "user " + quoted(user.name) + " needs a password");
    }
    if (user.password.reveal().find('\0') != std::string_view::npos) {
        return bad("user.password", "a password has no zero bytes");
    }
    if (!parse_privilege(user.privilege)) {
        return bad("user.privilege", quoted(user.privilege) + " is no privilege level")
            .with_hint("callback, user, operator or administrator");
    }
    return {};
}

std::optional<bmc::Privilege> parse_privilege(std::string_view text) {
    for (const auto level :
         {bmc::Privilege::callback,
          bmc::Privilege::user,
          bmc::Privilege::operator_,
          bmc::Privilege::administrator}) {
        if (text == privilege_name(level)) {
            return level;
        }
    }
    return std::nullopt;
}

std::string_view privilege_name(bmc::Privilege privilege) noexcept {
    switch (privilege) {
    case bmc::Privilege::none:
        return "none";
    case bmc::Privilege::callback:
        return "callback";
    case bmc::Privilege::user:
        return "user";
    case bmc::Privilege::operator_:
        return "operator";
    case bmc::Privilege::administrator:
        return "administrator";
    case bmc::Privilege::oem:
        return "oem";
    }
    return "none";
}

bmc::User to_model(const UserSpec& user, const bmc::User& base) {
    bmc::User out = base;
    out.id = user.id;
    out.name.assign(user.name);
    if (!user.password.empty()) {
        out.password = bmc::Key20(user.password.reveal_bytes());
        out.password_is_20 = user.password.size() > 16;
    }
    out.enabled = user.enabled;
    out.messaging = true;
    out.limit = parse_privilege(user.privilege).value_or(bmc::Privilege::user);
    return out;
}

UserSpec from_model(const bmc::User& user, bool with_password) {
    UserSpec out;
    out.id = user.id;
    const Bytes name = user.name.bytes();
    out.name.assign(name.begin(), name.end());
    out.privilege = privilege_name(user.limit);
    out.enabled = user.enabled;
    if (with_password) {
        Bytes password = user.password.reveal();
        while (!password.empty() && password.back() == 0) { // the padding of IPMI 2.0 §22.30
            password = password.first(password.size() - 1);
        }
        out.password = Secret(password);
    }
    return out;
}

endpoint::Access to_access(const NodePolicy& policy) {
    endpoint::Access access;
    access.cipher_suites = policy.cipher_suites;
    access.privilege_max =
        parse_privilege(policy.privilege_max).value_or(bmc::Privilege::administrator);
    access.ipmi15 = policy.ipmi15;
    access.hide_users = policy.hide_users;
    if (!policy.allow.empty()) {
        access.allow = std::make_shared<const std::vector<IpNetwork>>(policy.allow);
    }
    return access;
}

} // namespace vbmc::fleet
