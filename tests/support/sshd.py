"""A private OpenSSH server for tests: the real sshd on an unprivileged port of a loopback address, with
its own host keys and its own authorized key. Whoever logs in gets a shell whose PATH starts with
stand-ins for systemctl, efibootmgr, sensors ...: each records how it was called, none touches the
machine that the tests run on.

    with Sshd(folder) as server:
        server.calls()          # ["systemctl poweroff --no-block", ...]
"""

import getpass
import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path

from daemon import ROOT, die_with_parent, free_tcp_port, own_loopback

START_SECONDS = 10

SENSORS = """{
  "coretemp-isa-0000": {
    "Adapter": "ISA adapter",
    "Package id 0": {"temp1_input": 41.000, "temp1_max": 80.000, "temp1_crit": 100.000},
    "Core 0": {"temp2_input": 39.500, "temp2_max": 80.000, "temp2_crit": 100.000}
  },
  "nct6798-isa-0290": {
    "Adapter": "ISA adapter",
    "CPU Fan": {"fan2_input": 1210.000, "fan2_min": 300.000},
    "Vcore": {"in0_input": 1.024, "in0_min": 0.000, "in0_max": 1.744},
    "+12V": {"in4_input": 12.096, "in4_min": 11.000, "in4_max": 13.000}
  }
}"""

DMI = """/sys/class/dmi/id/sys_vendor:Acme Servers
/sys/class/dmi/id/product_name:Anvil 9000
/sys/class/dmi/id/product_serial:AN-0042
/sys/class/dmi/id/chassis_asset_tag:rack 7"""

EFI = """BootCurrent: 0001
Timeout: 3 seconds
BootOrder: 0001,0003,0002
Boot0001* debian\tHD(1,GPT,8f0c,0x800,0x100000)/File(\\EFI\\debian\\shimx64.efi)
Boot0002* UEFI: Network Card\tPciRoot(0x0)/Pci(0x3,0x0)/MAC(525400123456,1)/IPv4(0.0.0.0)
Boot0003* UEFI DVD-ROM\tPciRoot(0x0)/Pci(0x1,0x1)/CDROM(0,0,0)
"""

IPMITOOL_SENSORS = """CPU Temp         | 44.000     | degrees C  | ok    | na        | 0.000     | 5.000     | 85.000    | 90.000    | na
FAN 1            | 3200.000   | RPM        | ok    | 300.000   | 500.000   | 700.000   | na        | na        | na
PS1 Status       | 0x1        | discrete   | 0x0100| na        | na        | na        | na        | na        | na
"""

# The one program behind every log-in. Anything that could harm is answered here, never run.
WRAPPER = """#!/bin/sh
folder={folder}
PATH="$folder/bin:/usr/bin:/bin"
export PATH VBMC_STANDINS="$folder"
[ -x "$folder/bin/systemctl" ] || exit 99
printf '%s\\n' "$SSH_ORIGINAL_COMMAND" >>"$folder/commands"
while [ -e "$folder/hang" ]; do sleep 0.1; done
case "$SSH_ORIGINAL_COMMAND" in
*sysrq*) printf 'sysrq\\n' >>"$folder/calls"; exec sleep 60 ;;
esac
if [ -n "$SSH_ORIGINAL_COMMAND" ]; then exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"; fi
printf 'login shell\\n' >>"$folder/calls"
PS1='stand-in$ ' exec /bin/sh -i
"""

RECORD = """#!/bin/sh
printf '%s\\n' "{name} $*" >>"$VBMC_STANDINS/calls"
"""

STANDINS = {
    # A reboot gives a new boot id; both end the connections as a machine that goes down does.
    "systemctl": """case "$1" in
reboot) cat /proc/sys/kernel/random/uuid >"$VBMC_STANDINS/boot_id" ;;
esac
[ ! -e "$VBMC_STANDINS/drop" ] || kill -9 "$(ps -o ppid= -p $PPID | tr -d ' ')" $PPID
""",
    "efibootmgr": """case "$1" in
-v) cat "$VBMC_STANDINS/efi" ;;
-q) case "$2" in
    -n) printf 'BootNext: %s\\n' "$3" >>"$VBMC_STANDINS/efi" ;;
    -N) sed -i /^BootNext/d "$VBMC_STANDINS/efi" ;;
    esac ;;
esac
""",
    "sensors": """[ ! -e "$VBMC_STANDINS/no-sensors" ] || exit 127
cat "$VBMC_STANDINS/sensors.json"
""",
    "busctl": "",
    "cat": """case "$1" in
/proc/sys/kernel/random/boot_id) exec /bin/cat "$VBMC_STANDINS/boot_id" ;;
*) exec /bin/cat "$@" ;;
esac
""",
    "grep": """case "$*" in
*dmi*) exec /bin/cat "$VBMC_STANDINS/dmi" ;;
*hwmon*) exec /bin/cat "$VBMC_STANDINS/hwmon" ;;
*) exec /bin/grep "$@" ;;
esac
""",
    "sudo": """[ "$1" = -n ] || exit 1
shift
exec "$@"
""",
    "ipmitool": """case "$*" in
*"chassis power status") echo "Chassis Power is $(cat "$VBMC_STANDINS/bmc-power")" ;;
*"chassis power on") echo on >"$VBMC_STANDINS/bmc-power" ;;
*"chassis power off") echo off >"$VBMC_STANDINS/bmc-power" ;;
*sensor) cat "$VBMC_STANDINS/bmc-sensors" ;;
*"fru print 0") printf ' Product Manufacturer  : Acme Servers\\n Product Name : Forge 1\\n Product Serial : F-7\\n' ;;
*"raw 0x06 0x01") echo ' 20 81 02 03 02 bf 00 00 00 00 00' ;;
*"raw 0x3a 0x02 0x07") echo ' 11 22' ;;
*raw*) echo 'Unable to send RAW command (channel=0x0 netfn=0x30 lun=0x0 cmd=0x1 rsp=0xc1): Invalid command' >&2; exit 1 ;;
esac
""",
}


