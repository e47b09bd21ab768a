#pragma once
// Privilege levels (IPMI 2.0 §6.8), ordered: a higher level may do all that a lower one may.

#include "base/bytes.h"

namespace vbmc::bmc {

enum class Privilege : u8 {
    none = 0, // commands that need no session; also "no access" of a disabled level
    callback = 1,
    user = 2,
    operator_ = 3,
    administrator = 4,
    oem = 5,
};

} // namespace vbmc::bmc
