"""A node in front of another BMC: ipmitool -> vbmcd -> OpenIPMI's ipmi_sim, and -> another node of vbmcd."""

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import free_udp_port  # noqa: E402
from ipmi_sim import Simulator  # noqa: E402

PASSWORD = "correct-horse"


@pytest.fixture(scope="module")
def sim():
    with Simulator() as running:
        yield running


def add_node(daemon, name, *options):
    arguments = [word for option in options for word in ("--option", option)]
    daemon.ctl(
        "add", name, "--backend", "ipmi", *arguments, "--username", "admin", "--password-stdin", stdin=PASSWORD + "\n"
    )
    return endpoint(daemon, name)


def endpoint(daemon, name):
    node = json.loads(daemon.ctl("show", name, "-o", "json").stdout)
    return node["address"], node["port"]


class Node:
    def __init__(self, daemon, name, where):
        self.daemon, self.name, (self.host, self.port) = daemon, name, where

    def command(self, *arguments):
        where = ["-H", self.host, "-p", str(self.port), "-U", "admin", "-P", PASSWORD]
        return ["ipmitool", "-I", "lanplus", *where, "-C", "17", *map(str, arguments)]

    def ipmi(self, *arguments, check=True):
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise RuntimeError(f"ipmitool {arguments}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def wait_power(self, state, seconds=20):
        self.daemon.ctl("wait", self.name, "--for", f"power={state}", "--timeout", f"{seconds}s")


@pytest.fixture(scope="module")
def node(daemon, sim):
    options = ("host=127.0.0.1", f"port={sim.port}", "username=admin", "password=password", "mirror-interval=1s")
    made = Node(daemon, "up1", add_node(daemon, "up1", *options))
    made.wait_power("off")
    return made


def upstream(sim, *arguments):
    """ipmitool to the simulator itself."""
    where = ["-H", "127.0.0.1", "-p", str(sim.port), "-U", "admin", "-P", "password", "-C", "3"]
    command = ["ipmitool", "-I", "lanplus", *where, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


def eventually(look, seconds=10):
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen or time.monotonic() > deadline:
            return seen
        time.sleep(0.1)


def test_power(node, sim):
    node.ipmi("power", "on")
    node.wait_power("on")
    assert sim.power
    assert node.ipmi("power", "status").stdout == "Chassis Power is on\n"
    node.ipmi("power", "reset")
    assert eventually(lambda: "reset 1" in sim.actions())
    node.ipmi("power", "cycle")
    eventually(lambda: sim.actions()[-2:] == ["power 0", "power 1"])
    assert sim.actions()[-2:] == ["power 0", "power 1"]
    node.wait_power("on")
    node.ipmi("power", "soft")
    assert eventually(lambda: "shutdown 1" in sim.actions())
    node.wait_power("off")
    refused = node.ipmi("power", "reset", check=False)
    assert refused.returncode == 1
    node.ipmi("power", "on")
    node.wait_power("on")
    node.ipmi("power", "off")
    node.wait_power("off")
    assert sim.actions().count("reset 1") == 1


def test_boot_device(node, sim):
    node.ipmi("chassis", "bootdev", "pxe")
    assert eventually(lambda: "boot pxe" in sim.actions())
    node.ipmi("chassis", "bootdev", "cdrom", "options=persistent")
    assert eventually(lambda: "boot cdrom" in sim.actions())


def raw_code(node, *command):
    """The completion code, as text."""
    done = node.ipmi("raw", *command, check=False)
    return "0x00" if done.returncode == 0 else re.search(r"rsp=(0x..)", done.stderr).group(1)


def test_an_unknown_command_is_answered_by_the_bmc(node):
    assert raw_code(node, "0x30", "0x01", "0x02") == "0x00"  # one of the simulator's own
    assert raw_code(node, "0x3a", "0x01", "0x02") == "0xc1"


def test_sensors(node):
    listed = eventually(lambda: "Inlet Temp" in node.ipmi("sdr", "list").stdout)
    assert listed
    text = node.ipmi("sdr", "list").stdout
    assert re.search(r"Inlet Temp +\| 42 degrees C +\| ok", text), text
    assert re.search(r"Fan A +\| 4800 RPM +\| ok", text), text
    assert "Power Supply" in text  # the node's own are still there


def test_event_log(node, sim):
    before = node.ipmi("sel", "list").stdout
    record = "0 0 0x02 0 0 0 0 0x20 0 0x04 0x04 0x02 0x01 0x59 0x30 0xfa"  # fan 2 of the BMC: too slow
    upstream(sim, "raw", "0x0a", "0x44", *record.split())
    time.sleep(1.5)

    def listed():
        node.ipmi("power", "status")
        text = node.ipmi("sel", "elist").stdout
        return "Fan A" in text and text
    text = eventually(listed, 15)
    assert text and "Fan A" not in before
    node.ipmi("sel", "clear")
    time.sleep(2)
    node.ipmi("power", "status")
    assert "Fan A" not in node.ipmi("sel", "elist").stdout  # cleared here, whatever is kept there


def test_inventory(node):
    text = node.ipmi("fru", "print", "0").stdout
    assert re.search(r"Product Manufacturer +: Acme", text), text
    assert re.search(r"Product Serial +: SN-4711", text), text


def sol_session(node, keys, wanted, seconds=15):
    """What `ipmitool sol activate` shows after `keys` were typed."""
    master, slave = pty.openpty()
    process = subprocess.Popen(node.command("sol", "activate"), stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    seen = b""
    typed = False
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline and wanted not in seen:
            if select.select([master], [], [], 0.2)[0]:
                seen += os.read(master, 4096)
            if not typed and b"operational" in seen:
                time.sleep(1)  # the relay opens behind the activation
                os.write(master, keys)
                typed = True
    finally:
        os.write(master, b"\r~.")
        time.sleep(0.3)
        process.kill()
        process.wait()
        os.close(master)
    node.ipmi("sol", "deactivate", check=False)
    return seen


def test_console(node):
    seen = sol_session(node, b"hello", b"HELLO")
    assert b"HELLO" in seen, seen


def test_restart_and_silence(node, sim):
    """The upstream goes away and comes back: the node says so, and finds it again by itself."""
    node.ipmi("power", "on")
    node.wait_power("on")
    sim.stop()
    started = time.monotonic()
    refused = node.ipmi("power", "off", check=False)
    assert time.monotonic() - started < 8
    assert refused.returncode in (0, 1)
    assert raw_code(node, "0x3a", "0x01") in ("0xc3", "0xd3")  # nobody there to say C1
    down = eventually(lambda: "backend_down" in node.daemon.log_text(), 30)
    assert down
    sim.start()
    node.wait_power("off", 60)  # what was asked for, or what the machine is by now
    node.ipmi("power", "on")
    node.wait_power("on", 30)


@pytest.fixture
def slow(sim):
    """A way to the simulator that takes a second and a half in each direction, and loses some."""
    port = free_udp_port()
    proxy = Path(__file__).resolve().parents[1] / "interop" / "lossy_proxy.py"
    where = ["--listen", f"127.0.0.1:{port}", "--target", f"127.0.0.1:{sim.port}"]
    faults = ["--seed", "3", "--drop", "0.1", "--delay", "1", "--delay-s", "1.5"]
    process = subprocess.Popen([sys.executable, proxy, *where, *faults], stderr=subprocess.DEVNULL)
    yield port
    process.kill()
    process.wait()


def test_a_slow_upstream_makes_nobody_wait(daemon, node, slow, name):
    options = ("host=127.0.0.1", f"port={slow}", "username=admin", "password=password", "cipher=3")
    far_away = Node(daemon, name, add_node(daemon, name, *options))
    for _ in range(3):
        started = time.monotonic()
        far_away.ipmi("power", "status", check=False)  # the state, or "node busy": never a guess, never a wait
        assert time.monotonic() - started < 3
        started = time.monotonic()
        assert node.ipmi("power", "status").stdout.startswith("Chassis Power is o")
        assert time.monotonic() - started < 3


def test_wrong_password_says_so(daemon, sim, name):
    add_node(daemon, name, "host=127.0.0.1", f"port={sim.port}", "username=admin", "password=wrong")
    assert eventually(lambda: "the password is wrong" in daemon.ctl("show", name).stdout + daemon.log_text(), 15)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"username": "nobody"}, "says nothing to this user"),
        ({"cipher": "17"}, "none of the wanted cipher suites"),
        ({"kg": "0x0102"}, "the K_g key is wrong"),
        ({"password": "wrong"}, "the password is wrong"),
    ],
)
def test_what_is_wrong_with_a_log_in_is_said(daemon, sim, options, said):
    wanted = {"host": "127.0.0.1", "port": sim.port, "username": "admin", "password": "password", **options}
    arguments = [word for key, value in wanted.items() for word in ("--option", f"{key}={value}")]
    done = daemon.ctl("backend", "test", "ipmi", *arguments, check=False)
    assert done.returncode != 0 and said in done.stderr and "hint:" in done.stderr, done.stderr


