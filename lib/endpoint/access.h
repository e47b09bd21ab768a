#pragma once
// What a node accepts from the network, as its owner decided; IPMI commands cannot widen it.

#include "base/peer.h"
#include "bmc/privilege.h"

#include <memory>
#include <vector>

namespace vbmc::endpoint {

struct Access {
    std::vector<u8> cipher_suites = {17, 3}; // preferred first; what does not exist is left out
    bmc::Privilege privilege_max = bmc::Privilege::administrator;
    bool ipmi15 = false;
    bool hide_users = false;
    u8 sessions_max = 16;
    std::shared_ptr<const std::vector<IpNetwork>> allow; // null or empty: everyone who can reach it
};

} // namespace vbmc::endpoint
