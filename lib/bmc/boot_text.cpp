#include "bmc/boot_text.h"

#include <string_view>

namespace vbmc::bmc {

namespace {

std::string_view device_word(BootDevice device) noexcept {
    switch (device) {
    case BootDevice::none:
        return "none";
    case BootDevice::pxe:
        return "pxe";
    case BootDevice::disk:
        return "disk";
    case BootDevice::disk_safe:
        return "disk in safe mode";
    case BootDevice::diagnostics:
        return "diagnostics";
    case BootDevice::cdrom:
        return "cdrom";
    case BootDevice::bios_setup:
        return "bios setup";
    case BootDevice::remote_floppy:
        return "remote floppy";
    case BootDevice::remote_cdrom:
        return "remote cdrom";
    case BootDevice::remote_media:
        return "remote media";
    case BootDevice::remote_disk:
        return "remote disk";
    case BootDevice::floppy:
        return "floppy";
    }
    return "none";
}

} // namespace

std::string boot_text(const BootRequest& boot) {
    if (boot.device == BootDevice::none) {
        return "boot as the machine is set up";
    }
    return "boot from " + std::string(device_word(boot.device)) + (boot.efi ? " (UEFI)" : "") +
           (boot.persistent ? " from now on" : " at the next start");
}

} // namespace vbmc::bmc
