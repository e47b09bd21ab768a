#pragma once
// The scripts of packaging/completions, put into the program when it is built.

#include <string_view>

namespace vbmc::ctl {

extern const std::string_view bash_completion;
extern const std::string_view zsh_completion;
extern const std::string_view fish_completion;

} // namespace vbmc::ctl
