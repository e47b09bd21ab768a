#pragma once
// Words for a POSIX shell on the other side: sshd hands a command to the user's login shell, so
// what is not a constant of ours is quoted here first. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace vbmc::backend::ssh {

/// One word that every POSIX shell reads back as exactly this text. Text with a NUL or a line end
/// cannot be a word of a command: it gives the empty word ''.
std::string shell_quote(std::string_view word);

/// The words, quoted where they have to be, with spaces in between.
std::string shell_command(const std::vector<std::string>& words);

/// What a machine wrote, fit for an error text: one line, printable, bounded.
std::string first_line(std::string_view text);

} // namespace vbmc::backend::ssh
