#include "backend/ssh/efi_boot.h"

#include <algorithm>
#include <array>

namespace vbmc::backend::ssh {

namespace {

constexpr std::size_t entries_max = 256;
constexpr std::size_t name_bytes_max = 64;

std::optional<u16> parse_number(std::string_view text) {
    if (text.size() != 4) {
        return std::nullopt;
    }
    unsigned value = 0;
    for (const char c : text) {
        const auto at = std::string_view("0123456789ABCDEFabcdef").find(c);
        if (at == std::string_view::npos) {
            return std::nullopt;
        }
        value = value << 4 | static_cast<unsigned>(at < 16 ? at : at - 6);
    }
    return static_cast<u16>(value);
}

std::vector<u16> parse_order(std::string_view text) {
    std::vector<u16> order;
    while (!text.empty() && order.size() < entries_max) {
        const auto comma = std::min(text.find(','), text.size());
        if (const auto number = parse_number(text.substr(0, comma))) {
            order.push_back(*number);
        }
        text = text.substr(std::min(comma + 1, text.size()));
    }
    return order;
}

std::string upper(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return out;
}

bool has_any(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(), [text](std::string_view word) {
        return text.find(word) != std::string_view::npos;
    });
}

/// The device path tells for sure; the name only when there is none that does.
EfiKind kind_of(std::string_view name, std::string_view path) {
    const std::string where = upper(path);
    if (has_any(where, {"MAC(", "IPV4(", "IPV6(", "URI("})) {
        return EfiKind::network;
    }
    if (has_any(where, {"CDROM("})) {
        return EfiKind::cdrom;
    }
    if (has_any(where, {"FVFILE(", "FVVOL("})) {
        return EfiKind::other; // the firmware's own: its setup, its shell
    }
    const bool is_usb = has_any(where, {"USB("});
    if (!is_usb && has_any(where, {"HD(", "NVME(", "EMMC(", "SD("})) {
        return EfiKind::disk;
    }
    const std::string what = upper(name);
    if (has_any(what, {"PXE", "NETWORK", "IPV4", "IPV6", "HTTP BOOT", "HTTPV"})) {
        return EfiKind::network;
    }
    if (has_any(what, {"DVD", "CDROM", "CD-ROM", "CD/DVD", "OPTICAL"})) {
        return EfiKind::cdrom;
    }
    if (is_usb || has_any(what, {"USB", "FLOPPY", "REMOVABLE"})) {
        return EfiKind::removable; // also when it has partitions
    }
    const bool is_disk =
        has_any(where, {"SATA(", "SCSI(", "SAS("}) || has_any(what, {"HARD", "SSD"});
    return is_disk ? EfiKind::disk : EfiKind::other;
}

/// "Boot0001* debian\tHD(1,GPT,...)/File(...)", after "Boot".
std::optional<EfiEntry> parse_entry(std::string_view rest) {
    const auto number = parse_number(rest.substr(0, std::min<std::size_t>(4, rest.size())));
    if (!number || rest.size() < 6 || (rest[4] != '*' && rest[4] != ' ')) {
        return std::nullopt;
    }
    EfiEntry entry;
    entry.number = *number;
    entry.active = rest[4] == '*';
    rest = rest.substr(6);
    const auto tab = std::min(rest.find('\t'), rest.size());
    entry.name = rest.substr(0, std::min(tab, name_bytes_max));
    entry.kind = kind_of(rest.substr(0, tab), rest.substr(tab));
    return entry;
}

bool suits(EfiKind kind, bmc::BootDevice device) {
    switch (device) {
    case bmc::BootDevice::pxe:
        return kind == EfiKind::network;
    case bmc::BootDevice::disk:
    case bmc::BootDevice::disk_safe:
        return kind == EfiKind::disk;
    case bmc::BootDevice::cdrom:
    case bmc::BootDevice::remote_cdrom:
        return kind == EfiKind::cdrom;
    case bmc::BootDevice::floppy:
    case bmc::BootDevice::remote_floppy:
    case bmc::BootDevice::remote_media:
    case bmc::BootDevice::remote_disk:
        return kind == EfiKind::removable;
    default:
        return false;
    }
}

} // namespace

std::optional<EfiBoot> parse_efi_boot(std::string_view text) {
    EfiBoot boot;
    bool known = false;
    while (!text.empty() && boot.entries.size() < entries_max) {
        const auto end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text = text.substr(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (line.starts_with("No BootOrder is set")) { // and perhaps no entry either
            known = true;
        } else if (line.starts_with("BootNext: ")) {
            boot.next = parse_number(line.substr(10));
        } else if (line.starts_with("BootOrder: ")) {
            boot.order = parse_order(line.substr(11));
            known = true;
        } else if (line.starts_with("BootCurrent: ") || line.starts_with("Timeout: ")) {
            known = true;
        } else if (line.starts_with("Boot")) {
            if (auto entry = parse_entry(line.substr(4))) {
                boot.entries.push_back(std::move(*entry));
                known = true;
            }
        }
    }
    return known ? std::optional(std::move(boot)) : std::nullopt;
}

std::optional<u16> choose_entry(const EfiBoot& boot, bmc::BootDevice device) {
    const auto entry = [&](u16 number) -> const EfiEntry* {
        const auto at =
            std::find_if(boot.entries.begin(), boot.entries.end(), [number](const EfiEntry& e) {
                return e.number == number;
            });
        return at == boot.entries.end() ? nullptr : &*at;
    };
    for (const bool inactive_too : {false, true}) {
        const auto fits = [&](const EfiEntry* e) {
            return e != nullptr && suits(e->kind, device) && (e->active || inactive_too);
        };
        for (const u16 number : boot.order) {
            if (fits(entry(number))) {
                return number;
            }
        }
        for (const EfiEntry& e : boot.entries) {
            if (fits(&e)) {
                return e.number;
            }
        }
    }
    return std::nullopt;
}

std::vector<u16> order_with_first(const EfiBoot& boot, u16 entry) {
    std::vector<u16> order{entry};
    for (const u16 number : boot.order) {
        if (std::find(order.begin(), order.end(), number) == order.end()) {
            order.push_back(number);
        }
    }
    return order;
}

std::string entry_text(u16 number) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string text;
    for (int shift = 12; shift >= 0; shift -= 4) {
        text += digits[number >> shift & 15];
    }
    return text;
}

} // namespace vbmc::backend::ssh
