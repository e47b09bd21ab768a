#pragma once
// Host ranges as clush and freeipmi write them: `node[001-100]`, `rack[1-2]-n[01-40,45]`, lists
// with commas. A bracket that is not a range of numbers stays what it is (a glob's character
// class).

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace vbmc::ctl {

/// More names than a fleet can have come from a typing error: refuse instead of filling the memory.
inline constexpr std::size_t range_max = 200'000;

/// True when the text holds a bracket with a range of numbers.
bool has_range(std::string_view text);

/// All texts that it stands for, in order; the text itself when it has no range. A number keeps the
/// zeros that the range begins with: [08-10] is 08 09 10, [8-10] is 8 9 10.
Result<std::vector<std::string>> expand_range(std::string_view text);

/// Splits at commas outside brackets, then expands each.
Result<std::vector<std::string>> expand_list(std::string_view text);

} // namespace vbmc::ctl
