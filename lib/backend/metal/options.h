#pragma once
// The options of a metal node and of discovery, and what they come to: which account, which token.
// METAL_AUTH_TOKEN and METAL_INSTANCE_UUID of the daemon's environment stand in for `token` and
// `uuid` where those are absent.

#include "backend/metal/account.h"

namespace vbmc::backend::metal {

const ConfigSchema& node_schema();
const ConfigSchema& discover_schema();

/// The row that `provider` names.
const Provider& provider_of(const DriverConfig& config);

/// The token as it is now; an error that says how to give one when there is none.
Result<Secret> token_of(const DriverConfig& config);

/// The machine's id; empty when none is given anywhere.
std::string machine_of(const DriverConfig& config);

/// What can be told wrong without asking the cloud.
Result<void> check_options(const DriverConfig& config);

Result<std::shared_ptr<Account>>
account_of(const DriverContext& context, const DriverConfig& config);

} // namespace vbmc::backend::metal
