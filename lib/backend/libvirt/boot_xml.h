#pragma once
// The boot order in a domain's definition: text in, text out. What it was before vbmcd changed it
// is written down in the domain's metadata, so that a later vbmcd can put it back.

#include "base/result.h"
#include "bmc/power_types.h"

#include <string>
#include <string_view>

namespace vbmc::backend::libvirt {

/// The definition with `boot` as its first choice, the rest of the order behind it; device `none`
/// puts the original order back. The same text when there is nothing to change.
Result<std::string> with_boot(std::string_view xml, const bmc::BootRequest& boot);

/// True when vbmcd had a hand in either of them and they boot from something else.
bool boots_otherwise(std::string_view running, std::string_view persistent);

/// True when the domain's firmware is UEFI.
bool is_uefi(std::string_view xml);

} // namespace vbmc::backend::libvirt
