#pragma once
// Between the API's messages and the fleet's plain data. Reading a message checks its form
// (lengths, ranges, addresses) and names the offending field; what needs the fleet's state is the
// fleet's to check.

#include "fleet/fleet.h"
#include "vbmc/v1/backends.pb.h"
#include "vbmc/v1/events.pb.h"
#include "vbmc/v1/nodes.pb.h"
#include "vbmc/v1/sel.pb.h"
#include "vbmc/v1/sensors.pb.h"
#include "vbmc/v1/sessions.pb.h"

#include <optional>
#include <string>

namespace vbmc::control {

// Out.

/// Without secrets: secret options are only named.
v1::Node to_proto(const fleet::NodeView& view);
v1::User to_proto(const fleet::UserSpec& user); // without the password
v1::Session to_proto(const fleet::SessionView& session);
v1::Sensor to_proto(const fleet::SensorView& sensor);
v1::SelEntry to_proto(const fleet::SelView& entry);
v1::Event to_proto(const fleet::Event& event);
v1::BackendKind to_proto(const backend::DriverKind& kind);
v1::PowerState to_proto(bmc::PowerState state);
v1::Boot to_proto(const bmc::BootRequest& boot);
v1::Privilege privilege_to_proto(const std::string& name);
std::string_view event_kind_name(fleet::Event::Kind kind) noexcept; // "NODE_ADDED"
std::string_view state_name(fleet::NodeState state) noexcept;       // "RUNNING"
std::string_view power_name(bmc::PowerState state) noexcept;        // "ON", "OFF", "UNKNOWN"

// In.

/// [A-Za-z0-9][A-Za-z0-9._-]{0,62}
Result<void> check_name(const std::string& name, const char* field);

/// A whole spec: what is absent has its default. Address and port stay unset when they are absent
/// or automatic; see endpoint_of().
Result<fleet::NodeSpec> to_spec(const v1::Node& node);

struct EndpointWish {
    std::optional<IpAddress> address; // none: the default, or the pool when `address_auto`
    std::optional<u16> port;          // none: automatic
    bool address_auto = false;
};

Result<EndpointWish> endpoint_of(const v1::Node& node);
Result<fleet::UserSpec> to_user(const v1::User& user);
Result<bmc::PowerAction> to_action(v1::PowerAction action);
Result<bmc::BootRequest> to_boot(const v1::Boot& boot);

/// Copies into `wanted` the secret options that `current` has and `wanted` does not mention, and
/// drops those that are given as empty.
void keep_secrets(fleet::NodeSpec& wanted, const fleet::NodeSpec& current);

/// The fleet speaks of its own fields; clients know the API's: "address" ->
/// "node.endpoint.address", "backend.options.url" -> "node.targets.options.url".
Error with_api_field(Error error);

/// What to tell people about a password, or "".
std::string password_warning(const fleet::UserSpec& user);

} // namespace vbmc::control
