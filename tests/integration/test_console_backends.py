"""Every client of a serial console over every backend that has one: each gets the echo of a real shell, in a machine, behind a
login, or behind another BMC. What only the simulated machine is needed for: test_console.py."""

import contextlib
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from daemon import ROOT, free_tcp_port, free_udp_port, own_loopback
from ipmi_sim import Simulator
from pseudo_terminal import Terminal, until_echo
from serial_shell import PROMPT, SerialShell
from sshd import Sshd

sys.path.insert(0, str(ROOT / "tests" / "machines"))

from host import Host, adopt_orphans  # noqa: E402

PASSWORD = "console-password"
IMAGES = ROOT / "build" / "machines"
BOOT_S = 120


class Line:
    """A node whose console has a shell. `lose`: breaks the backend's stream, which comes back by itself."""

    def __init__(self, daemon, kind, prompt, options=(), lose=None):
        self.daemon, self.name, self.address, self.prompt, self.lose = daemon, f"{kind}-line", own_loopback(), prompt, lose
        words = [word for name, value in dict(options).items() for word in ("--option", f"{name}={value}")]
        daemon.ctl(
            "add", self.name, "--backend", kind, "--address", self.address, "--port", "623", "--password-stdin", *words,
            stdin=PASSWORD + "\n",
        )  # fmt: skip

    def ipmitool(self, *command, user="admin", privilege="ADMINISTRATOR"):
        who = ["-U", user, "-P", PASSWORD, "-L", privilege]
        return ["ipmitool", "-I", "lanplus", "-H", self.address, *who, "-C", "17", *command]

    def ipmi(self, *command, **who):
        command = self.ipmitool(*command, **who)
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)

    def free(self):
        """From a client that ended without a word."""
        self.ipmi("sol", "deactivate")

    def vbmcctl(self, *words):
        return [self.daemon.binaries / "vbmcctl", "--socket", self.daemon.socket, "console", self.name, *words]

    def turn_on(self):
        self.daemon.ctl("power", self.name, "on")
        self.daemon.ctl("wait", self.name, "--for", "power=on", "--timeout", "30s")
        return self


@contextlib.contextmanager
def sim(daemon):
    def lose():
        daemon.ctl("set", "sim-line", "option.latency=1ms")

    yield Line(daemon, "sim", "# ", {"speed": "50", "initial-power": "on"}, lose)


@contextlib.contextmanager
def ssh(daemon):
    folder = daemon.folder / "sshd"
    with Sshd(folder) as server:
        options = {**server.options(), "key": f"@{server.client_key}"}
        yield Line(daemon, "ssh", r"stand-in\$ ", options, server.drop_connections)


def bmc_options(simulator, **more):
    return {"host": "127.0.0.1", "port": simulator.port, "username": "admin", "password": "password", "cipher": "3", **more}


@contextlib.contextmanager
def ipmi(daemon):
    with Simulator(SerialShell()) as simulator:
        def lose():
            simulator.stop()
            time.sleep(1)
            simulator.start()

        yield Line(daemon, "ipmi", PROMPT, bmc_options(simulator), lose)


@contextlib.contextmanager
def libvirt(daemon):
    adopt_orphans()
    subprocess.run([ROOT / "tests" / "machines" / "build_guest.sh", IMAGES], check=True, capture_output=True)
    host = Host(IMAGES)
    try:
        host.start()
        host.add("guest", 90)

        def lose():
            host.kill()
            host.start()

        options = {"uri": host.qemu_uri, "domain": "guest"}
        yield Line(daemon, "libvirt", "vbmc-guest# ", options, lose)
    finally:
        host.close()


BACKENDS = {"sim": sim, "ssh": ssh, "ipmi": ipmi, "libvirt": libvirt}


@pytest.fixture(scope="module")
def lines(daemon):
    """(backend) -> its line, made when it is first asked for."""
    made = {}
    with contextlib.ExitStack() as stack:

        def get(backend):
            if backend not in made:
                line = stack.enter_context(BACKENDS[backend](daemon))
                if backend in ("ipmi", "libvirt"):
                    line.turn_on()
                with opened(line.vbmcctl()) as first:
                    until_echo(first, line.prompt, BOOT_S)
                made[backend] = line
            return made[backend]

        yield get


