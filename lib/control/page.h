#pragma once
// Page tokens: opaque to clients. One holds the last name of its page and a digest of the filter,
// so that a token of one list cannot go on in another.

#include "base/result.h"

#include <string>
#include <string_view>

namespace vbmc::control {

inline constexpr int page_size_default = 1000;
inline constexpr int page_size_max = 5000;

/// 0 is the default, too large is clamped, negative is an error.
Result<int> page_size(int asked);

std::string make_page_token(std::string_view last_name, std::string_view filter);

/// The name after which the page begins; "" for an empty token.
Result<std::string> read_page_token(std::string_view token, std::string_view filter);

} // namespace vbmc::control
