#include "fleet/node_spec.h"

namespace vbmc::fleet {

std::string_view to_string(NodeState state) noexcept {
    switch (state) {
    case NodeState::stopped:
        return "STOPPED";
    case NodeState::starting:
        return "STARTING";
    case NodeState::running:
        return "RUNNING";
    case NodeState::stopping:
        return "STOPPING";
    case NodeState::failed:
        return "FAILED";
    case NodeState::quarantined:
        return "QUARANTINED";
    }
    return "STOPPED";
}

} // namespace vbmc::fleet
