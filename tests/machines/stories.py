"""What the guests live through. A story is steps in order; stories of different guests run beside each other."""

import os
import re
import signal
import time

from bmc import Sol

BOOT_S = 60  # a guest is up in about 6 s on an idle machine; the builds beside it take their share

TAGS = "<metadata><x:about xmlns:x='urn:test:about'><x:tags>lab, Rack7</x:tags><x:role>spare</x:role></x:about></metadata>"

GUESTS = {
    "bios": {},
    "uefi": {"uefi": True, "by_device": True},
    "plain": {"metadata": TAGS, "medium": "", "by_device": True},
}


def booted(sol, source, efi=0, seconds=BOOT_S):
    found = sol.expect(r"VBMC-GUEST-UP boot=(\w+) efi=(\d)", seconds)
    assert found.groups() == (source, str(efi)), f"booted from {found.group(1)} (efi={found.group(2)}), not {source}"


def bios(story):
    """Power, boot devices, console, all in one SOL session that outlives every power cycle."""
    bmc, host = story.bmc, story.rig.host
    consoles = []

    def ipmi(command):
        return lambda: bmc.run(command)

    def boots(command, source):
        def check():
            consoles[0].skip()
            bmc.run(command)
            booted(consoles[0], source)
        return check

    def refused(command, pattern):
        def check():
            said = bmc.run(command, check=False)
            assert re.search(pattern, said), said
        return check

    def own_reset(source):
        def check():
            sol = consoles[0]
            sol.echoes()
            sol.skip()
            sol.type("reboot -f\r")
            booted(sol, source)
        return check

    def nmi():
        bmc.run("chassis power diag")
        consoles[0].expect(r"NMI received", 15)

    def soft():
        bmc.run("chassis power soft")
        consoles[0].expect(r"VBMC-GUEST-BUTTON", 30)
        bmc.becomes("^off$", 20)

    def lost_button():
        consoles[0].skip()
        bmc.run("chassis power on")
        time.sleep(0.5)
        bmc.run("chassis power soft")  # nobody listens yet
        consoles[0].expect(r"VBMC-GUEST-BUTTON", 60)
        bmc.becomes("^off$", 20)

    def original_order():
        bmc.run("chassis bootdev cdrom options=persistent")
        _restored(host, "bios", "cdrom")
        bmc.run("chassis bootdev none")
        deadline = time.monotonic() + 10
        while "vbmcd" in host.xml("bios"):
            assert time.monotonic() < deadline, host.xml("bios")
            time.sleep(0.2)
        assert re.findall(r"<boot dev='(\w+)'", host.xml("bios")) == ["hd"], host.xml("bios")

    def setup():
        sol = consoles[0]
        bmc.run("chassis bootdev bios")
        sol.skip()
        bmc.run("chassis power on")
        sol.expect(r"Press ESC for boot menu", 40)
        time.sleep(0.5)
        sol.type("\x1b")
        sol.expect(r"Select boot device", 20)

    try:
        story.step("is off", lambda: bmc.becomes("^off$", 10))
        story.step("a reset while off is refused", refused("chassis power reset", "Command not supported in present state"))
        story.step("SOL opens before the machine is on", lambda: consoles.append(Sol(bmc)))
        story.step("on: from its disk", boots("chassis power on", "disk"))
        story.step("SOL: the guest's shell answers", lambda: consoles[0].echoes())
        story.step("diag: the guest reports an NMI", nmi)
        story.step("bootdev cdrom", ipmi("chassis bootdev cdrom"))
        story.step("cycle: from the CD-ROM; the same SOL session goes on", boots("chassis power cycle", "cdrom"))
        story.step("reset: one-time is over, from the disk", boots("chassis power reset", "disk"))
        story.step("SOL: the shell answers again", lambda: consoles[0].echoes())
        story.step("bootdev pxe persistent", ipmi("chassis bootdev pxe options=persistent"))
        story.step("reset: the pending change counts, from the network", boots("chassis power reset", "net"))
        story.step("cycle: still from the network", boots("chassis power cycle", "net"))
        story.step("bootdev disk for once", ipmi("chassis bootdev disk"))
        story.step("the guest reboots itself: from the disk", own_reset("disk"))
        story.step("restored", lambda: _restored(host, "bios", "network"))
        story.step("the guest reboots itself again: from the network", own_reset("net"))
        story.step("soft: the guest hears the button and goes off", soft)
        story.step("bootdev none: the original order stands in the definition", original_order)
        story.step("soft to a guest that still boots: told again", lost_button)
        story.step("bootdev bios: the firmware stops for a key, over SOL", setup)
        story.step("off", lambda: (bmc.run("chassis power off"), bmc.becomes("^off$", 10)))
    finally:
        for console in consoles:
            console.close()


