#pragma once
// Simulated machines to be found: an inventory says which there are. Coroutine of a shard.

#include "backend/driver.h"

namespace vbmc::backend::sim {

const ConfigSchema& discover_schema();

Awaitable<Result<std::vector<Found>>>
discover(const DriverContext& context, DriverConfig config, Mono deadline);

/// An inventory's text: [{"id": "1", "name": "web-1", "labels": {"role": "web"}, "power": "on"}].
Result<std::vector<Found>> read_inventory(std::string_view text);

} // namespace vbmc::backend::sim
