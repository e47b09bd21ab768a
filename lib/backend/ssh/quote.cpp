#include "backend/ssh/quote.h"

#include <algorithm>

namespace vbmc::backend::ssh {

namespace {

constexpr std::size_t line_bytes_max = 200;

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./:=,+@%").find(c) != std::string_view::npos;
}

} // namespace

std::string shell_quote(std::string_view word) {
    const bool unfit = word.find_first_of(std::string_view("\0\n\r", 3)) != std::string_view::npos;
    if (word.empty() || unfit) {
        return "''";
    }
    // A leading '=' is an expansion in zsh, and NAME=value an assignment in front of a command.
    if (word[0] != '=' && std::all_of(word.begin(), word.end(), is_plain)) {
        return std::string(word);
    }
    std::string out = "'";
    for (const char c : word) {
        if (c == '\'') {
            out += "'\\''";
        } else {
            out += c;
        }
    }
    return out + "'";
}

std::string shell_command(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) {
        out += (out.empty() ? "" : " ") + shell_quote(word);
    }
    return out;
}

std::string first_line(std::string_view text) {
    const auto start = text.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) {
        return {};
    }
    text = text.substr(start);
    text = text.substr(0, std::min(text.find_first_of("\r\n"), line_bytes_max));
    std::string out;
    for (const char c : text) {
        out += c >= 0x20 && c < 0x7f ? c : '?';
    }
    return out;
}

} // namespace vbmc::backend::ssh
