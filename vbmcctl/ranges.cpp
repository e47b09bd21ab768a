#include "vbmcctl/ranges.h"

#include "vbmcctl/text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace vbmc::ctl {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// "7" or "001-100", nothing else.
bool is_span(std::string_view text) {
    const std::size_t dash = text.find('-');
    const std::string_view first = text.substr(0, dash);
    const std::string_view last = dash == std::string_view::npos ? first : text.substr(dash + 1);
    return !first.empty() && !last.empty() && std::all_of(first.begin(), first.end(), is_digit) &&
           std::all_of(last.begin(), last.end(), is_digit);
}

bool is_number_list(std::string_view inside) {
    for (const std::string& part : split(inside, ',')) {
        if (!is_span(part)) {
            return false;
        }
    }
    return true;
}

struct Bracket {
    std::size_t open = std::string_view::npos;
    std::size_t close = std::string_view::npos;
};

/// The first bracket that holds numbers.
Bracket find_bracket(std::string_view text) {
    for (std::size_t open = text.find('['); open != std::string_view::npos;
         open = text.find('[', open + 1)) {
        const std::size_t close = text.find(']', open);
        if (close == std::string_view::npos) {
            return {};
        }
        if (is_number_list(text.substr(open + 1, close - open - 1))) {
            return {open, close};
        }
    }
    return {};
}

Error bad_range(std::string_view span, std::string_view why) {
    return Error(
        ErrorCode::invalid_argument, "range [" + std::string(span) + "] " + std::string(why)
    );
}

Result<std::uint64_t> to_number(std::string_view digits, std::string_view span) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) {
        return bad_range(span, "has a number that is too large");
    }
    return value;
}

std::string padded(std::uint64_t value, std::size_t width) {
    const std::string digits = std::to_string(value);
    return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

Result<void> append_span(std::vector<std::string>& out, std::string_view span) {
    const std::size_t dash = span.find('-');
    const std::string_view low = span.substr(0, dash);
    const std::string_view high = dash == std::string_view::npos ? low : span.substr(dash + 1);
    const Result<std::uint64_t> first = to_number(low, span);
    const Result<std::uint64_t> last = to_number(high, span);
    if (!first || !last) {
        return first ? last.error() : first.error();
    }
    if (*last < *first) {
        return bad_range(span, "runs backwards");
    }
    if (*last - *first >= range_max - out.size()) {
        return bad_range(span, "stands for more than " + std::to_string(range_max) + " items");
    }
    const std::size_t width = low.starts_with('0') && low.size() > 1 ? low.size() : 0;
    for (std::uint64_t value = *first; value <= *last; ++value) {
        out.push_back(padded(value, width));
    }
    return {};
}

} // namespace

bool has_range(std::string_view text) {
    return find_bracket(text).open != std::string_view::npos;
}

Result<std::vector<std::string>> expand_range(std::string_view text) {
    const Bracket bracket = find_bracket(text);
    if (bracket.open == std::string_view::npos) {
        return std::vector<std::string>{std::string(text)};
    }
    const std::string_view inside = text.substr(bracket.open + 1, bracket.close - bracket.open - 1);
    std::vector<std::string> numbers;
    for (const std::string& span : split(inside, ',')) {
        if (Result<void> added = append_span(numbers, span); !added) {
            return added.error();
        }
    }
    Result<std::vector<std::string>> tails = expand_range(text.substr(bracket.close + 1));
    if (!tails) {
        return tails;
    }
    if (numbers.size() > range_max / tails->size()) {
        return bad_range(inside, "stands for more than " + std::to_string(range_max) + " items");
    }
    std::vector<std::string> out;
    out.reserve(numbers.size() * tails->size());
    const std::string head(text.substr(0, bracket.open));
    for (const std::string& number : numbers) {
        for (const std::string& tail : *tails) {
            out.push_back(head + number + tail);
        }
    }
    return out;
}

Result<std::vector<std::string>> expand_list(std::string_view text) {
    std::vector<std::string> out;
    std::size_t start = 0;
    int depth = 0;
    for (std::size_t i = 0; i <= text.size(); ++i) {
        if (i < text.size() && (text[i] != ',' || depth > 0)) {
            depth += text[i] == '[' ? 1 : 0;
            depth -= text[i] == ']' && depth > 0 ? 1 : 0;
            continue;
        }
        const std::string_view part = trim(text.substr(start, i - start));
        start = i + 1;
        if (part.empty()) {
            continue;
        }
        Result<std::vector<std::string>> expanded = expand_range(part);
        if (!expanded) {
            return expanded;
        }
        if (out.size() + expanded->size() > range_max) {
            return bad_range(text, "stands for more than " + std::to_string(range_max) + " items");
        }
        out.insert(out.end(), expanded->begin(), expanded->end());
    }
    return out;
}

} // namespace vbmc::ctl
