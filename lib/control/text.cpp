#include "control/text.h"

#include "base/bytes.h"

namespace vbmc::control {

namespace {

/// Length of the well-formed sequence at the front (Unicode 15 table 3-7), 0 when there is none.
std::size_t sequence_length(std::string_view text) noexcept {
    const auto byte = [text](std::size_t i) -> u8 {
        return i < text.size() ? static_cast<u8>(text[i]) : u8{0};
    };
    const auto follows = [byte](std::size_t i, u8 low = 0x80, u8 high = 0xBF) {
        return byte(i) >= low && byte(i) <= high;
    };
    const u8 first = byte(0);
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        return follows(1) ? 2 : 0;
    }
    if (first >= 0xE0 && first <= 0xEF) {
        const u8 low = first == 0xE0 ? 0xA0 : 0x80;
        const u8 high = first == 0xED ? 0x9F : 0xBF; // no surrogates
        return follows(1, low, high) && follows(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const u8 low = first == 0xF0 ? 0x90 : 0x80;
        const u8 high = first == 0xF4 ? 0x8F : 0xBF;
        return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

} // namespace

std::string to_utf8(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        if (length == 0) {
            const u8 byte = static_cast<u8>(text.front());
            out += "\\x";
            out += digits[byte >> 4];
            out += digits[byte & 0x0F];
            text.remove_prefix(1);
        } else {
            out += text.substr(0, length);
            text.remove_prefix(length);
        }
    }
    return out;
}

} // namespace vbmc::control
