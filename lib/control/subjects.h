#pragma once
// What filters are asked about: nodes and events, with the fields that the API promises.

#include "control/filter.h"
#include "fleet/fleet.h"

namespace vbmc::control {

/// Of ListNodes, BatchNodes and prune. The error's field is `field`.
Result<Filter> parse_node_filter(std::string_view text, const char* field = "filter");

bool matches(const Filter& filter, const fleet::NodeView& node);

/// Of WatchEvents and ListEvents.
Result<Filter> parse_event_filter(std::string_view text);

bool matches(const Filter& filter, const fleet::Event& event);

} // namespace vbmc::control
