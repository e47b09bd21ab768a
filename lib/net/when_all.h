#pragma once
// Several coroutines at once; resumes when the last has ended. The first exception is thrown then.

#include "net/awaitable.h"

#include <vector>

namespace vbmc::net {

Awaitable<void> when_all(std::vector<Awaitable<void>> work);

} // namespace vbmc::net
