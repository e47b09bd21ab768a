#pragma once
// Recorded conversations (tests/golden), for the tests that replay or mutate them.

#include "base/bytes.h"

#include <string>
#include <vector>

namespace vbmc::test {

struct GoldenPacket {
    bool from_client = true;
    std::vector<u8> bytes;
};

struct Golden {
    std::string name; // of the file
    std::string user;
    std::string password;
    std::string bmc_key; // empty: none
    u8 suite = 0;        // 0: IPMI 1.5
    std::vector<GoldenPacket> packets;
};

/// Every file of tests/golden, in the order of their names; throws on a file that cannot be read.
std::vector<Golden> load_golden();

} // namespace vbmc::test
