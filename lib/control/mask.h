#pragma once
// Partial updates: which paths of the API's Node a request wants to change, applied to what is
// there. Pure.

#include "fleet/fleet.h"
#include "vbmc/v1/nodes.pb.h"

#include <string>
#include <vector>

namespace vbmc::control {

/// A spec as it shall be, and which of the fleet's fields differ in purpose: labels, annotations,
/// address, port, targets, routes, policy, enabled.
struct Change {
    fleet::NodeSpec wanted;
    std::vector<std::string> fields;
};

/// An empty mask means what is populated; "*" means everything that can change.
Result<Change> masked_change(const v1::UpdateNodeRequest& request, const fleet::NodeSpec& current);

/// Everything that `node` says, as ApplyNodes understands it: an absent address, port, enabled or
/// secret option stays as it is, other absent things get their default.
Result<Change> declared_change(const v1::Node& node, const fleet::NodeSpec& current);

/// The fleet's fields in which the two differ.
std::vector<std::string> differences(const fleet::NodeSpec& a, const fleet::NodeSpec& b);

/// The API's path of one of the fleet's fields: "address" -> "endpoint.address".
std::string api_path(const std::string& fleet_field);

} // namespace vbmc::control
