"""vbmcctl: power, bootdev, sel, sensors, users, sessions, ipmitool, events, backend, info, completion."""

import json
import os
import re
import subprocess
import time

import pytest


@pytest.fixture
def node(daemon, name):
    daemon.ctl("add", name, "--backend", "sim", "--speed", "50")
    return name


def wait_power(daemon, node, state):
    daemon.ctl("wait", node, "--for", f"power={state}", "--timeout", "20s")


def test_power(daemon, node):
    assert daemon.ctl("power", node, "status").stdout.split() == ["NAME", "POWER", node, "off"]
    assert daemon.ctl("power", node, "on").stdout == f"node {node} powered on\n"
    wait_power(daemon, node, "on")
    for action, done in (("reset", "reset"), ("cycle", "power-cycled"), ("diag", "interrupted"), ("nmi", "interrupted")):
        assert daemon.ctl("power", node, action).stdout == f"node {node} {done}\n"
        wait_power(daemon, node, "on")
    daemon.ctl("power", node, "soft")
    wait_power(daemon, node, "off")
    daemon.ctl("power", "on", node)  # the verb may come first
    wait_power(daemon, node, "on")
    daemon.ctl("power", node, "off")
    wait_power(daemon, node, "off")


def test_power_status_for_scripts(daemon, node):
    quiet = daemon.ctl("power", node, "status", "--quiet", check=False)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (3, "", "")
    daemon.ctl("power", node, "on")
    wait_power(daemon, node, "on")
    assert daemon.ctl("power", node, "status", "-q").returncode == 0
    assert json.loads(daemon.ctl("power", node, "status", "-o", "json").stdout) == [{"name": node, "power": "on"}]


