#pragma once
// The commands that act on the session table, and the whole controller's table of commands.

#include "ipmi/command.h"

namespace vbmc::endpoint {

class VirtualBmc;

/// Session and payload commands; the model's are in ipmi::table().
std::span<const ipmi::Entry<VirtualBmc>> session_table();

/// Every command this controller knows, sorted: for Get Command Support and its kin.
std::span<const ipmi::CommandFacts> known_commands();

} // namespace vbmc::endpoint
