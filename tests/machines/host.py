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

from daemon import die_with_parent
from libvirtd import Libvirtd

PR_SET_CHILD_SUBREAPER = 36
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


class Host(Libvirtd):
    """libvirtd, its guests, and their network."""

    def __init__(self, images):
        self.images = Path(images)
        self.home = Path(tempfile.mkdtemp(prefix="vbmc-machines-"))
        self.helpers = []
        super().__init__(self.home)
        (self.home / "media").mkdir()
        self.give(self.home)

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
        self.give(self.home)
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
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent,
        ))
        log.close()

    def close(self, keep=False):
        for helper in self.helpers:
            helper.kill()
            helper.wait()
        self.stop()
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
