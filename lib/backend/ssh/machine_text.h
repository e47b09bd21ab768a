#pragma once
// What a Linux machine tells of itself as text: its DMI identity, its boot id, its power in a word.
// Pure; takes any text.

#include "bmc/observation.h"

#include <optional>
#include <string>
#include <string_view>

namespace vbmc::backend::ssh {

/// Lines of `grep -H '' /sys/class/dmi/id/...`: "PATH/sys_vendor:Acme".
bmc::IdentitySeen parse_dmi(std::string_view text);

/// The UUID in /proc/sys/kernel/random/boot_id, when the text is one and nothing else.
std::optional<std::string> parse_boot_id(std::string_view text);

/// "on", "running", "domain is shut off", "Chassis Power is on": what a command-status says.
bmc::PowerState parse_power_word(std::string_view text);

/// Printable ASCII, without what vendors write when they have nothing to say.
std::string tidy_name(std::string_view text);

} // namespace vbmc::backend::ssh