def _restored(host, name, first):
    """Until that device is the first in the definition: a one-time choice is put back some seconds after the start."""
    deadline = time.monotonic() + 25
    while re.findall(r"<boot dev='(\w+)'", host.xml(name))[:1] != [first]:
        assert time.monotonic() < deadline, host.xml(name)
        time.sleep(0.3)


def uefi(story):
    """A UEFI guest whose boot order stands at its devices."""
    bmc, host = story.bmc, story.rig.host
    consoles = []

    def orders():
        """{target or 'net': order}"""
        found = {}
        for device in re.findall(r"<(?:disk|interface).*?</(?:disk|interface)>", host.xml("uefi"), re.S):
            order = re.search(r"<boot order='(\d+)'", device)
            target = re.search(r"<target dev='(\w+)'", device)
            if order:
                found[target.group(1) if target and "<disk" in device else "net"] = int(order.group(1))
        return found

    def boots(command, source):
        def check():
            consoles[0].skip()
            bmc.run(command)
            booted(consoles[0], source, efi=1, seconds=90)
        return check

    def persistent_cdrom():
        bmc.run("chassis bootdev cdrom options=efiboot,persistent")
        deadline = time.monotonic() + 10
        while orders() != {"sda": 1, "vda": 2, "net": 3}:
            assert time.monotonic() < deadline, orders()
            time.sleep(0.2)

    def restored():
        bmc.run("chassis bootdev none")
        deadline = time.monotonic() + 10
        while orders() != {"vda": 1, "net": 2} or "vbmcd" in host.xml("uefi"):
            assert time.monotonic() < deadline, host.xml("uefi")
            time.sleep(0.2)

    try:
        story.step("SOL opens", lambda: consoles.append(Sol(bmc)))
        story.step("on: from its disk, by UEFI", boots("chassis power on", "disk"))
        story.step("bootdev cdrom efiboot persistent: orders at the devices", persistent_cdrom)
        story.step("reset: from the CD-ROM, by UEFI", boots("chassis power reset", "cdrom"))
        story.step("bootdev none: the original orders", restored)
        story.step("cycle: from the disk, by UEFI", boots("chassis power cycle", "disk"))
        story.step("off", lambda: (bmc.run("chassis power off"), bmc.becomes("^off$", 10)))
    finally:
        for console in consoles:
            console.close()


def plain(story):
    """What happens behind vbmcd's back, media, sensors, FRU, discovery."""
    bmc, host, daemon = story.bmc, story.rig.host, story.rig.daemon
    iso = story.rig.host.home / "cdrom.iso"

    def behind():
        bmc.run("sel clear")
        host.virsh("start", "plain")
        took = bmc.becomes("^on$", 5)
        host.virsh("destroy", "plain")
        took = max(took, bmc.becomes("^off$", 5))
        assert took < 2, f"seen after {took:.1f} s"

    def in_log():
        said = bmc.run("sel elist")
        assert re.search(r"Power Unit.*(Power off|Power down)", said), said

    def efi_refused():
        said = bmc.run("chassis bootdev disk options=efiboot,persistent", check=False)
        deadline = time.monotonic() + 10
        while "it has a BIOS" not in daemon.log_text():
            assert time.monotonic() < deadline, said + daemon.log_tail()
            time.sleep(0.2)

    def media(image):
        return "raw 0x3c 0x01 " + " ".join(f"0x{byte:02x}" for byte in str(image).encode()) + " 0x00"

    def source_is(pattern):
        deadline = time.monotonic() + 15
        while not re.search(pattern, _drive(host.xml("plain")), re.S):
            assert time.monotonic() < deadline, _drive(host.xml("plain")) + daemon.log_tail(1000)
            time.sleep(0.2)

    def insert():
        bmc.run(media("cdrom.iso"))
        bmc.run("raw 0x3c 0x02")
        source_is(rf"<source file='{iso}'")

    def insert_url():
        bmc.run(media("http://127.0.0.1:8/x/a.iso"))
        bmc.run("raw 0x3c 0x02")
        source_is(r"type='network'.*protocol='http' name='x/a.iso'.*host name='127.0.0.1' port='8'")

    def eject():
        bmc.run("raw 0x3c 0x00")
        source_is(r"^(?!.*<source)")

    def boots_medium():
        sol = Sol(bmc)
        try:
            bmc.run("chassis bootdev cdrom")
            bmc.run("chassis power on")
            booted(sol, "cdrom")
        finally:
            sol.close()

    def sensors():
        deadline = time.monotonic() + 20
        while True:
            said = bmc.run("sdr elist full") + bmc.run("sdr elist compact")
            if re.search(r"CPU Usage\s+\|.*ok.*\d+ percent", said) and "Drive vda" in said:
                return
            assert time.monotonic() < deadline, said
            time.sleep(1)

    def fru():
        said = bmc.run("fru print 0")
        uuid = host.virsh("domuuid", "plain").stdout.strip()
        assert "QEMU" in said and uuid in said, said

    def listed():
        said = daemon.ctl("discover", "--backend", "libvirt", "--uri", host.qemu_uri, "-o", "json", check=False)
        assert said.returncode == 0 and "rack7" in said.stdout and "plain" in said.stdout, said.stdout + said.stderr

    story.step("start and destroy behind its back are seen at once", behind)
    story.step("and stand in the event log", in_log)
    story.step("UEFI boot of a BIOS guest is refused and reported", efi_refused)
    story.step("insert a medium by path", insert)
    story.step("and boot from it", boots_medium)
    story.step("sensors of the running guest", sensors)
    story.step("FRU", fru)
    story.step("eject it, while it runs", eject)
    story.step("insert one, while it runs", insert)
    story.step("and eject that", eject)
    story.step("off", lambda: (bmc.run("chassis power off"), bmc.becomes("^off$", 10)))
    story.step("insert a medium by URL, for the next start", insert_url)
    story.step("eject it", eject)
    if "discover" in daemon.ctl("--help").stdout:
        story.step("discover: names and tags", listed)


