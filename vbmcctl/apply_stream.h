#pragma once
// A manifest through ApplyNodes: a header, all items, and a result for each as it is done.

#include "vbmcctl/cli.h"
#include "vbmcctl/manifest.h"

#include <functional>
#include <optional>
#include <vector>

namespace vbmc::ctl {

struct ApplyOptions {
    bool validate_only = false;
    bool prune = false;
    std::string prune_filter;
};

struct ApplyItemResult {
    const ManifestNode* wanted = nullptr; // nullptr: pruned
    api::ApplyResult result;
};

struct ApplyOutcome {
    std::vector<ApplyItemResult> items; // in the manifest's order, then what was pruned
    api::ApplySummary summary;
    double seconds = 0;
};

/// Items go out on a thread of their own while results come in on this one.
Result<ApplyOutcome>
apply_nodes(Cli& cli, const std::vector<ManifestNode>& nodes, const ApplyOptions& options);

} // namespace vbmc::ctl
