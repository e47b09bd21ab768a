#include "vbmcctl/fan_out.h"

namespace vbmc::ctl {

void show_node_column(Listing& listing, std::size_t nodes) {
    listing.columns.insert(listing.columns.begin(), column("node", "NODE", "node", nodes == 1));
}

} // namespace vbmc::ctl
