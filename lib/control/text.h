#pragma once
// Text for protobuf string fields, which have to be UTF-8. User names, SEL texts and messages of
// backends come from the network and may be anything.

#include <string>
#include <string_view>

namespace vbmc::control {

/// What is not UTF-8 becomes \xNN; the rest stays as it is.
std::string to_utf8(std::string_view text);

} // namespace vbmc::control
