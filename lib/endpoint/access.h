#pragma once
// What a node accepts from the network, as its owner decided; IPMI commands cannot widen it.

#include "base/inline_bytes.h"
#include "base/peer.h"
#include "bmc/lan.h"
#include "bmc/privilege.h"

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <vector>

namespace vbmc::endpoint {

/// Cipher suites, preferred first. There are fewer than fit; more are not taken.
class SuiteList {
  public:
    SuiteList(std::initializer_list<u8> ids) noexcept : SuiteList(Bytes(ids.begin(), ids.size())) {}

    SuiteList(const std::vector<u8>& ids) noexcept : SuiteList(Bytes(ids)) {}

    Bytes bytes() const noexcept { return ids_.bytes(); }

  private:
    explicit SuiteList(Bytes ids) noexcept {
        ids_.assign(ids.first(std::min(ids.size(), ids_.capacity)));
    }

    InlineBytes<bmc::CipherPolicy::capacity> ids_;
};

struct Access {
    SuiteList cipher_suites = {17, 3}; // what does not exist is left out
    bmc::Privilege privilege_max = bmc::Privilege::administrator;
    bool ipmi15 = false;
    bool hide_users = false;
    u8 sessions_max = 16;
    std::shared_ptr<const std::vector<IpNetwork>> allow; // null or empty: everyone who can reach it
};

} // namespace vbmc::endpoint
