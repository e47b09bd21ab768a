"""One node, three ways to its machine: hard power by a cloud's API, soft actions by SSH, the console of a BMC."""

import json
import os
import pty
import select
import signal
import subprocess
import time

import pytest
from metal_fake import Cloud
from daemon import free_tcp_port
from sshd import Sshd

PASSWORD = "correct-horse-bat"


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return value


class Node:
    def __init__(self, daemon, name):
        self.daemon, self.name = daemon, name
        self.where = json.loads(daemon.ctl("show", name, "-o", "json").stdout)

    def command(self, *arguments):
        where = ["-H", self.where["address"], "-p", str(self.where["port"]), "-U", "admin", "-P", PASSWORD]
        return ["ipmitool", "-I", "lanplus", "-C", "17", *where, *arguments]

    def ipmi(self, *arguments, check=True):
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def add(daemon, name, *arguments):
    daemon.ctl("add", name, *arguments, "--username", "admin", "--password-stdin", stdin=PASSWORD + "\n")
    return Node(daemon, name)


def secret_file(folder, name, text):
    path = folder / name
    path.write_text(text)
    os.chmod(path, 0o400)
    return f"file:{path}"


@pytest.fixture
def world(tmp_path, new_daemon):
    (tmp_path / "sshd").mkdir()
    with Cloud("equinix") as cloud, Sshd(tmp_path / "sshd") as host:
        secrets = tmp_path / "credentials"
        secrets.mkdir()
        daemon = new_daemon(f"credentials:\n  directories: [{secrets}]\n").start()
        machine = cloud.add("web1")
        bmc = add(daemon, "bmc", "--backend", "sim", "--speed", "50", "--initial-power", "on")
        key = secret_file(secrets, "key", host.client_key.read_text())
        node = add(
            daemon, "n7",
            "--backend", "metal", "--uuid", machine.id, "--url", cloud.base,
            "--token", secret_file(secrets, "token", cloud.token),
            "--target", f"host=ssh:host={host.address}:{host.port},user={host.user},host-key={host.fingerprint},key={key},"
            "command-timeout=60s",
            "--target", f"bmc=ipmi:host={bmc.where['address']},port={bmc.where['port']},username=admin,"
            f"password={secret_file(secrets, 'bmc', PASSWORD)}",
            "--route", "soft=host,reset=host,sensors=host,console=bmc",
        )
        yield cloud, machine, host, bmc, node


def test_each_way_does_its_part(world):
    cloud, machine, host, _, node = world
    until(lambda: "off" in node.ipmi("chassis", "power", "status", check=False))
    node.ipmi("chassis", "power", "on")
    until(lambda: machine.phase == "on" and "is on" in node.ipmi("chassis", "power", "status", check=False))
    host.forget_calls()
    starts, posts = machine.starts, len(cloud.calls("POST"))

    node.ipmi("chassis", "power", "reset")
    until(lambda: "systemctl reboot --no-block" in host.calls())
    node.ipmi("chassis", "power", "soft")
    until(lambda: "systemctl poweroff --no-block" in host.calls())
    assert machine.starts == starts and len(cloud.calls("POST")) == posts  # the cloud was not asked

    node.ipmi("chassis", "power", "off")
    until(lambda: machine.phase == "off" and "is off" in node.ipmi("chassis", "power", "status", check=False))
    assert len(cloud.calls("POST", "/actions")) > 0


def test_the_console_is_the_bmc_s(world):
    node, bmc = world[4], world[3]
    until(lambda: "is on" in bmc.ipmi("chassis", "power", "status", check=False))
    master, slave = pty.openpty()
    process = subprocess.Popen(node.command("sol", "activate"), stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    seen = b""
    next_keys = None
    deadline = time.monotonic() + 20
    try:
        while b"X42Y" not in seen and time.monotonic() < deadline:
            if select.select([master], [], [], 0.2)[0]:
                seen += os.read(master, 4096)
            if b"operational" in seen and (next_keys is None or time.monotonic() > next_keys):
                os.write(master, b"\recho X$((6*7))Y\r")
                next_keys = time.monotonic() + 3
    finally:
        process.kill()
        process.wait()
        os.close(master)
    assert b"X42Y" in seen, seen


def test_a_dead_target_holds_up_no_other(world):
    cloud, machine, host, _, node = world
    node.ipmi("chassis", "power", "on")
    until(lambda: machine.phase == "on" and "is on" in node.ipmi("chassis", "power", "status", check=False))
    until(lambda: "Package id 0" in node.ipmi("sensor"))
    hung = host.children()
    for pid in hung:
        os.kill(pid, signal.SIGSTOP)  # takes bytes, and never answers
    try:
        node.ipmi("chassis", "power", "soft", check=False)  # to the dead one
        node.ipmi("sensor", check=False)
        node.ipmi("chassis", "power", "off")
        until(lambda: machine.phase == "off")  # a command to the dead one may take 30 s
        until(lambda: "is off" in node.ipmi("chassis", "power", "status", check=False))
    finally:
        for pid in hung:
            os.kill(pid, signal.SIGCONT)


def test_a_target_that_is_not_there_is_said_at_once(world, tmp_path):
    node = world[4]
    port = free_tcp_port()
    done = node.daemon.ctl(
        "add", "lonely", "--backend", "sim", "--target", f"host=ssh:host=127.0.0.1:{port},password=x,host-key=SHA256:{'A' * 43}",
        "--route", "soft=host",
    )  # fmt: skip
    assert "warning: target host does not answer" in done.stderr and "CONNECTION" not in done.stdout
    done = node.daemon.ctl("add", "lost", "--backend", "metal", "--uuid", "a", "--token", "x", "--url", f"http://127.0.0.1:{port}")
    assert "warning: the backend does not answer" in done.stderr and "refused" in done.stderr, done.stderr
    token = secret_file(tmp_path / "credentials", "again", world[0].token)
    done = node.daemon.ctl("add", "gone", "--backend", "metal", "--uuid", "a", "--token", token, "--url", world[0].base)
    assert "warning: the backend does not answer: Equinix Metal does not know what was asked for (404)" in done.stderr, done.stderr
    done = node.daemon.ctl(
        "add", "trusted", "--no-test", "--backend", "metal", "--uuid", "a", "--token", "x", "--url", f"http://127.0.0.1:{port}"
    )
    assert "warning" not in done.stderr
    assert {"lonely", "lost", "trusted"} <= set(node.daemon.ctl("list", "-o", "name").stdout.split())


def test_show_says_who_does_what(world):
    node = world[4]
    shown = node.daemon.ctl("show", node.name).stdout
    for words in ("soft", "host", "console", "bmc", "metal"):
        assert words in shown, shown
    refused = node.daemon.ctl("set", node.name, "routes.media=host", check=False)
    assert refused.returncode != 0 and "media" in refused.stderr
