"""A UEFI firmware's boot variables as files, for the real efibootmgr to work on (EFIVARFS_PATH). Written from the
UEFI specification: load options (3.1.3) and device paths (10.3).

    firmware = Firmware(folder, vendor="ovmf")
    firmware.next, firmware.order
"""

import struct
import uuid
from pathlib import Path

GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
ATTRIBUTES = struct.pack("<I", 7)  # non-volatile, boot and runtime access
ACTIVE = 1


def node(kind, subtype, data=b""):
    return struct.pack("<BBH", kind, subtype, 4 + len(data)) + data


END = node(0x7F, 0xFF)


def pci_root(number=0):
    return node(2, 1, struct.pack("<II", 0x0A0341D0, number))


def pci(device, function):
    return node(1, 1, bytes([function, device]))


def mac(address):
    return node(3, 11, bytes.fromhex(address).ljust(32, b"\0") + b"\1")


def ipv4():
    return node(3, 12, bytes(4) + bytes(4) + bytes(2) + bytes(2) + bytes(2) + b"\0" + bytes(8))


def ipv6():
    return node(3, 13, bytes(16) + bytes(16) + bytes(2) + bytes(2) + bytes(2) + b"\0" + b"\x40" + bytes(16))


def uri(text=""):
    return node(3, 24, text.encode())


def usb(port, interface=0):
    return node(3, 5, bytes([port, interface]))


def sata(port):
    return node(3, 18, struct.pack("<HHH", port, 0xFFFF, 0))


def scsi(target, lun=0):
    return node(3, 2, struct.pack("<HH", target, lun))


def nvme():
    return node(3, 23, struct.pack("<I", 1) + bytes.fromhex("0011223344556677"))


def hard_disk(part=1):
    signature = uuid.UUID("8f0c2a5e-1111-4222-8333-444455556666").bytes_le
    return node(4, 1, struct.pack("<IQQ", part, 0x800, 0x100000) + signature + bytes([2, 2]))


def cdrom():
    return node(4, 2, struct.pack("<IQQ", 0, 0x17, 0x1000))


def file(path):
    return node(4, 4, (path + "\0").encode("utf-16-le"))


def firmware_file():
    volume = node(4, 7, uuid.UUID("7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1").bytes_le)
    return volume + node(4, 6, uuid.UUID("eec25bdc-67f2-4d95-b1d5-f81b2039d11d").bytes_le)


def bbs(kind, name):
    return node(5, 1, struct.pack("<HH", kind, 0) + name.encode() + b"\0")


# What firmware of several makers puts there: number -> (name, device path, active).
VENDORS = {
    "ovmf": {
        0: ("UiApp", firmware_file(), True),
        1: ("UEFI QEMU DVD-ROM QM00003 ", pci_root() + pci(31, 2) + sata(1), True),
        2: ("UEFI Misc Device", pci_root() + pci(3, 0), True),
        3: ("UEFI PXEv4 (MAC:525400123456)", pci_root() + pci(2, 0) + mac("525400123456") + ipv4(), True),
        4: ("UEFI PXEv6 (MAC:525400123456)", pci_root() + pci(2, 0) + mac("525400123456") + ipv6(), True),
        5: ("UEFI HTTPv4 (MAC:525400123456)", pci_root() + pci(2, 0) + mac("525400123456") + ipv4() + uri(), True),
        6: ("EFI Internal Shell", firmware_file(), True),
        7: ("debian", hard_disk() + file("\\EFI\\debian\\shimx64.efi"), True),
    },
    "supermicro": {
        1: ("ubuntu", hard_disk() + file("\\EFI\\ubuntu\\shimx64.efi"), True),
        2: ("UEFI: Built-in EFI Shell", firmware_file(), False),
        3: ("UEFI: PXE IPv4 Intel(R) I350 Gigabit Network", pci_root() + pci(1, 0) + mac("ac1f6b000001") + ipv4(), True),
        4: ("UEFI: ATEN Virtual CDROM YS0J", pci_root() + pci(20, 0) + usb(5) + usb(0), True),
        5: ("UEFI: SanDisk, Partition 1", pci_root() + pci(20, 0) + usb(3) + hard_disk(), True),
        6: ("Hard Drive", bbs(2, "P0: SAMSUNG"), True),
        7: ("Network Card", bbs(6, "IBA GE Slot 0100"), True),
    },
    "dell": {
        0: ("Integrated NIC 1 Port 1 Partition 1", pci_root() + pci(28, 4) + mac("b02628000001") + ipv4() + uri(), True),
        1: ("Virtual Optical Drive", pci_root() + pci(20, 0) + usb(13) + usb(0), True),
        3: ("Red Hat Enterprise Linux", hard_disk(2) + file("\\EFI\\redhat\\shimx64.efi"), True),
        4: ("PCIe SSD in Slot 1 in Bay 1: EFI Fixed Disk Boot Device 1", pci_root() + pci(0, 0) + nvme(), True),
    },
}
ORDERS = {"ovmf": [7, 1, 2, 3, 4, 5, 0, 6], "supermicro": [3, 1, 4, 2, 5], "dell": [3, 0, 1]}


class Firmware:
    def __init__(self, folder, vendor):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        for number, (name, path, active) in VENDORS[vendor].items():
            path += END
            option = struct.pack("<IH", ACTIVE if active else 0, len(path)) + (name + "\0").encode("utf-16-le") + path
            self.write(f"Boot{number:04X}", option)
        self.write("BootOrder", struct.pack(f"<{len(ORDERS[vendor])}H", *ORDERS[vendor]))
        self.write("BootCurrent", struct.pack("<H", ORDERS[vendor][0]))
        self.write("Timeout", struct.pack("<H", 3))

    def path(self, name):
        return self.folder / f"{name}-{GLOBAL}"

    def write(self, name, data):
        self.path(name).write_bytes(ATTRIBUTES + data)

    def words(self, name):
        if not self.path(name).exists():
            return []
        data = self.path(name).read_bytes()[len(ATTRIBUTES):]
        return list(struct.unpack(f"<{len(data) // 2}H", data))

    @property
    def next(self):
        return (self.words("BootNext") or [None])[0]

    @property
    def order(self):
        return self.words("BootOrder")