def keygen(path, kind="ed25519", passphrase="", bits=None):
    """A key pair at path and path.pub."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "vbmc-test", "-f", str(path)]
    subprocess.run(command + (["-b", str(bits)] if bits else []), check=True)
    return Path(path)


def fingerprint(public):
    """"SHA256:..." of a .pub file."""
    line = subprocess.run(["ssh-keygen", "-lf", str(public)], check=True, capture_output=True, text=True)
    return line.stdout.split()[1]


class Sshd:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.address = own_loopback()
        self.port = free_tcp_port(self.address)
        self.user = getpass.getuser()
        self.process = None
        self.host_key = keygen(self.folder / "host_key")
        self.client_key = keygen(self.folder / "client_key")
        shutil.copy(self.folder / "client_key.pub", self.folder / "authorized_keys")
        self._stand_ins()

    def _stand_ins(self):
        binaries = self.folder / "bin"
        binaries.mkdir(exist_ok=True)
        for name, body in STANDINS.items():
            path = binaries / name
            path.write_text(RECORD.format(name=name) + body)
            path.chmod(0o755)
        wrapper = self.folder / "login"
        wrapper.write_text(WRAPPER.format(folder=self.folder))
        wrapper.chmod(0o755)
        self.write("boot_id", f"{uuid.uuid4()}\n")
        self.write("sensors.json", SENSORS)
        self.write("dmi", DMI)
        self.write("efi", EFI)
        self.write("hwmon", "")
        self.write("bmc-power", "on\n")
        self.write("bmc-sensors", IPMITOOL_SENSORS)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def remove(self, name):
        (self.folder / name).unlink(missing_ok=True)

    @property
    def fingerprint(self):
        return fingerprint(f"{self.host_key}.pub")

    def start(self):
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True) if os.getuid() == 0 else None
        config = self.folder / "sshd_config"
        config.write_text(
            f"ListenAddress {self.address}\nPort {self.port}\nHostKey {self.host_key}\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\nPidFile {self.folder}/sshd.pid\n"
            + (f"ForceCommand {self.folder}/login\n" if self.forced else "PermitUserEnvironment yes\n")
            + self.settings()
            + "StrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nPrintMotd no\nPrintLastLog no\nMaxStartups 100\n"
        )
        with open(self.folder / "sshd.log", "ab") as log:
            self.process = subprocess.Popen(
                self.command(config),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while "Server listening" not in self.log_text()[self._seen:]:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"sshd does not start:\n{self.log_text()}")
            time.sleep(0.02)
        self._seen = len(self.log_text())
        return self

    def settings(self):
        """Lines of its configuration that go before the rest."""
        return ""

    def command(self, config):
        return ["/usr/sbin/sshd", "-D", "-e", "-f", str(config)]

    _seen = 0  # of the log, when it was started last
    forced = True  # log-ins go to the stand-ins' shell

    def children(self):
        """The processes that serve one connection each."""
        if self.process is None:
            return []
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True
        )
        return [int(pid) for pid in listed.stdout.split()]

    def drop_connections(self):
        for pid in self.children():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass

    def stop(self):
        """As a machine that goes down: nothing listens and nothing is connected any more."""
        if self.process is None:
            return
        connections = self.children()
        self.process.terminate()
        self.process.wait()
        self.process = None
        for pid in connections:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass

    def use_helper(self):
        """Has every log-in run the shipped vbmc-hostctl, as `restrict,command=` does: a copy of it whose
        tools are the stand-ins. Its own path is in the way only where it is not root."""
        source = (ROOT / "packaging" / "ssh" / "vbmc-hostctl").read_text()
        tools = "PATH=/usr/sbin:/usr/bin:/sbin:/bin\n"
        assert source.count(tools) == 1 and source.count(" >/proc/sysrq-trigger") == 1
        source = source.replace(tools, f"PATH={self.folder}/bin:/usr/bin:/bin\n")
        source = source.replace(" >/proc/sysrq-trigger", f" >{self.folder}/sysrq")
        assert "[ \"$(id -u)\" -ne 0 ]" in source
        source = source.replace("[ \"$(id -u)\" -ne 0 ]", "false")
        helper = self.folder / "vbmc-hostctl"
        helper.write_text(source)
        helper.chmod(0o755)
        key = (self.folder / "client_key.pub").read_text()
        environment = f'environment="VBMC_STANDINS={self.folder}"'
        self.write("authorized_keys", f'restrict,pty,{environment},command="{helper}" {key}')
        self.forced = False

    def new_host_key(self):
        """As a machine that was installed anew, or another one at its address."""
        for suffix in ("", ".pub"):
            Path(f"{self.host_key}{suffix}").unlink()
        keygen(self.host_key)

    def log_text(self):
        log = self.folder / "sshd.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def calls(self):
        """What the stand-ins were called with, without the looks at the boot id."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.strip() for line in lines if not line.startswith(("cat ", "sudo "))]

    def commands(self):
        path = self.folder / "commands"
        return path.read_text().splitlines() if path.exists() else []

    def forget_calls(self):
        self.remove("calls")
        self.remove("commands")

    def options(self, **more):
        """A node's options to reach it: names with _ for -."""
        options = {
            "host": f"{self.address}:{self.port}",
            "user": self.user,
            "host-key": self.fingerprint,
            "key": self.client_key.read_text(),
        }
        options.update({name.replace("_", "-"): value for name, value in more.items()})
        return {name: value for name, value in options.items() if value is not None}

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        self.stop()