def test_power_without_an_action(daemon, node):
    done = daemon.ctl("power", node, "statu", check=False)
    assert done.returncode == 2
    assert "'statu' is no power action (did you mean 'status'?)" in done.stderr
    for words, message in [
        ((node,), "power needs an action"),
        (("onn", node), "'onn' is no power action (did you mean 'on'?)"),
        ((node, "explode"), "'explode' is no power action\n"),
    ]:
        done = daemon.ctl("power", *words, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith(f"vbmcctl: {message}"), done.stderr


def test_a_refused_action_is_one_line(daemon, node):
    done = daemon.ctl("power", node, "cycle", check=False)  # the machine is off
    assert done.returncode == 1
    assert done.stderr.startswith(f"vbmcctl: node {node}: ")
    assert len([line for line in done.stderr.splitlines() if not line.startswith("hint: ")]) == 1


def test_bootdev(daemon, node):
    assert daemon.ctl("bootdev", node, "pxe").stdout == f"node {node} boots from pxe at the next start\n"
    boot = json.loads(daemon.ctl("show", node, "-o", "json").stdout)["status"]["boot"]
    assert boot == {"device": "pxe", "persistent": False, "efi": False}
    daemon.ctl("bootdev", node, "disk", "--persistent", "--uefi")
    boot = json.loads(daemon.ctl("show", node, "-o", "json").stdout)["status"]["boot"]
    assert boot == {"device": "disk", "persistent": True, "efi": True}
    daemon.ctl("bootdev", node, "none")
    boot = json.loads(daemon.ctl("show", node, "-o", "json").stdout)["status"]["boot"]
    assert boot["device"] == "none"
    done = daemon.ctl("bootdev", node, "pxi", check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("vbmcctl: 'pxi' is no boot device (did you mean 'pxe'?)")
    assert daemon.ctl("bootdev", node, "pxe", "--once", "--persistent", check=False).returncode == 2


def test_sel(daemon, node):
    daemon.ctl("power", node, "on")
    wait_power(daemon, node, "on")
    deadline = time.monotonic() + 10
    entries = []
    while not entries and time.monotonic() < deadline:
        entries = json.loads(daemon.ctl("sel", node, "-o", "json").stdout)
    assert entries and entries[0]["node"] == node
    assert re.fullmatch(r"[0-9a-f]{32}", entries[0]["raw"])
    assert daemon.ctl("sel", node, "list").stdout.split()[:2] == ["ID", "TIME"]
    assert daemon.ctl("sel", node, "clear").stdout == f"node {node} cleared its event log\n"
    assert len(json.loads(daemon.ctl("sel", node, "-o", "json").stdout)) < len(entries) + 1


def test_sensors(daemon, node):
    rows = json.loads(daemon.ctl("sensors", node, "-o", "json").stdout)
    assert rows and {"node", "number", "name", "type", "value", "unit", "state"} <= set(rows[0])
    assert daemon.ctl("sensors", node).stdout.split()[0] == "SENSOR"


def test_users(daemon, node, tmp_path):
    added = daemon.ctl("users", node, "add", "bob", "--privilege", "operator")
    assert f"node {node}: user bob added" in added.stdout
    assert re.search(r"^  password  \S{20}$", added.stdout, re.M)
    users = {row["name"]: row for row in json.loads(daemon.ctl("users", node, "-o", "json").stdout)}
    assert users["bob"]["privilege"] == "operator"
    assert set(users) == {"admin", "bob"}
    assert daemon.ctl("users", node, "add", "bob", check=False).returncode == 5
    secret = tmp_path / "pw"
    secret.write_text("another password\n")
    secret.chmod(0o600)
    daemon.ctl("users", node, "passwd", "bob", "--password-file", secret)
    shown = json.loads(daemon.ctl("show", node, "--secrets", "-o", "json").stdout)["users"]
    assert {user["name"]: user["password"] for user in shown}["bob"] == "another password"
    daemon.ctl("users", node, "set", "bob", "--disable", "--privilege", "user")
    users = {row["name"]: row for row in json.loads(daemon.ctl("users", node, "-o", "json").stdout)}
    assert users["bob"]["enabled"] is False and users["bob"]["privilege"] == "user"
    assert daemon.ctl("users", node, "set", "bo", "--enable", check=False).returncode == 3
    daemon.ctl("users", node, "rm", "bob")
    assert daemon.ctl("users", node, "rm", "bob", check=False).returncode == 3
    assert daemon.ctl("users", "list", node, "-o", "name").stdout == "admin\n"
    assert daemon.ctl("users", node, "passwd", "admin", check=False).returncode == 2


def test_a_short_password_is_warned_about(daemon, node):
    done = daemon.ctl("users", node, "add", "eve", "--password-stdin", stdin="short\n")
    assert "warning: " in done.stderr and "short" not in done.stdout


def test_ipmitool_prints_the_line(daemon, node):
    done = daemon.ctl("ipmitool", node, "--", "chassis", "status")
    assert re.fullmatch(
        rf"ipmitool -I lanplus -H {daemon.address} -p \d+ -U admin -C 17 -a chassis status\n", done.stdout
    )


def test_ipmitool_runs(daemon, node):
    done = daemon.ctl("ipmitool", node, "--run", "--", "power", "status")
    assert done.stdout == "Chassis Power is off\n"
    daemon.ctl("users", node, "add", "looker", "--privilege", "user")
    done = daemon.ctl("ipmitool", node, "--run", "--user", "looker", "--", "power", "status")
    assert done.stdout == "Chassis Power is off\n"
    assert daemon.ctl("ipmitool", node, "--run", "--user", "nobody", check=False).returncode == 3


def test_ipmitool_to_a_node_on_all_addresses(daemon, name):
    daemon.ctl("add", name, "--backend", "sim", "--address", "::", "--port", "6999")
    assert " -H 127.0.0.1 -p 6999 " in daemon.ctl("ipmitool", name).stdout
    assert daemon.ctl("ipmitool", name, "--run").stdout == "Chassis Power is off\n"


def test_ipmitool_with_kg(daemon, node, tmp_path):
    key = tmp_path / "kg"
    key.write_text("a key of the bmc\n")
    key.chmod(0o600)
    daemon.ctl("set", node, "--kg-file", key)
    assert daemon.ctl("ipmitool", node, "--run", "power", "status").stdout == "Chassis Power is off\n"
    assert daemon.ctl("ipmitool", node).stdout.endswith(" -a -Y power status\n")
    assert "K_g" in daemon.ctl("show", node).stdout
    daemon.ctl("set", node, "--no-kg")
    assert daemon.ctl("ipmitool", node).stdout.endswith(" -a power status\n")


def test_sessions_and_kick(daemon, node, tmp_path):
    assert "nobody is logged in" in daemon.ctl("sessions", node).stderr
    line = daemon.ctl("ipmitool", node, "--", "shell").stdout.split()
    password = json.loads(daemon.ctl("show", node, "--secrets", "-o", "json").stdout)["users"][0]["password"]
    secret = tmp_path / "pw"
    secret.write_text(password + "\n")
    words = ["-f" if word == "-a" else word for word in line]
    words.insert(words.index("-f") + 1, str(secret))
    shell = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        sessions = []
        deadline = time.monotonic() + 10
        while not sessions and time.monotonic() < deadline:
            sessions = json.loads(daemon.ctl("sessions", node, "-o", "json").stdout)
        assert sessions[0]["user"] == "admin" and sessions[0]["cipher_suite"] == 17
        assert sessions[0]["privilege"] == "administrator"
        assert daemon.ctl("sessions", node, "kick", sessions[0]["id"]).stdout == "1 session ended\n"
        assert json.loads(daemon.ctl("sessions", node, "-o", "json").stdout) == []
    finally:
        shell.kill()
        shell.wait()
    assert daemon.ctl("sessions", node, "kick", "0x1", check=False).returncode == 3
    assert daemon.ctl("sessions", node, "kick", check=False).returncode == 2
    assert daemon.ctl("sessions", node, "kick", "all").stdout == "0 sessions ended\n"


def test_events(daemon, node):
    daemon.ctl("power", node, "on")
    rows = json.loads(daemon.ctl("events", node, "-o", "json").stdout)
    kinds = [row["kind"] for row in rows]
    assert "node_added" in kinds and "action" in kinds
    assert {row["node"] for row in rows} == {node}
    only = json.loads(daemon.ctl("events", node, "--filter", "kind = ACTION", "-o", "json").stdout)
    assert {row["kind"] for row in only} == {"action"}
    assert json.loads(daemon.ctl("events", node, "-n", "1", "-o", "json").stdout)[0] == rows[-1]
    assert daemon.ctl("events", node, "--since", "1h").stdout.split()[0] == "TIME"
    assert daemon.ctl("events", "--since", "yesterday", check=False).returncode == 2


def test_events_say_who_did_what(new_daemon):
    """Also after the daemon was started anew."""
    daemon = new_daemon().start()
    daemon.ctl("add", "n1", "--backend", "sim")
    daemon.ctl("set", "n1", "labels.rack=7")
    daemon.ctl("users", "n1", "add", "ops", "--privilege", "operator")
    daemon.ctl("users", "n1", "set", "ops", "--privilege", "user", "--generate")
    daemon.ctl("bootdev", "n1", "pxe", "--uefi")
    daemon.ctl("ipmitool", "n1", "--run", "--", "user", "set", "name", "5", "guest")
    daemon.ctl("ipmitool", "n1", "--run", "--", "chassis", "bootdev", "cdrom")
    daemon.ctl("rm", "n1")
    for _ in range(2):
        told = [
            (row["who"], row["message"]) for row in json.loads(daemon.ctl("events", "n1", "-o", "json").stdout)
        ]
        me = f"uid:{os.getuid()}"
        for line in [
            (me, "added"),
            (me, "changed: labels"),
            (me, "user ops added: operator"),
            (me, "user ops changed: a new password, privilege operator to user"),
            (me, "boot from pxe (UEFI) at the next start"),
            (me, "removed"),
        ]:
            assert line in told, (line, told)
        by_ipmi = [message for who, message in told if who.startswith("admin@")]
        assert "users_changed name of user 5" in by_ipmi
        assert "boot from cdrom at the next start" in by_ipmi
        daemon.restart()


def test_events_follow(daemon, node):
    follower = subprocess.Popen(
        [daemon.binaries / "vbmcctl", "--socket", daemon.socket, "events", "-f", "-o", "jsonl", "-n", "1",
         "--filter", f"node = {node} AND kind = NODE_REMOVED"],
        stdout=subprocess.PIPE, text=True,
    )
    try:
        time.sleep(1)
        daemon.ctl("rm", node)
        line, _ = follower.communicate(timeout=20)
        assert json.loads(line)["node"] == node
        assert follower.returncode == 0
    finally:
        follower.kill()
        follower.wait()


def test_list_watch(daemon, node):
    watcher = subprocess.Popen(
        [daemon.binaries / "vbmcctl", "--socket", daemon.socket, "list", node, "-w", "-o", "jsonl"],
        stdout=subprocess.PIPE, text=True,
    )
    try:
        assert json.loads(watcher.stdout.readline())["name"] == node
        daemon.ctl("set", node, "labels.seen=yes")
        deadline = time.monotonic() + 20
        labels = {}
        while labels != {"seen": "yes"} and time.monotonic() < deadline:
            labels = json.loads(watcher.stdout.readline())["labels"]
        assert labels == {"seen": "yes"}
    finally:
        watcher.kill()
        watcher.wait()


def test_backends(daemon):
    assert "sim" in daemon.ctl("backend", "list", "-o", "name").stdout.split()
    text = daemon.ctl("backend", "describe", "sim").stdout
    assert "latency" in text and "duration" in text
    options = json.loads(daemon.ctl("backend", "describe", "sim", "-o", "json").stdout)["options"]
    assert {"name", "type", "required", "default", "help"} <= set(options[0])
    said = daemon.ctl("backend", "test", "sim", "--speed", "9").stdout.splitlines()
    assert said[0] == "backend sim answers: power is off"
    assert "boot" in said[1] and "console" in said[1]
    done = daemon.ctl("backend", "describe", "sin", check=False)
    assert done.returncode == 2
    assert "there is no backend 'sin' (did you mean 'sim'?)" in done.stderr
    assert daemon.ctl("backend", "test", "sim", "--option", "sped=1", check=False).returncode == 2
    assert daemon.ctl("backend", "test", "sim", "--fail", "all", check=False).returncode == 1


def test_info_and_version(daemon):
    text = daemon.ctl("info").stdout
    assert str(daemon.socket) in text and "admin" in text
    document = json.loads(daemon.ctl("info", "-o", "json").stdout)
    assert document["pid"] == daemon.process.pid
    assert daemon.ctl("info", "-o", "csv", "-c", "pid", "--no-header").stdout == f"{daemon.process.pid}\n"
    assert re.fullmatch(r"vbmcctl \d+\.\d+\.\d+\nvbmcd   \d+\.\d+\.\d+\n", daemon.ctl("version").stdout)
    assert set(json.loads(daemon.ctl("version", "-o", "json").stdout)) == {"client", "server", "api"}


def complete(daemon, *words):
    lines = daemon.ctl("__complete", "--", *words).stdout.splitlines()
    return [line.split("\t")[0] for line in lines[:-1]], lines[-1]


def test_completion(daemon, node):
    assert complete(daemon, "po") == (["power"], ":4")
    assert node in complete(daemon, "show", node[:2])[0]
    assert "status" in complete(daemon, "power", node, "")[0]
    assert complete(daemon, "add", "x", "--backend", "si")[0] == ["sim"]
    assert "--latency" in complete(daemon, "add", "x", "--backend", "sim", "--la")[0]
    assert complete(daemon, "list", "-o", "js") == (["json", "jsonl"], ":4")
    assert complete(daemon, "apply", "-f", "")[1] == ":0"
    assert complete(daemon, "backend", "de")[0] == ["describe"]
    assert "__complete" not in complete(daemon, "")[0]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(daemon, shell):
    assert "__complete" in daemon.ctl("completion", shell).stdout


def test_bash_completes(daemon, node, tmp_path):
    script = (
        f"PATH={daemon.binaries}:$PATH; export VBMC_SOCKET={daemon.socket}\n"
        "source <(vbmcctl completion bash)\n"
        f"COMP_WORDS=(vbmcctl power {node} st); COMP_CWORD=3; _vbmcctl; echo \"${{COMPREPLY[@]}}\"\n"
        "COMP_WORDS=(vbmcctl wait x --for power = o); COMP_CWORD=5; _vbmcctl; echo \"${COMPREPLY[@]}\"\n"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30)
    assert done.stdout.splitlines()[0] == "status", done.stderr
    assert done.stdout.splitlines()[1] == "on off"