def _drive(xml):
    return next(disk for disk in re.findall(r"<disk.*?</disk>", xml, re.S) if "device='cdrom'" in disk)


def outage(story):
    """libvirtd dies under a running guest and comes back. Alone: the others would notice."""
    bmc, host, daemon = story.rig.bmcs["bios"], story.rig.host, story.rig.daemon
    consoles = []

    def start():
        daemon.ctl("set", "bios", "policy.stale_after=2s")  # how long it may tell what it saw last
        daemon.ctl("bootdev", "bios", "none")
        consoles.append(Sol(bmc))
        bmc.run("chassis power on")
        booted(consoles[0], "disk")

    def down():
        host.kill()
        deadline = time.monotonic() + 5
        while "node.backend_down node=bios" not in daemon.log_text():
            assert time.monotonic() < deadline, daemon.log_tail()
            time.sleep(0.1)
        bmc.becomes(r"Node busy", 10)

    def action_while_down():
        said = bmc.run("chassis power diag", check=False)
        assert re.search("Node busy|0xc0", said), said

    def back():
        host.start()
        bmc.becomes("^on$", 25)

    def console_back():
        consoles[0].echoes(40)

    try:
        story.step("on, with a console", start)
        story.step("libvirtd killed: node busy, no stale answer", down)
        story.step("a power action meanwhile: node busy", action_while_down)
        story.step("libvirtd is back: the power is known again", back)
        story.step("and the console, in the same SOL session", console_back)
        story.step("off", lambda: (bmc.run("chassis power off"), bmc.becomes("^off$", 15)))
    finally:
        for console in consoles:
            console.close()


def hang(story):
    """A QEMU that answers nothing: its own node waits, nobody else's does, and it can be turned off."""
    bmc, other, host = story.rig.bmcs["uefi"], story.rig.bmcs["plain"], story.rig.host

    def stuck():
        pid = int((host.home / "run/libvirt/qemu/run/uefi.pid").read_text())
        os.kill(pid, signal.SIGSTOP)
        bmc.run("chassis power diag", check=False)  # a call that libvirt never ends

    def others():
        for state in ("on", "off"):
            other.run(f"chassis power {state}")
            other.becomes(f"^{state}$", 20)

    story.step("on", lambda: (bmc.run("chassis power on"), bmc.becomes("^on$", 10)))
    story.step("its QEMU hangs in an NMI", stuck)
    story.step("another machine of the host goes on and off", others)
    story.step("off: the hanging one is ended", lambda: (bmc.run("chassis power off", check=False), bmc.becomes("^off$", 150)))
    story.step("and starts again", lambda: (bmc.run("chassis power on"), bmc.becomes("^on$", 10)))
    story.step("off", lambda: (bmc.run("chassis power off"), bmc.becomes("^off$", 15)))


STORIES = {"bios": bios, "uefi": uefi, "plain": plain, "outage": outage, "hang": hang}
ALONE = {"outage", "hang"}
