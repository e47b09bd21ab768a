"""A private sshd on a machine of its own, in a mount namespace: its own passwords and PAM rules, its own hardware
sensors and DMI under /sys, its own firmware; read by the real lm-sensors, grep, cat and efibootmgr.

    with SshdMachine(folder, password="...") as server:
        server.options(key=None, password=server.password)
"""

import os
import subprocess
from pathlib import Path

from efi_vars import Firmware
from sshd import Sshd

PAM = "auth required pam_unix.so\naccount required pam_permit.so\nsession required pam_permit.so\n"

# As Linux shows a coretemp, a Super I/O chip with a dead input, and an NVMe drive.
HWMON = {
    "hwmon0": {"name": "coretemp", "temp1_label": "Package id 0", "temp1_input": 41000, "temp1_max": 80000, "temp1_crit": 100000},
    "hwmon1": {"name": "nct6798", "fan2_input": 1210, "fan2_min": 300, "in4_input": 12096, "in4_max": 13000, "temp3_input": "dead"},
    "hwmon2": {"name": "nvme", "temp1_label": "Composite", "temp1_input": 38850, "temp1_crit": 84850},
}
DMI = {
    "sys_vendor": "Acme Servers", "product_name": "Anvil 9000", "product_serial": "AN-0042",
    "chassis_serial": "CH-1", "chassis_asset_tag": "rack 7", "board_vendor": "Acme", "board_name": "X1",
}
# Records how it was called, and drops the connection first where a test wants that, once.
EFIBOOTMGR = r"""#!/bin/sh
printf '%s\n' "efibootmgr $*" >>"$VBMC_STANDINS/calls"
if [ "$2" = -n ] && [ -e "$VBMC_STANDINS/drop" ]; then
    rm "$VBMC_STANDINS/drop"
    kill -9 "$(ps -o ppid= -p $PPID | tr -d ' ')" $PPID
    exit 1
fi
EFIVARFS_PATH="$VBMC_STANDINS/efivars/" exec /usr/bin/efibootmgr "$@"
"""
SCRIPT = """set -e
mount --make-rprivate /
mount --bind "$1/shadow" /etc/shadow
mount --bind "$1/pam" /etc/pam.d/sshd
mount -t tmpfs sys /sys/class
mkdir -p /sys/class/dmi
cp -r "$1/hwmon-tree" /sys/class/hwmon
cp -r "$1/dmi-id" /sys/class/dmi/id
shift
exec "$@"
"""


def can_make_one():
    done = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "x", "/sys/class"], capture_output=True, check=False)
    return os.getuid() == 0 and done.returncode == 0


class SshdMachine(Sshd):
    def __init__(self, folder, password="", methods=("publickey",), vendor="ovmf"):
        super().__init__(folder)
        self.password, self.methods = password, methods
        self.firmware = Firmware(self.folder / "efivars", vendor)
        hashed = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=password or "x", text=True, check=True, capture_output=True)
        self.write("shadow", f"{self.user}:{hashed.stdout.strip()}:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\n")
        self.write("pam", PAM)
        for where, what in HWMON.items():
            self.write_all(f"hwmon-tree/{where}", what)
        self.write_all("dmi-id", DMI)
        for tool in ("sensors", "grep", "cat"):
            (self.folder / "bin" / tool).unlink()
        efibootmgr = self.folder / "bin" / "efibootmgr"
        efibootmgr.write_text(EFIBOOTMGR)

    def write_all(self, folder, files):
        (self.folder / folder).mkdir(parents=True)
        for name, value in files.items():
            self.write(f"{folder}/{name}", f"{value}\n")

    def settings(self):
        takes = {
            "publickey": "PubkeyAuthentication", "password": "PasswordAuthentication",
            "keyboard-interactive": "KbdInteractiveAuthentication",
        }
        lines = [f"{keyword} {'yes' if method in self.methods else 'no'}\n" for method, keyword in takes.items()]
        return "UsePAM yes\n" + "".join(lines)

    def command(self, config):
        script = Path(self.folder) / "world.sh"
        script.write_text(SCRIPT)
        return ["unshare", "-m", "sh", str(script), str(self.folder), *super().command(config)]