@pytest.fixture(params=BACKENDS)
def line(request, lines):
    return lines(request.param)


# The clients: how each is started, what it says when it is there, and how it is left.


@contextlib.contextmanager
def ipmitool(line, folder):
    yield line.ipmitool("sol", "activate"), "SOL Session operational", "\r~."


@contextlib.contextmanager
def ipmiconsole(line, folder):
    yield ["ipmiconsole", "-h", line.address, "-u", "admin", "-p", PASSWORD, "-I", "17"], "SOL established", "&."


@contextlib.contextmanager
def conman(line, folder):
    port = free_tcp_port()
    configuration = Path(folder) / "conman.conf"
    configuration.write_text(
        f'SERVER port={port}\nSERVER loopback=on\nSERVER pidfile="{folder}/conmand.pid"\n'
        f'CONSOLE name="{line.name}" dev="ipmi:{line.address}" ipmiopts="U:admin,P:{PASSWORD},C:17"\n'
    )
    server = subprocess.Popen(
        ["/usr/sbin/conmand", "-F", "-c", configuration], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 20
        while subprocess.run(["conman", "-d", f"127.0.0.1:{port}", "-q"], capture_output=True).returncode:
            assert server.poll() is None and time.monotonic() < deadline, "conmand does not answer"
            time.sleep(0.2)
        yield ["conman", "-d", f"127.0.0.1:{port}", line.name], "Connection to console", "&."
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def vbmcctl(line, folder):
    yield line.vbmcctl(), "connected to", "\r~."


CLIENTS = {"ipmitool": ipmitool, "ipmiconsole": ipmiconsole, "conman": conman, "vbmcctl": vbmcctl}


@contextlib.contextmanager
def opened(argv, greeting="", seconds=30):
    terminal = Terminal(argv)
    try:
        terminal.read_until(greeting, seconds)
        yield terminal
    finally:
        terminal.close()


@pytest.mark.parametrize("client", CLIENTS)
def test_echo(line, client, tmp_path):
    line.free()
    with CLIENTS[client](line, tmp_path) as (argv, greeting, leave), opened(argv, greeting) as terminal:
        until_echo(terminal, line.prompt)
        terminal.type(leave)
        assert terminal.wait() == 0


@pytest.mark.parametrize("line", ["sim", "ssh", "ipmi"], indirect=True)
def test_what_is_piped_in_is_answered(line):
    """Nobody has the console open before: the command waits for the backend's stream, and its answer is not cut off."""
    line.free()
    time.sleep(1)  # the stream that an earlier test had is closed
    for number in (31, 37):
        done = line.daemon.ctl("console", line.name, "--no-history", stdin=f"\recho $(({number}*3))\r")
        assert re.search(rf"[^\d*]{number * 3}[^\d]", done.stdout), done


def test_one_has_it_others_watch(line):
    line.free()
    with opened(line.ipmitool("sol", "activate"), "operational") as first, opened(line.vbmcctl("--view")) as watcher:
        assert "already active" in line.ipmi("sol", "activate").stderr
        until_echo(first, line.prompt)
        first.type("\recho seen-$((40+2))\r")
        watcher.read_until("seen-42")
        assert line.ipmi("sol", "deactivate").returncode == 0
        with opened(line.ipmitool("sol", "activate"), "operational") as second:
            until_echo(second, line.prompt)
            with opened(line.vbmcctl("--force"), "connected to") as forced:
                until_echo(forced, line.prompt)


def test_a_lost_stream_is_opened_again(line):
    line.free()
    with opened(line.ipmitool("sol", "activate"), "operational") as client:
        until_echo(client, line.prompt)
        line.lose()
        until_echo(client, line.prompt, 90)


@pytest.mark.parametrize("line", ["libvirt"], indirect=True)
@pytest.mark.parametrize("client, keys", [("ipmitool", "\r~B"), ("ipmiconsole", "&B"), ("vbmcctl", "\r~B")])
def test_a_break_reaches_the_machine(line, client, keys, tmp_path):
    """The kernel takes a break and a letter for a command to itself."""
    line.free()
    with CLIENTS[client](line, tmp_path) as (argv, greeting, leave), opened(argv, greeting) as terminal:
        until_echo(terminal, line.prompt)
        terminal.type(keys)
        time.sleep(1)
        terminal.type("h")
        terminal.read_until("sysrq: HELP")
        terminal.type(leave)
        assert terminal.wait() == 0


@pytest.mark.parametrize("line", ["sim"], indirect=True)
def test_who_may_end_a_session(line):
    """Whoever may only look cannot take a console from another user; whoever may operate the machine can."""
    line.free()
    for name, privilege in (("looker", "user"), ("worker", "operator")):
        line.daemon.ctl(
            "users", line.name, "add", name, "--privilege", privilege, "--password-stdin", stdin=PASSWORD + "\n"
        )
    with opened(line.ipmitool("sol", "activate"), "operational") as first:
        refused = line.ipmi("sol", "deactivate", user="looker", privilege="USER")
        assert refused.returncode and "nsufficient privilege" in refused.stderr, refused
        until_echo(first, line.prompt)
        assert line.ipmi("sol", "deactivate", user="worker", privilege="OPERATOR").returncode == 0
    assert "already de-activated" in line.ipmi("sol", "deactivate").stderr


@pytest.fixture
def upstream():
    with Simulator(SerialShell()) as simulator:
        yield simulator


def straight(simulator):
    """Somebody who has the BMC's own console."""
    where = ["-H", "127.0.0.1", "-p", str(simulator.port), "-U", "admin", "-P", "password", "-C", "3"]
    return ["ipmitool", "-I", "lanplus", *where, "sol", "activate"]


@pytest.mark.parametrize("takeover", ["false", "true"])
def test_a_console_that_is_taken_there(daemon, upstream, takeover):
    node = f"taken-{takeover}"
    with opened(straight(upstream), "operational") as other:
        until_echo(other, PROMPT)
        words = [f"--option={name}={value}" for name, value in bmc_options(upstream, **{"sol-takeover": takeover}).items()]
        daemon.ctl("add", node, "--backend", "ipmi", *words)
        if takeover == "false":
            piped = daemon.ctl("console", node, stdin="echo never\r", check=False)
            assert piped.returncode == 1 and "is in use" in piped.stderr, piped
        with opened([daemon.binaries / "vbmcctl", "--socket", daemon.socket, "console", node]) as console:
            if takeover == "false":
                console.read_until(f"cannot open {node}'s console: .*is in use.*tried again until it opens", 20)
                deadline = time.monotonic() + 20
                while "is in use" not in (told := daemon.ctl("events", node).stdout):
                    assert time.monotonic() < deadline, told
                    time.sleep(0.2)
                assert "sol-takeover" in told + daemon.ctl("show", node).stdout
                until_echo(other, PROMPT)  # undisturbed
                other.type("\r~.")
                other.wait()
            until_echo(console, PROMPT, 90)
    daemon.ctl("rm", node, "--yes")


@contextlib.contextmanager
def way_to(port, there):
    """A relay in front of the BMC, which can be cut."""
    command = [sys.executable, ROOT / "tests/interop/lossy_proxy.py", "--listen", f"127.0.0.1:{port}"]
    relay = subprocess.Popen([*command, "--target", f"127.0.0.1:{there}"], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        relay.kill()
        relay.wait()


def test_what_a_lost_session_left_behind(daemon, upstream):
    """The BMC keeps the old session's console for a minute more: the node takes back what is its own."""
    port = free_udp_port()
    words = [f"--option={name}={value}" for name, value in {**bmc_options(upstream), "port": port}.items()]
    with way_to(port, upstream.port):
        daemon.ctl("add", "cut", "--backend", "ipmi", *words)
        console = Terminal([daemon.binaries / "vbmcctl", "--socket", daemon.socket, "console", "cut"])
        until_echo(console, PROMPT)
    try:
        console.type("into the void\r")
        console.read_until("lost", 60)
        with way_to(port, upstream.port):
            until_echo(console, PROMPT, 90)
        assert "is in use" not in daemon.ctl("events", "cut").stdout
    finally:
        console.close()
    daemon.ctl("rm", "cut", "--yes")
