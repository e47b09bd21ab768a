#pragma once
// The policy of a node as options (`add`) and as KEY=VALUE (`set`).

#include "base/result.h"
#include "vbmc/v1/nodes.pb.h"

#include <CLI/App.hpp>

#include <string>
#include <vector>

namespace vbmc::ctl {

namespace api = vbmc::v1;

struct PolicyArgs {
    std::string cipher_suites;
    std::vector<std::string> allow;
    std::string privilege_max;
    bool ipmi15 = false;
    bool hide_users = false;
};

void add_policy_options(CLI::App& command, PolicyArgs& args);

Result<void> apply_policy_options(const PolicyArgs& args, api::Policy& policy);

/// Sets one field by its name in the API ("cipher_suites", "ipmi15", ...); `-` and `_` are the
/// same. Returns that name.
Result<std::string>
set_policy_field(api::Policy& policy, const std::string& name, const std::string& value);

} // namespace vbmc::ctl
