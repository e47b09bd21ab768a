#include "vbmcctl/diff.h"

#include "vbmcctl/terminal.h"
#include "vbmcctl/text.h"

#include <algorithm>

namespace vbmc::ctl {

namespace {

std::vector<std::string> lines_of(std::string_view text) {
    if (text.empty()) {
        return {};
    }
    if (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    return split(text, '\n');
}

/// common[i][j]: length of the longest common subsequence of a[i..] and b[j..]. Documents of nodes
/// have some ten lines; the square of that is nothing.
std::vector<std::vector<std::size_t>>
common_lengths(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    std::vector<std::vector<std::size_t>> common(
        a.size() + 1, std::vector<std::size_t>(b.size() + 1, 0)
    );
    for (std::size_t i = a.size(); i-- > 0;) {
        for (std::size_t j = b.size(); j-- > 0;) {
            common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1
                                        : std::max(common[i + 1][j], common[i][j + 1]);
        }
    }
    return common;
}

} // namespace

std::vector<DiffLine> diff_lines(std::string_view before, std::string_view after) {
    const std::vector<std::string> a = lines_of(before);
    const std::vector<std::string> b = lines_of(after);
    const auto common = common_lengths(a, b);
    std::vector<DiffLine> out;
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.size() || j < b.size()) {
        if (i < a.size() && j < b.size() && a[i] == b[j]) {
            out.push_back({DiffLine::Kind::same, a[i]});
            ++i, ++j;
        } else if (i < a.size() && (j == b.size() || common[i + 1][j] >= common[i][j + 1])) {
            out.push_back({DiffLine::Kind::removed, a[i++]});
        } else {
            out.push_back({DiffLine::Kind::added, b[j++]});
        }
    }
    return out;
}

std::string render_diff(const std::vector<DiffLine>& lines, std::size_t context, bool color) {
    std::vector<bool> shown(lines.size(), false);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (lines[i].kind != DiffLine::Kind::same) {
            const std::size_t first = i < context ? 0 : i - context;
            const std::size_t last = std::min(lines.size(), i + context + 1);
            std::fill(
                shown.begin() + static_cast<std::ptrdiff_t>(first),
                shown.begin() + static_cast<std::ptrdiff_t>(last),
                true
            );
        }
    }
    std::string out;
    bool gap = false;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (!shown[i]) {
            gap = !out.empty();
            continue;
        }
        out += gap ? "  ...\n" : "";
        gap = false;
        const std::string text = printable(lines[i].text);
        switch (lines[i].kind) {
        case DiffLine::Kind::same:
            out += "  " + text;
            break;
        case DiffLine::Kind::removed:
            out += styled("- " + text, Style::removed, color);
            break;
        case DiffLine::Kind::added:
            out += styled("+ " + text, Style::added, color);
            break;
        }
        out += "\n";
    }
    return out;
}

} // namespace vbmc::ctl
