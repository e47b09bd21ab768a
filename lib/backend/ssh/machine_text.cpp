#include "backend/ssh/machine_text.h"

#include <algorithm>
#include <array>

namespace vbmc::backend::ssh {

namespace {

constexpr std::size_t name_bytes_max = 63; // what a FRU field holds

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

bool says_nothing(std::string_view text) {
    static constexpr std::array<std::string_view, 12> fillers = {
        "to be filled by o.e.m.",
        "default string",
        "not specified",
        "not available",
        "none",
        "n/a",
        "na",
        "no asset tag",
        "no asset information",
        "system serial number",
        "system product name",
        "0123456789"};
    const std::string low = lower(text);
    return std::find(fillers.begin(), fillers.end(), low) != fillers.end();
}

bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// As a whole word.
bool has_word(std::string_view text, std::string_view word) {
    for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
        const auto end = at + word.size();
        const bool starts = at == 0 || !is_word_character(text[at - 1]);
        const bool ends = end == text.size() || !is_word_character(text[end]);
        if (starts && ends) {
            return true;
        }
    }
    return false;
}

} // namespace

std::string tidy_name(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c >= 0x20 && c < 0x7f && out.size() < name_bytes_max) {
            out += c;
        }
    }
    const auto first = out.find_first_not_of(' ');
    if (first == std::string::npos) {
        return {};
    }
    out = out.substr(first, out.find_last_not_of(' ') - first + 1);
    return says_nothing(out) ? std::string() : out;
}

bmc::IdentitySeen parse_dmi(std::string_view text) {
    bmc::IdentitySeen seen;

    struct Field {
        std::string_view file;
        std::string bmc::IdentitySeen::*to;
    };

    static constexpr Field fields[] = {
        {"sys_vendor", &bmc::IdentitySeen::manufacturer},
        {"product_name", &bmc::IdentitySeen::product},
        {"product_serial", &bmc::IdentitySeen::serial},
        {"chassis_serial", &bmc::IdentitySeen::serial},
        {"chassis_asset_tag", &bmc::IdentitySeen::asset_tag},
        {"board_vendor", &bmc::IdentitySeen::manufacturer},
        {"board_name", &bmc::IdentitySeen::product},
    };
    // Earlier fields go first, wherever they stand.
    for (const Field& field : fields) {
        std::string_view rest = text;
        while (!rest.empty()) {
            const auto end = std::min(rest.find('\n'), rest.size());
            const std::string_view line = rest.substr(0, end);
            rest = rest.substr(std::min(end + 1, rest.size()));
            const auto colon = line.find(':');
            if (colon == std::string_view::npos) {
                continue;
            }
            const std::string_view path = line.substr(0, colon);
            const std::string_view file = path.substr(path.rfind('/') + 1);
            if (file == field.file && (seen.*field.to).empty()) {
                seen.*field.to = tidy_name(line.substr(colon + 1));
            }
        }
    }
    return seen;
}

std::optional<std::string> parse_boot_id(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
        text.remove_suffix(1);
    }
    if (text.size() != 36) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool right =
            dash ? text[i] == '-'
                 : std::string_view("0123456789abcdef").find(text[i]) != std::string_view::npos;
        if (!right) {
            return std::nullopt;
        }
    }
    return std::string(text);
}

bmc::PowerState parse_power_word(std::string_view text) {
    const std::string low = lower(text.substr(0, 1024));
    // "off" first: "shut off", "power is off", "not running".
    for (const std::string_view word :
         {"off", "stopped", "down", "not running", "inactive", "halted"}) {
        if (has_word(low, word)) {
            return bmc::PowerState::off;
        }
    }
    for (const std::string_view word : {"on", "running", "up", "active", "started"}) {
        if (has_word(low, word)) {
            return bmc::PowerState::on;
        }
    }
    return bmc::PowerState::unknown;
}

} // namespace vbmc::backend::ssh
