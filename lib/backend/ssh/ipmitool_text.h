#pragma once
// What `ipmitool -I open` takes and prints, as far as the driver uses it. Pure; takes any text.

#include "backend/driver.h"

#include <optional>
#include <string>
#include <string_view>

namespace vbmc::backend::ssh {

/// "raw 0x06 0x01 ...", with "-l LUN" in front where it is not 0.
std::string raw_arguments(const RawRequest& request);

/// The answer to a raw command: bytes on standard output, or a completion code in the complaint.
/// nullopt: ipmitool itself failed.
std::optional<RawResponse> parse_raw(int status, std::string_view out, std::string_view error);

/// "Chassis Power is on".
bmc::PowerState parse_chassis_power(std::string_view out);

/// `fru print 0`.
bmc::IdentitySeen parse_fru(std::string_view out);

/// `chassis bootdev WORD`; nullopt: ipmitool has no word for it.
std::optional<std::string> bootdev_word(bmc::BootDevice device);

} // namespace vbmc::backend::ssh
