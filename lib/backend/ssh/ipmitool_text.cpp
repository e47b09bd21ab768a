#include "backend/ssh/ipmitool_text.h"

#include "backend/ssh/machine_text.h"

#include <algorithm>

namespace vbmc::backend::ssh {

namespace {

constexpr std::size_t raw_bytes_max = 1024;

int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string hex_byte(u8 value) {
    constexpr std::string_view digits = "0123456789abcdef";
    return {'0', 'x', digits[value >> 4], digits[value & 15]};
}

/// Pairs of digits with white space between them, and nothing else.
std::optional<std::vector<u8>> parse_bytes(std::string_view text) {
    std::vector<u8> bytes;
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] == ' ' || text[i] == '\n' || text[i] == '\r') {
            ++i;
            continue;
        }
        const int high = hex_digit(text[i]);
        const int low = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
        const bool ends = i + 2 >= text.size() || hex_digit(text[i + 2]) < 0;
        if (high < 0 || low < 0 || !ends || bytes.size() == raw_bytes_max) {
            return std::nullopt;
        }
        bytes.push_back(static_cast<u8>(high << 4 | low));
        i += 2;
    }
    return bytes;
}

/// "... cmd=0x1 rsp=0xc1): Invalid command"
std::optional<u8> parse_completion(std::string_view text) {
    constexpr std::string_view mark = "rsp=0x";
    const auto at = text.find(mark);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    unsigned value = 0;
    std::size_t digits = 0;
    for (const char c : text.substr(at + mark.size())) {
        const int digit = hex_digit(c);
        if (digit < 0) {
            break;
        }
        value = value << 4 | static_cast<unsigned>(digit);
        if (++digits > 2) {
            return std::nullopt;
        }
    }
    return digits > 0 && value != 0 ? std::optional(static_cast<u8>(value)) : std::nullopt;
}

} // namespace

std::string raw_arguments(const RawRequest& request) {
    std::string line;
    if (request.lun != 0) {
        line = "-l " + std::to_string(request.lun & 3) + " ";
    }
    line += "raw " + hex_byte(request.netfn) + " " + hex_byte(request.command);
    for (const u8 byte : request.data) {
        line += " " + hex_byte(byte);
    }
    return line;
}

std::optional<RawResponse> parse_raw(int status, std::string_view out, std::string_view error) {
    if (status == 0) {
        auto bytes = parse_bytes(out);
        return bytes ? std::optional(RawResponse{0, std::move(*bytes)}) : std::nullopt;
    }
    if (const auto code = parse_completion(error)) {
        return RawResponse{*code, {}};
    }
    return std::nullopt;
}

bmc::PowerState parse_chassis_power(std::string_view out) {
    if (out.find("Power is on") != std::string_view::npos) {
        return bmc::PowerState::on;
    }
    if (out.find("Power is off") != std::string_view::npos) {
        return bmc::PowerState::off;
    }
    return bmc::PowerState::unknown;
}

bmc::IdentitySeen parse_fru(std::string_view out) {
    struct Field {
        std::string_view label;
        std::string bmc::IdentitySeen::*to;
    };

    static constexpr Field fields[] = {
        {"Product Manufacturer", &bmc::IdentitySeen::manufacturer},
        {"Product Name", &bmc::IdentitySeen::product},
        {"Product Serial", &bmc::IdentitySeen::serial},
        {"Product Asset Tag", &bmc::IdentitySeen::asset_tag},
        {"Board Mfg", &bmc::IdentitySeen::manufacturer},
        {"Board Product", &bmc::IdentitySeen::product},
        {"Chassis Serial", &bmc::IdentitySeen::serial},
        {"Board Serial", &bmc::IdentitySeen::serial},
    };
    bmc::IdentitySeen seen;
    for (const Field& field : fields) { // earlier fields go first, wherever they stand
        std::string_view rest = out;
        while (!rest.empty() && (seen.*field.to).empty()) {
            const auto end = std::min(rest.find('\n'), rest.size());
            const std::string_view line = rest.substr(0, end);
            rest = rest.substr(std::min(end + 1, rest.size()));
            const auto colon = line.find(':');
            if (colon != std::string_view::npos &&
                tidy_name(line.substr(0, colon)) == field.label) {
                seen.*field.to = tidy_name(line.substr(colon + 1));
            }
        }
    }
    return seen;
}

std::optional<std::string> bootdev_word(bmc::BootDevice device) {
    using bmc::BootDevice;
    switch (device) {
    case BootDevice::none:
        return "none";
    case BootDevice::pxe:
        return "pxe";
    case BootDevice::disk:
        return "disk";
    case BootDevice::disk_safe:
        return "safe";
    case BootDevice::diagnostics:
        return "diag";
    case BootDevice::cdrom:
        return "cdrom";
    case BootDevice::bios_setup:
        return "bios";
    case BootDevice::floppy:
        return "floppy";
    default:
        return std::nullopt;
    }
}

} // namespace vbmc::backend::ssh
