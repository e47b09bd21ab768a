#pragma once
// Every command of the emulated controller, sorted. Two with the same id do not compile. Commands
// that act on sessions are in the endpoint's own table.

#include "bmc/bmc.h"
#include "ipmi/command.h"

#include <span>

namespace vbmc::ipmi {

std::span<const Entry<bmc::Bmc>> table() noexcept;

} // namespace vbmc::ipmi
