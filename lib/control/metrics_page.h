#pragma once
// What the metrics say: the fleet's numbers as Prometheus's text. /metrics has aggregates whose
// number of series does not grow with the fleet; /metrics/nodes has some series a node.

#include "base/result.h"
#include "fleet/fleet.h"

#include <string>

namespace vbmc::control {

/// What the process knows of itself, read from the kernel.
struct ProcessNumbers {
    double cpu_s = 0;
    u64 resident_bytes = 0;
    u64 virtual_bytes = 0;
    u64 open_files = 0;
    u64 open_files_max = 0;
    double started_s = 0; // since the epoch
};

ProcessNumbers read_process();

std::string fleet_page(
    const fleet::FleetNumbers& numbers, const ProcessNumbers& process, std::string_view version
);

/// `filter` as in ListNodes; empty: every node.
Result<std::string>
nodes_page(const std::vector<fleet::NodeView>& nodes, const std::string& filter);

} // namespace vbmc::control
