"""Serial consoles: SOL by the real clients, vbmcctl console, watchers, take-over, scroll-back."""

import json
import os
import re
import shutil
import subprocess
import time

import pytest
from daemon import free_tcp_port
from pseudo_terminal import Terminal

@pytest.fixture
def terminals():
    made = []

    def make(argv, environment=None):
        made.append(Terminal(argv, environment))
        return made[-1]

    yield make
    for one in made:
        one.close()


PASSWORD = "console-password"


@pytest.fixture
def node(daemon, name):
    daemon.ctl(
        "add", name, "--backend", "sim", "--speed", "50", "--initial-power", "on", "--password-stdin",
        stdin=PASSWORD + "\n",
    )  # fmt: skip
    daemon.ctl("wait", name, "--for", "power=on", "--timeout", "20s")
    return json.loads(daemon.ctl("show", name, "-o", "json").stdout)


def endpoint(node):
    return node["name"], node["address"], str(node["port"])


def vbmcctl(daemon, *words):
    return [daemon.binaries / "vbmcctl", "--socket", daemon.socket, *words]


def sol(node, *words):
    _, address, port = endpoint(node)
    return [
        "ipmitool", "-I", "lanplus", "-H", address, "-p", port, "-U", "admin", "-P", PASSWORD, "-C", "17",
        *(words or ("sol", "activate")),
    ]  # fmt: skip


def echo(terminal, a, b):
    time.sleep(0.3)  # ipmitool forgets what was typed before its terminal is raw
    terminal.type(f"\recho $(({a}*{b}))\r")
    terminal.read_until(rf"[^\d*]{a * b}[^\d]")


def test_ipmitool_types_and_leaves(node, terminals):
    client = terminals(sol(node))
    client.read_until("SOL Session operational")
    echo(client, 6, 7)
    client.type("\r~.")
    client.read_until("terminated ipmitool")
    assert client.wait() == 0