@pytest.mark.parametrize("privilege", ["user", "operator"])
def test_a_session_of_less_privilege(daemon, sim, privilege):
    arguments = ("host=127.0.0.1", f"port={sim.port}", "username=oper", "password=operpass", f"privilege={privilege}")
    done = daemon.ctl("backend", "test", "ipmi", *(word for a in arguments for word in ("--option", a)))
    assert "answers: power is" in done.stdout


def test_events_of_one_second_and_after_a_clear(node, sim):
    """As many as the BMC has, also when they say the same, and also when its record ids begin anew."""
    alike = "0 0 0x02 0x10 0x32 0x54 0x36 0x20 0 0x04 0x04 0x02 0x01 0x59 0x30 0xfa"
    other = "0 0 0x02 0x10 0x32 0x54 0x36 0x20 0 0x04 0x04 0x02 0x81 0x59 0x30 0xfa"

    def count():
        node.ipmi("power", "status")
        return sum("Fan A" in line for line in node.ipmi("sel", "elist").stdout.splitlines())

    upstream(sim, "sel", "clear")
    node.ipmi("sel", "clear")
    time.sleep(1.1)  # what came in the second of the clear counts as cleared
    for record in (alike, alike):
        upstream(sim, "raw", "0x0a", "0x44", *record.split())
    assert eventually(lambda: count() == 2, 15), node.ipmi("sel", "elist").stdout
    upstream(sim, "sel", "clear")
    for record in (other, other, other):  # more than before: its ids pass those that were read
        upstream(sim, "raw", "0x0a", "0x44", *record.split())
    assert eventually(lambda: count() == 5, 15), node.ipmi("sel", "elist").stdout


