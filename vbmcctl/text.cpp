#include "vbmcctl/text.h"

#include <algorithm>
#include <array>
#include <clocale>
#include <cwchar>
#include <langinfo.h>

namespace vbmc::ctl {

namespace {

/// The code point at the start of `rest` and its length in bytes; length 0 when it is not UTF-8.
struct Decoded {
    char32_t point = 0;
    std::size_t length = 0;
};

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

Decoded decode(std::string_view rest) {
    const auto lead = static_cast<unsigned char>(rest.front());
    if (lead < 0x80) {
        return {lead, 1};
    }
    std::size_t length = 0;
    char32_t point = 0;
    char32_t least = 0;
    if ((lead & 0xe0) == 0xc0) {
        length = 2, point = lead & 0x1f, least = 0x80;
    } else if ((lead & 0xf0) == 0xe0) {
        length = 3, point = lead & 0x0f, least = 0x800;
    } else if ((lead & 0xf8) == 0xf0) {
        length = 4, point = lead & 0x07, least = 0x10000;
    }
    if (length == 0 || rest.size() < length) {
        return {};
    }
    for (std::size_t i = 1; i < length; ++i) {
        if (!is_continuation(rest[i])) {
            return {};
        }
        point = point << 6 | (static_cast<unsigned char>(rest[i]) & 0x3f);
    }
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    if (point < least || point > 0x10ffff || surrogate) {
        return {};
    }
    return {point, length};
}

/// C0, DEL, C1, and the marks that reorder or hide text on a terminal.
bool drives_terminal(char32_t point) {
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 || point == 0x2029 ||
           (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

void append_escaped(std::string& out, std::string_view bytes) {
    static constexpr std::string_view digits = "0123456789abcdef";
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += "\\x";
        out += digits[byte >> 4];
        out += digits[byte & 0x0f];
    }
}

} // namespace

void use_utf8_locale() {
    std::setlocale(LC_CTYPE, "");
    if (std::string_view(nl_langinfo(CODESET)) != "UTF-8") {
        std::setlocale(LC_CTYPE, "C.UTF-8");
    }
}

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const Decoded next = decode(text);
        const std::size_t length = next.length == 0 ? 1 : next.length;
        const std::string_view bytes = text.substr(0, length);
        if (next.length == 0 || drives_terminal(next.point)) {
            append_escaped(out, bytes);
        } else {
            out += bytes;
        }
        text.remove_prefix(length);
    }
    return out;
}

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    while (!text.empty()) {
        const Decoded next = decode(text);
        const int columns = next.length == 0 ? 1 : wcwidth(static_cast<wchar_t>(next.point));
        // -1: not printable in this locale; a terminal then shows one replacement mark.
        width += columns < 0 ? 1 : static_cast<std::size_t>(columns);
        text.remove_prefix(next.length == 0 ? 1 : next.length);
    }
    return width;
}

std::string to_lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
    }
    return out;
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (true) {
        const std::size_t at = text.find(separator);
        parts.emplace_back(text.substr(0, at));
        if (at == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(at + 1);
    }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    std::string out;
    for (const std::string& part : parts) {
        if (&part != parts.data()) {
            out += separator;
        }
        out += part;
    }
    return out;
}

std::string_view trim(std::string_view text) {
    static constexpr std::string_view blank = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::string hex_text(const std::string& bytes) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4];
        out += digits[byte & 0x0f];
    }
    return out;
}

std::string counted(std::size_t n, std::string_view noun) {
    std::string out = std::to_string(n) + " ";
    out += noun;
    return n == 1 ? out : out + "s";
}

namespace {

/// Optimal string alignment: one for an insertion, deletion, change or swap of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> above(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        above[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        before.swap(above);
        above.swap(row);
    }
    return above[b.size()];
}

} // namespace

std::string closest(std::string_view given, const std::vector<std::string>& candidates) {
    if (given.empty() || given.size() > 64) {
        return {};
    }
    const std::string wanted = to_lower(given);
    const std::size_t tolerated = given.size() <= 3 ? 1 : given.size() <= 7 ? 2 : 3;
    std::size_t best = tolerated + 1;
    std::string found;
    for (const std::string& candidate : candidates) {
        const std::string lower = to_lower(candidate);
        std::size_t distance = edit_distance(wanted, lower);
        const bool begins = (wanted.size() >= 3 && lower.starts_with(wanted)) ||
                            (lower.size() >= 3 && wanted.starts_with(lower));
        if (begins) {
            distance = std::min<std::size_t>(distance, 1);
        }
        if (distance < best) {
            best = distance;
            found = candidate;
        }
    }
    return found;
}

std::string did_you_mean(std::string_view given, const std::vector<std::string>& candidates) {
    const std::string found = closest(given, candidates);
    return found.empty() ? std::string() : " (did you mean '" + found + "'?)";
}

} // namespace vbmc::ctl
