// What efibootmgr 17 prints for the boot entries of several firmware (its own output, over
// variables as those firmware write them), and which entry each IPMI boot device means there.

#include "backend/ssh/efi_boot.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::backend::ssh;
using bmc::BootDevice;

namespace {

constexpr const char* ovmf =
    R"(BootCurrent: 0007
Timeout: 3 seconds
BootOrder: 0001,0002,0003,0004,0005,0007,0000,0006
Boot0000* UiApp	FvVol(7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1)/FvFile(eec25bdc-67f2-4d95-b1d5-f81b2039d11d)
Boot0001* UEFI QEMU DVD-ROM QM00003 	PciRoot(0x0)/Pci(0x1f,0x2)/Sata(1,65535,0)
Boot0002* UEFI Misc Device	PciRoot(0x0)/Pci(0x3,0x0)
Boot0003* UEFI PXEv4 (MAC:525400123456)	PciRoot(0x0)/Pci(0x2,0x0)/MAC(525400123456,1)/IPv4(0.0.0.00.0.0.0,0,0)
Boot0004* UEFI PXEv6 (MAC:525400123456)	PciRoot(0x0)/Pci(0x2,0x0)/MAC(525400123456,1)/IPv6([::]:<->[::]:,0,0)
Boot0005* UEFI HTTPv4 (MAC:525400123456)	PciRoot(0x0)/Pci(0x2,0x0)/MAC(525400123456,1)/IPv4(0.0.0.00.0.0.0,0,0)/Uri()
Boot0006* EFI Internal Shell	FvVol(7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1)/FvFile(eec25bdc-67f2-4d95-b1d5-f81b2039d11d)
Boot0007* network installer	HD(1,GPT,8f0c2a5e-1111-4222-8333-444455556666,0x800,0x100000)/File(\EFI\debian\shimx64.efi)
)";

constexpr const char* supermicro =
    R"(BootNext: 0005
BootCurrent: 0003
Timeout: 3 seconds
BootOrder: 0005,0003,0001,0004,0002
Boot0001* ubuntu	HD(1,GPT,8f0c2a5e-1111-4222-8333-444455556666,0x800,0x100000)/File(\EFI\ubuntu\shimx64.efi)
Boot0002  UEFI: Built-in EFI Shell	FvVol(7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1)/FvFile(eec25bdc-67f2-4d95-b1d5-f81b2039d11d)
Boot0003* UEFI: PXE IPv4 Intel(R) I350 Gigabit Network	PciRoot(0x0)/Pci(0x1,0x0)/MAC(ac1f6b000001,1)/IPv4(0.0.0.00.0.0.0,0,0)
Boot0004* UEFI: ATEN Virtual CDROM YS0J	PciRoot(0x0)/Pci(0x14,0x0)/USB(5,0)/USB(0,0)
Boot0005* UEFI: SanDisk, Partition 1	PciRoot(0x0)/Pci(0x14,0x0)/USB(3,0)/HD(1,GPT,8f0c2a5e-1111-4222-8333-444455556666,0x800,0x100000)
Boot0006* Hard Drive	BBS(HD,P0: SAMSUNG,0x0)
Boot0007* Network Card	BBS(Network,IBA GE Slot 0100,0x0)
)";

constexpr const char* dell =
    R"(BootCurrent: 0003
Timeout: 3 seconds
BootOrder: 0003,0000,0001
Boot0000* Integrated NIC 1 Port 1 Partition 1	PciRoot(0x0)/Pci(0x1c,0x4)/MAC(b02628000001,1)/IPv4(0.0.0.00.0.0.0,0,0)/Uri()
Boot0001* Virtual Optical Drive	PciRoot(0x0)/Pci(0x14,0x0)/USB(13,0)/USB(0,0)
Boot0003* Red Hat Enterprise Linux	HD(2,GPT,8f0c2a5e-1111-4222-8333-444455556666,0x800,0x100000)/File(\EFI\redhat\shimx64.efi)
Boot0004* PCIe SSD in Slot 1 in Bay 1: EFI Fixed Disk Boot Device 1	PciRoot(0x0)/Pci(0x0,0x0)/NVMe(0x1,00-11-22-33-44-55-66-77)
)";

std::optional<u16> choice(const char* text, BootDevice device) {
    const auto boot = parse_efi_boot(text);
    REQUIRE(boot.has_value());
    return choose_entry(*boot, device);
}

} // namespace

TEST_CASE("the boot entries of real firmware", "[efi]") {
    CHECK(choice(ovmf, BootDevice::pxe) == u16{3});
    CHECK(choice(ovmf, BootDevice::cdrom) == u16{1});
    CHECK(choice(ovmf, BootDevice::disk) == u16{7}); // the path counts, whatever it is called
    CHECK(choice(supermicro, BootDevice::pxe) == u16{3});
    CHECK(choice(supermicro, BootDevice::disk) == u16{1}); // not the stick with its partitions
    CHECK(choice(supermicro, BootDevice::cdrom) == u16{4});
    CHECK(choice(supermicro, BootDevice::remote_media) == u16{5});
    CHECK(parse_efi_boot(supermicro)->next == u16{5});
    CHECK(choice(dell, BootDevice::pxe) == u16{0});
    CHECK(choice(dell, BootDevice::cdrom) == u16{1});
    CHECK(choice(dell, BootDevice::disk) == u16{3});
    CHECK_FALSE(choice(dell, BootDevice::floppy).has_value());
}

TEST_CASE("firmware without any entry", "[efi]") {
    const auto boot = parse_efi_boot("No BootOrder is set; firmware will attempt recovery\n");
    REQUIRE(boot.has_value()); // it is UEFI all the same
    CHECK(boot->entries.empty());
    CHECK_FALSE(parse_efi_boot("EFI variables are not supported on this system.\n").has_value());
}
