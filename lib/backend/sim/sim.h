#pragma once
// The simulated machine as a backend: what the quick start, the tests and the benchmarks run on.

#include "backend/driver.h"

namespace vbmc::backend::sim {

extern const DriverKind kind;

} // namespace vbmc::backend::sim
