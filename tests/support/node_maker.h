#pragma once
// Nodes for tests that need a whole VirtualBmc: what a supervisor would tell it, in one call each.

#include "endpoint/virtual_bmc.h"

#include <string_view>

namespace vbmc::test {

/// Every capability, a console, two sensors of a backend; `number` makes name and GUID differ.
bmc::Config node_config(u8 number = 1);

bmc::User make_user(u8 id, std::string_view name, std::string_view password, bmc::Privilege limit);

/// Puts the user into the model as the supervisor does, and says so to the endpoint.
void put_user(endpoint::VirtualBmc& node, const bmc::User& user);

Bytes as_bytes(std::string_view text) noexcept;

} // namespace vbmc::test
