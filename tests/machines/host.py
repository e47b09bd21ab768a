"""A private libvirt host: a session daemon of an unprivileged user in a folder of its own, its guests, and a
boot server for their network. All of it ends with close(); what a guest or libvirtd leaves behind is a child of
this process then (it is a subreaper), and is ended, too."""

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
PR_SET_PDEATHSIG = 1
NOBODY = 65534
_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans():
    """QEMU daemonizes: without this nobody could tell whose it is. libvirtd waits until one that it ended is gone
    altogether, so somebody has to bury it."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    threading.Thread(target=_bury, daemon=True).start()


def _bury():
    while True:
        for pid in children():
            try:
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
                if state == "Z" and _name(pid).startswith("qemu-system"):
                    os.waitpid(pid, os.WNOHANG)
            except (OSError, IndexError):
                pass
        time.sleep(0.05)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def children():
    pids = []
    for task in Path("/proc/self/task").iterdir():
        try:
            pids += [int(pid) for pid in (task / "children").read_text().split()]
        except OSError:
            pass
    return pids


def _name(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


DOMAIN = """<domain type='qemu'>
  <name>{name}</name>
  {metadata}
  <memory unit='MiB'>{memory}</memory>
  <vcpu>1</vcpu>
  <os{firmware}>
    <type arch='x86_64' machine='{machine}'>hvm</type>
    {os}
  </os>
  <features><acpi/><apic/></features>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='{home}/{name}.img'/><target dev='vda' bus='virtio'/>{order1}
    </disk>
    <disk type='file' device='cdrom'>
      <driver name='qemu' type='raw'/>{medium}<target dev='sda' bus='sata'/><readonly/>{order2}
    </disk>
    <controller type='sata' index='0'/>
    <interface type='udp'>
      <mac address='{mac}'/>
      <source address='127.0.0.1' port='{far}'><local address='127.0.0.1' port='{near}'/></source>
      <model type='virtio'/>{order3}
    </interface>
    <serial type='pty'><target port='0'/></serial>
    <console type='pty'><target type='serial' port='0'/></console>
    <memballoon model='none'/>
  </devices>
</domain>
"""

UEFI = "<firmware><feature enabled='no' name='secure-boot'/><feature enabled='no' name='enrolled-keys'/></firmware>"


class Host:
    def __init__(self, images):
        self.images = Path(images)
        self.home = Path(tempfile.mkdtemp(prefix="vbmc-machines-"))
        self.user = NOBODY if os.getuid() == 0 else os.getuid()
        self.run = self.home / "run"
        self.socket = self.run / "libvirt" / "libvirt-sock"
        self.uri = f"qemu+unix:///session?socket={self.socket}"
        self.libvirtd = None
        self.helpers = []
        for folder in ("run", "config/libvirt", "cache", "data", "media"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        (self.home / "config/libvirt/qemu.conf").write_text('stdio_handler = "file"\n')
        (self.home / "config/libvirt/libvirtd.conf").write_text('auth_unix_rw = "none"\n')
        os.chmod(self.home, 0o755)
        self._give(self.home)

    def _give(self, path):
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", f"{self.user}:{self.user}", path], check=True)

    def _environment(self):
        home = str(self.home)
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": home,
            "XDG_RUNTIME_DIR": f"{home}/run",
            "XDG_CONFIG_HOME": f"{home}/config",
            "XDG_CACHE_HOME": f"{home}/cache",
            "XDG_DATA_HOME": f"{home}/data",
            "LANG": "C.UTF-8",
        }

    def start(self):
        command = ["/usr/sbin/libvirtd"]
        if os.getuid() == 0:
            command = [
                "setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups",
                "--pdeathsig=KILL", "--", *command,
            ]
        with open(self.home / "libvirtd.log", "ab") as log:
            self.libvirtd = subprocess.Popen(
                command,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
                cwd=self.home,
            )
        deadline = time.monotonic() + 30
        while self.virsh("version", check=False).returncode:
            if self.libvirtd.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"libvirtd did not start:\n{(self.home / 'libvirtd.log').read_text()}")
            time.sleep(0.1)

    def kill_libvirtd(self):
        self.libvirtd.kill()
        self.libvirtd.wait()

    def virsh(self, *arguments, check=True):
        return subprocess.run(
            ["virsh", "-q", "-c", self.uri, *map(str, arguments)],
            capture_output=True, text=True, check=check, timeout=60, stdin=subprocess.DEVNULL,
        )

    def xml(self, name):
        return self.virsh("dumpxml", name, "--inactive").stdout

    def add(self, name, number, uefi=False, by_device=False, metadata="", medium=None):
        """A guest: its disk and a CD that boot, and a network that boots. `by_device`: the boot order's other form."""
        near, far = 20000 + os.getpid() % 20000 + number * 2, 20001 + os.getpid() % 20000 + number * 2
        image = self.home / f"{name}.img"
        shutil.copyfile(self.images / "disk.img", image)
        iso = self.home / "cdrom.iso"
        if not iso.exists():
            shutil.copyfile(self.images / "cdrom.iso", iso)
        self._give(self.home)
        text = DOMAIN.format(
            name=name, home=self.home, metadata=metadata, memory=512 if uefi else 256,
            firmware=" firmware='efi'" if uefi else "", machine="q35" if uefi else "pc",
            os=(UEFI if uefi else "") + ("" if by_device else "<boot dev='hd'/>"),
            order1="<boot order='1'/>" if by_device else "", order2="", order3="<boot order='2'/>" if by_device else "",
            medium=f"<source file='{iso}'/>" if medium is None else medium,
            mac=f"52:54:00:00:00:{number:02x}", near=near, far=far,
        )
        path = self.home / f"{name}.xml"
        path.write_text(text)
        self.virsh("define", "--validate", path)
        self._serve_network(near, far)

    def _serve_network(self, near, far):
        """DHCP and TFTP out of QEMU's user network: no privilege, no address of this machine."""
        log = open(self.home / "network.log", "ab")
        self.helpers.append(subprocess.Popen(
            [
                "qemu-system-x86_64", "-M", "none", "-display", "none", "-monitor", "none", "-serial", "none",
                "-netdev", f"user,id=u,tftp={self.images / 'tftp'},bootfile=boot.ipxe",
                "-netdev", f"socket,id=s,udp=127.0.0.1:{near},localaddr=127.0.0.1:{far}",
                "-netdev", "hubport,id=h0,hubid=0,netdev=u", "-netdev", "hubport,id=h1,hubid=0,netdev=s",
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_parent,
        ))
        log.close()

    def close(self, keep=False):
        for helper in self.helpers:
            helper.kill()
            helper.wait()
        if self.libvirtd is not None and self.libvirtd.poll() is None:
            self.libvirtd.terminate()
            try:
                self.libvirtd.wait(10)
            except subprocess.TimeoutExpired:
                self.libvirtd.kill()
                self.libvirtd.wait()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            left = [pid for pid in children() if _name(pid).startswith(("qemu-system", "libvirt"))]
            if not left:
                break
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                except (ProcessLookupError, ChildProcessError):
                    pass
        if keep:
            print(f"the host's folder is kept: {self.home}")
        else:
            shutil.rmtree(self.home, ignore_errors=True)
