#include "control/page.h"

#include "base/bytes.h"

#include <algorithm>
#include <array>

namespace vbmc::control {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::size_t digest_digits = 16;

/// FNV-1a: tells filters apart; nothing secret depends on it.
u64 digest(std::string_view text) noexcept {
    u64 value = 0xcbf29ce484222325;
    for (const char c : text) {
        value = (value ^ static_cast<u8>(c)) * 0x100000001b3;
    }
    return value;
}

void put_hex(std::string& out, u8 byte) {
    out += hex_digits[byte >> 4];
    out += hex_digits[byte & 0x0F];
}

std::string digest_text(std::string_view filter) {
    std::string out;
    const u64 value = digest(filter);
    for (int shift = 56; shift >= 0; shift -= 8) {
        put_hex(out, static_cast<u8>(value >> shift));
    }
    return out;
}

Error bad_token(const char* why) {
    return Error(ErrorCode::invalid_argument, "BAD_PAGE_TOKEN", why).with_field("page_token");
}

} // namespace

Result<int> page_size(int asked) {
    if (asked < 0) {
        return Error(ErrorCode::invalid_argument, "BAD_PAGE_SIZE", "page_size is negative")
            .with_field("page_size");
    }
    return asked == 0 ? page_size_default : std::min(asked, page_size_max);
}

std::string make_page_token(std::string_view last_name, std::string_view filter) {
    std::string out = digest_text(filter);
    for (const char c : last_name) {
        put_hex(out, static_cast<u8>(c));
    }
    return out;
}

Result<std::string> read_page_token(std::string_view token, std::string_view filter) {
    if (token.empty()) {
        return std::string();
    }
    const bool all_hex = std::ranges::all_of(token, [](char c) {
        return hex_digits.find(c) != std::string_view::npos;
    });
    if (!all_hex || token.size() % 2 != 0 || token.size() <= digest_digits || token.size() > 512) {
        return bad_token("the page token is not one of ours");
    }
    if (token.substr(0, digest_digits) != digest_text(filter)) {
        return bad_token("the page token belongs to another filter");
    }
    std::string name;
    for (std::size_t at = digest_digits; at < token.size(); at += 2) {
        const auto high = hex_digits.find(token[at]);
        const auto low = hex_digits.find(token[at + 1]);
        name += static_cast<char>(high << 4 | low);
    }
    return name;
}

} // namespace vbmc::control