@pytest.fixture(scope="module")
def behind(daemon):
    """A simulated machine's own node, as the upstream of another."""
    daemon.ctl(
        "add", "far", "--backend", "sim", "--speed", "50", "--username", "admin", "--password-stdin", stdin=PASSWORD + "\n"
    )
    host, port = endpoint(daemon, "far")
    options = (f"host={host}", f"port={port}", "username=admin", f"password={PASSWORD}", "cipher=17")
    made = Node(daemon, "near", add_node(daemon, "near", *options))
    made.wait_power("off")
    return made


def test_a_node_behind_a_node(behind):
    behind.ipmi("power", "on")
    behind.wait_power("on")
    far = json.loads(behind.daemon.ctl("show", "far", "-o", "json").stdout)
    assert far["status"]["power"] == "on"
    assert eventually(lambda: "CPU Temp" in behind.ipmi("sdr", "list").stdout)
    behind.ipmi("chassis", "bootdev", "pxe")
    shown = eventually(
        lambda: json.loads(behind.daemon.ctl("show", "far", "-o", "json").stdout)["status"]["boot"]["device"] == "pxe"
    )
    assert shown


def test_console_of_a_node_behind_a_node(behind):
    behind.ipmi("power", "on")
    behind.wait_power("on")
    seen = sol_session(behind, b"\recho X$((6*7))Y\r", b"X42Y")
    assert b"X42Y" in seen, seen
