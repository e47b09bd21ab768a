#pragma once
// The firmware's boot entries as `efibootmgr -v` lists them, and which of them an IPMI boot device
// means. Pure; takes any text.

#include "base/bytes.h"
#include "bmc/power_types.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vbmc::backend::ssh {

enum class EfiKind : u8 { other, disk, cdrom, network, removable };

struct EfiEntry {
    u16 number = 0;
    bool active = true;
    std::string name;
    EfiKind kind = EfiKind::other;
};

struct EfiBoot {
    std::optional<u16> next; // BootNext
    std::vector<u16> order;  // BootOrder
    std::vector<EfiEntry> entries;
};

/// nullopt: this is no list of boot entries.
std::optional<EfiBoot> parse_efi_boot(std::string_view text);

/// The entry to start for this device: the first in the boot order, else the first of the list.
std::optional<u16> choose_entry(const EfiBoot& boot, bmc::BootDevice device);

/// The boot order with this entry in front.
std::vector<u16> order_with_first(const EfiBoot& boot, u16 entry);

/// "0001", as efibootmgr takes it.
std::string entry_text(u16 number);

} // namespace vbmc::backend::ssh