def test_second_session_is_refused_until_the_first_is_deactivated(node, terminals):
    first = terminals(sol(node))
    first.read_until("SOL Session operational")
    second = subprocess.run(sol(node), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)
    assert "already active on another session" in second.stdout + second.stderr
    ended = subprocess.run(sol(node, "sol", "deactivate"), capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0, ended.stderr
    again = terminals(sol(node))
    again.read_until("SOL Session operational")
    echo(again, 11, 13)


def test_ipmiconsole(node, terminals):
    if shutil.which("ipmiconsole") is None:
        pytest.skip("freeipmi is not installed")
    _, address, port = endpoint(node)
    client = terminals(["ipmiconsole", "-h", f"{address}:{port}", "-u", "admin", "-p", PASSWORD, "-I", "17"])
    client.read_until("SOL established")
    echo(client, 17, 3)
    client.type("&.")
    assert client.wait() == 0


def test_conman(daemon, node, terminals, tmp_path):
    """conmand keeps the session; two clients watch, one writes."""
    if shutil.which("conmand") is None and not os.path.exists("/usr/sbin/conmand"):
        pytest.skip("conman is not installed")
    name, address, _ = endpoint(node)
    daemon.ctl("set", name, "port=623")
    number = 20000 + os.getpid() % 20000
    configuration = tmp_path / "conman.conf"
    configuration.write_text(
        f'SERVER port={number}\nSERVER loopback=on\nSERVER pidfile="{tmp_path}/conmand.pid"\n'
        f'CONSOLE name="{name}" dev="ipmi:{address}" ipmiopts="U:admin,P:{PASSWORD},C:17"\n'
    )
    server = subprocess.Popen(
        ["/usr/sbin/conmand", "-F", "-c", configuration], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        deadline = time.monotonic() + 20
        while json.loads(daemon.ctl("show", name, "-o", "json").stdout)["status"]["sessions"] != 1:
            assert time.monotonic() < deadline, "conmand does not log in"
            assert server.poll() is None, server.stdout.read().decode()
            time.sleep(0.2)
        client = terminals(["conman", "-d", f"127.0.0.1:{number}", name])
        client.read_until("Connection to console")
        time.sleep(1)
        echo(client, 19, 5)
        client.type("&.")
        client.wait()
    finally:
        server.terminate()
        server.wait()


def test_interactive_console(daemon, node, terminals):
    name, *_ = endpoint(node)
    client = terminals(vbmcctl(daemon, "console", name))
    client.read_until("connected to")
    echo(client, 21, 2)
    client.type("\r~?")
    client.read_until("sends a break")
    client.type("\r~B")
    client.read_until("SysRq")
    client.type("\r~.")
    assert client.wait() == 0


def test_piped_console(daemon, node):
    name, *_ = endpoint(node)
    done = daemon.ctl("console", name, stdin="\recho $((3*9))\r")
    assert re.search(r"^27\s*$", done.stdout, re.MULTILINE), done.stdout


def test_watchers_see_what_is_typed_and_cannot_type(daemon, node, terminals):
    name, *_ = endpoint(node)
    watchers = [terminals(vbmcctl(daemon, "console", name, "--view")) for _ in range(3)]
    time.sleep(1)
    for watcher in watchers:
        watcher.type("echo never\r")
    client = terminals(sol(node))
    client.read_until("SOL Session operational")
    echo(client, 23, 29)
    for watcher in watchers:
        watcher.read_until("667")
        assert "never\r\n#" not in watcher.seen


def test_one_types_at_a_time(daemon, node, terminals):
    name, *_ = endpoint(node)
    first = terminals(vbmcctl(daemon, "console", name))
    first.read_until("connected to")
    refused = daemon.ctl("console", name, check=False)
    assert refused.returncode == 5 and "in use by" in refused.stderr and "--force" in refused.stderr
    taken = daemon.ctl("console", name, "--force", stdin="\recho $((5*5))\r")
    assert "25" in taken.stdout
    first.read_until("took the console over")
    # An IPMI session is taken from as well, and takes it back.
    client = terminals(sol(node))
    client.read_until("SOL Session operational")
    refused = daemon.ctl("console", name, check=False)
    assert "in use by admin@" in refused.stderr
    taken = daemon.ctl("console", name, "--force", stdin="\recho $((9*9))\r")
    assert "81" in taken.stdout
    time.sleep(0.5)
    client.type("\recho not-$((8*8))\r")  # ipmitool itself does not notice
    time.sleep(0.5)
    assert "not-64" not in daemon.ctl("console", name, stdin="").stdout


def test_scroll_back(daemon, node):
    name, *_ = endpoint(node)
    daemon.ctl("console", name, stdin="\recho remember-$((7*7))\r")
    assert "remember-49" in daemon.ctl("console", name, "--force", stdin="").stdout
    assert "remember-49" not in daemon.ctl("console", name, "--no-history", stdin="").stdout


def test_the_scroll_back_is_64_kib(daemon, node):
    name, *_ = endpoint(node)
    line = "x" * 200
    daemon.ctl("console", name, "--no-history", stdin="".join(f"\recho {line}\r" for _ in range(200)))
    kept = daemon.ctl("console", name, stdin="").stdout
    assert 60_000 <= len(kept.replace("\n", "\r\n")) <= 66_000 or 60_000 <= len(kept) <= 66_000


def test_a_stopped_node_ends_the_console(daemon, node, terminals):
    name, *_ = endpoint(node)
    client = terminals(vbmcctl(daemon, "console", name))
    client.read_until("connected to")
    daemon.ctl("stop", name)
    assert client.wait() != 0
    assert "stopped or removed" in client.seen


def test_the_end_of_the_daemon_ends_the_console(new_daemon, terminals):
    own = new_daemon().start()
    own.ctl("add", "n1", "--backend", "sim", "--initial-power", "on")
    client = terminals(vbmcctl(own, "console", "n1"))
    client.read_until("connected to")
    assert own.stop() == 0
    assert client.wait() != 0


def test_a_console_that_cannot_be_opened_says_why(daemon, name, terminals):
    """A pipe ends with the reason, also the second one; a terminal stays and is told."""
    nowhere = ["--option", f"host=127.0.0.1:{free_tcp_port()}", "--option", "user=u"]
    daemon.ctl("add", name, "--backend", "ssh", "--option", "password=x", "--option", f"host-key=SHA256:{'A' * 43}", *nowhere)
    for typed in ("echo hi\r", ""):
        done = daemon.ctl("console", name, stdin=typed, check=False)
        assert done.returncode == 1, done
        assert f"cannot open {name}'s console: " in done.stderr and "nothing listens there" in done.stderr, done
    client = terminals(vbmcctl(daemon, "console", name))
    client.read_until(f"cannot open {name}'s console: .*nothing listens there.*tried again until it opens")
    client.type("\r~.")
    assert client.wait() == 0


def test_no_such_node(daemon):
    done = daemon.ctl("console", "nobody", check=False)
    assert done.returncode == 3 and "there is no node 'nobody'" in done.stderr


def test_opening_and_closing_is_told(new_daemon):
    own = new_daemon().start()
    own.ctl("add", "n1", "--backend", "sim", "--initial-power", "on")
    assert own.ctl("console", "n1", stdin="").returncode == 0
    deadline = time.monotonic() + 5
    while True:
        said = own.ctl("events", "n1").stdout
        if "console_opened" in said and "console_closed" in said:
            break
        assert time.monotonic() < deadline, said
        time.sleep(0.1)


def test_console_survives_new_options(daemon, node, terminals):
    """The backend's stream is opened anew, and SOL goes on."""
    name, *_ = endpoint(node)
    client = terminals(sol(node))
    client.read_until("SOL Session operational")
    echo(client, 31, 3)
    daemon.ctl("set", name, "option.latency=1ms")
    time.sleep(1)
    daemon.ctl("power", name, "on")
    daemon.ctl("wait", name, "--for", "power=on", "--timeout", "20s")
    time.sleep(2)
    echo(client, 37, 3)
