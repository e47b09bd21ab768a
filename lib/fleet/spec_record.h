#pragma once
// NodeSpec <-> what the store keeps of it: JSON for everything that is not secret, the secret
// options of targets apart, for the store to encrypt.

#include "fleet/event.h"
#include "fleet/node_spec.h"
#include "store/records.h"

namespace vbmc::fleet {

store::NodeRecord to_record(const NodeSpec& spec, Wall now);

/// Fails on bytes that no version of vbmcd wrote.
Result<NodeSpec> from_record(const store::NodeRecord& record);

/// An event as the store keeps it, under the sequence that watchers saw.
store::EventRecord to_record(const Event& event, u64 sequence);

/// What cannot be read is left empty: an event of a newer vbmcd is still an event.
Event from_record(const store::EventRecord& record);

} // namespace vbmc::fleet
