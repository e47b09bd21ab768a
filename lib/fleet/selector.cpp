#include "fleet/selector.h"

#include <algorithm>

namespace vbmc::fleet {

bool glob_match(std::string_view pattern, std::string_view text) noexcept {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos; // the last one, and what it stands for so far
    std::size_t stood_for = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            stood_for = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++stood_for;
        } else {
            return false;
        }
    }
    const std::string_view rest = pattern.substr(p);
    return std::all_of(rest.begin(), rest.end(), [](char c) { return c == '*'; });
}

bool Selector::fits(const backend::Found& machine) const noexcept {
    if (!name.empty() && !glob_match(name, machine.name)) {
        return false;
    }
    return std::all_of(labels.begin(), labels.end(), [&](const auto& wanted) {
        const auto at = machine.labels.find(wanted.first);
        return at != machine.labels.end() &&
               (wanted.second.empty() || glob_match(wanted.second, at->second));
    });
}

} // namespace vbmc::fleet
