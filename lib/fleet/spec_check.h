#pragma once
// Whether a node's specification and its users can be right at all. Pure: what depends on the fleet
// (names taken, addresses in use) is checked where the fleet is.

#include "backend/driver.h"
#include "bmc/privilege.h"
#include "bmc/users.h"
#include "endpoint/access.h"
#include "fleet/node_spec.h"
#include "fleet/routes.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace vbmc::fleet {

/// A target whose kind exists and whose options fit its schema.
struct CheckedTarget {
    const backend::DriverKind* kind;
    backend::DriverConfig config;
    std::string name;
};

struct CheckedTargets {
    std::vector<CheckedTarget> targets;
    std::array<u8, route_count> routes{};
    u16 routed = 0; // bit by bit in the order of Route: those that somebody wrote down
};

/// Whether each route that was written down leads to a target that can do it. Asked when routes are
/// set; a backend that learns later that it cannot refuses then.
Result<void> check_routes(const CheckedTargets& checked, const Routes& routes);

Result<void> check_name(const std::string& name);

/// `rules`: what its secrets may refer to when they are used.
Result<CheckedTargets> check_targets(
    const NodeSpec& spec, std::shared_ptr<const backend::CredentialRules> rules = nullptr
);

/// Whether the secrets of its targets may refer to what they refer to: asked when they are set.
Result<void> check_target_references(const NodeSpec& spec, const backend::CredentialRules& rules);

Result<void> check_policy(const NodePolicy& policy);

/// Labels and annotations.
Result<void> check_notes(const NodeSpec& spec);

/// Address and port as far as they can be judged alone.
Result<void> check_endpoint(const NodeSpec& spec);

/// Everything above but the targets' options.
Result<void> check_spec(const NodeSpec& spec);

/// Name, privilege and password of a user. `needs_password`: a new one.
Result<void> check_user(const UserSpec& user, bool needs_password);

/// "callback", "user", "operator", "administrator"; nullopt for others.
std::optional<bmc::Privilege> parse_privilege(std::string_view text);
std::string_view privilege_name(bmc::Privilege privilege) noexcept;

/// The model's user. `base` gives what a UserSpec does not speak of, and the password when it is
/// empty.
bmc::User to_model(const UserSpec& user, const bmc::User& base);

/// The other way; the password only when asked for.
UserSpec from_model(const bmc::User& user, bool with_password);

endpoint::Access to_access(const NodePolicy& policy);

} // namespace vbmc::fleet
