#pragma once
// NodeSpec <-> what the store keeps of it: JSON for everything that is not secret, the secret
// options of targets apart, for the store to encrypt.

#include "fleet/node_spec.h"
#include "store/records.h"

namespace vbmc::fleet {

store::NodeRecord to_record(const NodeSpec& spec, Wall now);

/// Fails on bytes that no version of vbmcd wrote.
Result<NodeSpec> from_record(const store::NodeRecord& record);

/// An event's fields as JSON text.
std::string to_json(const std::map<std::string, std::string>& fields);

} // namespace vbmc::fleet
