#pragma once
// The difference of two small texts by lines, as `diff -u` shows it.

#include <string>
#include <string_view>
#include <vector>

namespace vbmc::ctl {

struct DiffLine {
    enum class Kind { same, removed, added };
    Kind kind;
    std::string text;

    friend bool operator==(const DiffLine&, const DiffLine&) = default;
};

/// Every line of both, with as few changes as possible.
std::vector<DiffLine> diff_lines(std::string_view before, std::string_view after);

/// The changed lines with up to `context` lines around them; "" when there is no difference.
std::string render_diff(const std::vector<DiffLine>& lines, std::size_t context, bool color);

} // namespace vbmc::ctl
