#pragma once
// Bare-metal and other clouds as a backend: Equinix Metal's API, its compatible installations, and
// the clouds of providers.cpp.

#include "backend/driver.h"

namespace vbmc::backend::metal {

extern const DriverKind kind;

/// The machines of a project or account, for `vbmcctl discover`.
Awaitable<Result<std::vector<Found>>>
discover(const DriverContext& context, DriverConfig config, Mono deadline);

} // namespace vbmc::backend::metal
