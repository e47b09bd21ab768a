#include "vbmcctl/fan_out.h"

#include <algorithm>

namespace vbmc::ctl {

const Error* nobody_answered(const std::vector<ItemResult>& items) {
    const bool none = std::all_of(items.begin(), items.end(), [](const ItemResult& item) {
        return item.error &&
               (item.error->reason == daemon_unreachable || item.error->reason == socket_forbidden);
    });
    return none && !items.empty() ? &*items.front().error : nullptr;
}

void show_node_column(Listing& listing, std::size_t nodes) {
    listing.columns.insert(listing.columns.begin(), column("node", "NODE", "node", nodes == 1));
}

} // namespace vbmc::ctl
