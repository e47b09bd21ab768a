#include "control/roles.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <grp.h>
#include <pwd.h>

namespace vbmc::control {

namespace {

constexpr std::array all_roles = {Role::viewer, Role::operate, Role::admin, Role::secrets_reader};

std::optional<u32> parse_number(std::string_view text) {
    u32 value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<u32> uid_of_user(const std::string& name) {
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer(16384);
    getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    return found == nullptr ? std::nullopt : std::optional<u32>(found->pw_uid);
}

std::optional<u32> gid_of_group(const std::string& name) {
    group entry{};
    group* found = nullptr;
    std::vector<char> buffer(65536); // a group lists its members
    getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    return found == nullptr ? std::nullopt : std::optional<u32>(found->gr_gid);
}

Error bad_rule(const RoleRule& rule, const std::string& why) {
    return Error(
               ErrorCode::invalid_argument,
               "BAD_ROLE_SUBJECT",
               "role " + std::string(to_string(rule.role)) + ": \"" + rule.subject + "\" " + why
    )
        .with_field("roles." + std::string(to_string(rule.role)));
}

} // namespace

std::string_view to_string(Role role) noexcept {
    switch (role) {
    case Role::viewer:
        return "viewer";
    case Role::operate:
        return "operator";
    case Role::admin:
        return "admin";
    case Role::secrets_reader:
        return "secrets";
    }
    return "none";
}

std::optional<Role> parse_role(std::string_view text) noexcept {
    if (text == "secrets-reader") { // what it was called first
        return Role::secrets_reader;
    }
    const auto found =
        std::ranges::find_if(all_roles, [text](Role role) { return to_string(role) == text; });
    return found == all_roles.end() ? std::nullopt : std::optional<Role>(*found);
}

void RoleSet::add(Role role) noexcept {
    bits_ = static_cast<u8>(bits_ | static_cast<u8>(role));
    if (role == Role::admin) {
        add(Role::operate);
        add(Role::secrets_reader);
    } else if (role == Role::operate) {
        add(Role::viewer);
    }
}

std::vector<std::string> RoleSet::names() const {
    std::vector<std::string> out;
    for (const Role role : all_roles) {
        if (has(role)) {
            out.emplace_back(to_string(role));
        }
    }
    return out;
}

Result<RoleMap::Entry> RoleMap::resolve_one(const RoleRule& rule) {
    const auto colon = rule.subject.find(':');
    if (colon == std::string::npos || colon + 1 == rule.subject.size()) {
        return bad_rule(rule, "is not user:, uid:, group:, gid:, cn:, dns: or uri: and a name");
    }
    const std::string kind = rule.subject.substr(0, colon);
    Entry entry{Entry::Kind::uid, 0, rule.subject.substr(colon + 1), rule.role};

    if (kind == "cn" || kind == "dns" || kind == "uri") {
        entry.kind = kind == "cn"    ? Entry::Kind::cn
                     : kind == "dns" ? Entry::Kind::dns
                                     : Entry::Kind::uri;
        return entry;
    }
    std::optional<u32> number;
    if (kind == "uid" || kind == "user") {
        number = parse_number(entry.name);
        number = number ? number : uid_of_user(entry.name);
    } else if (kind == "gid" || kind == "group") {
        entry.kind = Entry::Kind::gid;
        number = parse_number(entry.name);
        number = number ? number : gid_of_group(entry.name);
    } else {
        return bad_rule(rule, "has an unknown kind, \"" + kind + "\"");
    }
    if (!number) {
        return bad_rule(rule, "does not exist on this machine");
    }
    entry.number = *number;
    return entry;
}

Result<RoleMap> RoleMap::resolve(const std::vector<RoleRule>& rules, u32 own_uid) {
    RoleMap map;
    map.own_uid_ = own_uid;
    for (const RoleRule& rule : rules) {
        auto entry = resolve_one(rule);
        if (!entry) {
            return entry.error();
        }
        map.entries_.push_back(*std::move(entry));
    }
    return map;
}

RoleSet RoleMap::roles_of(const UnixPeer& peer) const {
    RoleSet roles;
    if (peer.uid == 0 || peer.uid == own_uid_) {
        roles.add(Role::admin);
    }
    for (const Entry& entry : entries_) {
        const bool by_user = entry.kind == Entry::Kind::uid && entry.number == peer.uid;
        const bool by_group =
            entry.kind == Entry::Kind::gid &&
            (entry.number == peer.gid || std::ranges::count(peer.groups, entry.number) != 0);
        if (by_user || by_group) {
            roles.add(entry.role);
        }
    }
    return roles;
}

RoleSet RoleMap::roles_of(const CertificatePeer& peer) const {
    RoleSet roles;
    for (const Entry& entry : entries_) {
        const bool match =
            (entry.kind == Entry::Kind::cn && entry.name == peer.common_name) ||
            (entry.kind == Entry::Kind::dns && std::ranges::count(peer.dns, entry.name) != 0) ||
            (entry.kind == Entry::Kind::uri && std::ranges::count(peer.uris, entry.name) != 0);
        if (match) {
            roles.add(entry.role);
        }
    }
    return roles;
}

Caller RoleMap::identify(const PeerIdentity& peer) const {
    if (const auto* unix_peer = std::get_if<UnixPeer>(&peer)) {
        return Caller{"uid:" + std::to_string(unix_peer->uid), roles_of(*unix_peer)};
    }
    if (const auto* certificate = std::get_if<CertificatePeer>(&peer)) {
        const std::string name = !certificate->common_name.empty()
                                     ? "cn:" + certificate->common_name
                                 : !certificate->uris.empty() ? "uri:" + certificate->uris[0]
                                 : !certificate->dns.empty()  ? "dns:" + certificate->dns[0]
                                                              : "certificate";
        return Caller{name + "@" + certificate->address, roles_of(*certificate)};
    }
    return Caller{};
}

std::optional<Error> require(const Caller& caller, Role role) {
    if (caller.roles.has(role)) {
        return std::nullopt;
    }
    if (caller.identity.empty()) {
        return Error(
            ErrorCode::unauthenticated, "CALLER_UNKNOWN", "nothing is known about the caller"
        );
    }
    const std::string name(to_string(role));
    return Error(
               ErrorCode::permission_denied,
               "ROLE_REQUIRED",
               caller.identity + " does not have the role " + name
    )
        .with_hint("an administrator gives roles in vbmcd.yaml, roles." + name);
}

} // namespace vbmc::control
