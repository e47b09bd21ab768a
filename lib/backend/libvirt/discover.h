#pragma once
// Which domains a libvirt host has, and what is known of each for a selector.

#include "backend/driver.h"

#include <string_view>

namespace vbmc::backend::libvirt {

const ConfigSchema& discover_schema();

Awaitable<Result<std::vector<Found>>>
discover(const DriverContext& context, DriverConfig config, Mono deadline);

/// Title, description, type, architecture and whatever <metadata> says, by path ("nova.instance.
/// flavor"); what stands in an element named tags becomes one label "tag.NAME" each.
std::map<std::string, std::string> labels_of(std::string_view xml);

} // namespace vbmc::backend::libvirt
