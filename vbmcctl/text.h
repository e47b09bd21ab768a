#pragma once
// Text as a terminal shows it: UTF-8, columns, and nothing that could drive the terminal. What
// vbmcd reports has come from networks and backends.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace vbmc::ctl {

/// Makes wcwidth(3) know more than ASCII. Once, from main, before any output.
void use_utf8_locale();

/// `text` with control characters and bytes that are not UTF-8 shown as \xNN.
std::string printable(std::string_view text);

/// Columns that printable text takes on a terminal.
std::size_t display_width(std::string_view text);

std::string to_lower(std::string_view text);

std::vector<std::string> split(std::string_view text, char separator);

std::string join(const std::vector<std::string>& parts, std::string_view separator);

std::string_view trim(std::string_view text);

/// Two digits a byte.
std::string hex_text(const std::string& bytes);

/// "1 node", "20 nodes".
std::string counted(std::size_t n, std::string_view noun);

/// The candidate that was probably meant by `given`; empty when none is near.
std::string closest(std::string_view given, const std::vector<std::string>& candidates);

/// " (did you mean 'x'?)" or nothing.
std::string did_you_mean(std::string_view given, const std::vector<std::string>& candidates);

} // namespace vbmc::ctl
