#pragma once
// The reason of an Error that stands for an exception: a bug, or what no adapter foresaw.

#include <string_view>

namespace vbmc::net {

inline constexpr std::string_view exception_reason = "EXCEPTION";

} // namespace vbmc::net
