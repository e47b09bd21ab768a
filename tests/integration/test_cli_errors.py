"""vbmcctl: the mistakes that people make - what they read, and the exit code that scripts read."""

import fcntl
import json
import os
import pty
import select
import socket
import subprocess
import termios
import time

import pytest


def ctl(daemon, *arguments, **options):
    return daemon.ctl(*arguments, check=False, **options)


def is_one_line(done):
    """An error is one line, perhaps with a hint; nothing of it is gRPC's."""
    lines = done.stderr.splitlines()
    assert lines and lines[0].startswith("vbmcctl: ")
    assert all(line.startswith("hint: ") for line in lines[1:])
    for word in ("grpc", "rpc error", "UNAVAILABLE", "INVALID_ARGUMENT", "NOT_FOUND", "ipv4:", "Status"):
        assert word not in done.stderr, done.stderr
    return lines


def test_name_taken(daemon, name):
    daemon.ctl("add", name, "--backend", "sim")
    done = ctl(daemon, "add", name, "--backend", "sim")
    assert done.returncode == 5
    assert is_one_line(done)[0].startswith(f"vbmcctl: node {name}: ")


def test_endpoint_taken_by_another_node(daemon, name):
    daemon.ctl("add", name, "--backend", "sim", "--port", "7001")
    done = ctl(daemon, "add", name + "b", "--backend", "sim", "--port", "7001")
    assert done.returncode == 5
    assert name in is_one_line(done)[0].removeprefix(f"vbmcctl: node {name}b: ")
    assert ctl(daemon, "show", name + "b").returncode == 3


def test_endpoint_taken_by_another_program(daemon, name):
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind((daemon.address, 7002))
        done = ctl(daemon, "add", name, "--backend", "sim", "--port", "7002")
    assert done.returncode in (1, 5)
    assert "7002" in is_one_line(done)[0] or "in use" in done.stderr


def test_an_address_of_another_machine(daemon, name):
    done = ctl(daemon, "add", name, "--backend", "sim", "--address", "192.0.2.77")
    assert done.returncode == 1
    assert "192.0.2.77" in is_one_line(done)[0]


def test_a_port_that_needs_a_privilege(new_daemon, name):
    if os.geteuid() != 0 or not os.path.exists("/usr/bin/setpriv"):
        pytest.skip("needs root to give the privilege up")
    if int(open("/proc/sys/net/ipv4/ip_unprivileged_port_start").read()) <= 623:
        pytest.skip("623 is free for all on this machine")
    daemon = new_daemon()
    daemon.folder.chmod(0o755)
    wrapper = daemon.folder / "bin"
    wrapper.mkdir()
    program = wrapper / "vbmcd"
    program.write_text(
        "#!/bin/sh\nexec setpriv --bounding-set -net_bind_service --inh-caps -net_bind_service "
        f'"{daemon.binaries}/vbmcd" "$@"\n'
    )
    program.chmod(0o755)
    (wrapper / "vbmcctl").symlink_to(daemon.binaries / "vbmcctl")
    daemon.binaries = wrapper
    daemon.start()
    done = ctl(daemon, "add", name, "--backend", "sim", "--port", "623")
    assert done.returncode == 1
    lines = is_one_line(done)
    assert "623" in lines[0]
    assert len(lines) == 2  # what to do about it


def test_backend_unknown(daemon, name):
    done = ctl(daemon, "add", name, "--backend", "smi")
    assert done.returncode == 2
    lines = is_one_line(done)
    assert lines[0] == f"vbmcctl: node {name}: there is no backend 'smi' (did you mean 'sim'?)"
    assert lines[1].startswith("hint: backends are sim")


def test_backend_missing_or_its_option_wrong(daemon, name):
    done = ctl(daemon, "add", name)
    assert done.returncode == 2 and "--backend sim" in done.stderr
    done = ctl(daemon, "add", name, "--backend", "sim", "--latncy", "1s")
    assert done.returncode == 2
    assert "has no option 'latncy' (did you mean 'latency'?)" in is_one_line(done)[0]
    done = ctl(daemon, "add", name, "--backend", "sim", "--latency", "soon")
    assert done.returncode == 2
    is_one_line(done)


@pytest.mark.parametrize("bad", ["a b", "-x", "a/b", "", "x" * 64, "ä"])
def test_bad_names(daemon, bad):
    done = ctl(daemon, "add", "--backend", "sim", "--", bad)
    assert done.returncode == 2
    is_one_line(done)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--port", "0"),
        ("--port", "65536"),
        ("--port", "http"),
        ("--address", "localhost"),
        ("--address", "1.2.3"),
        ("--label", "x"),
        ("--allow", "10.0.0.0/99"),
        ("--cipher-suites", "17,x"),
        ("--cipher-suites", "99"),
        ("--privilege-max", "root"),
        ("--password", "a", "--password-stdin"),
        ("--password-file", "/nowhere"),
        ("--password", "more than twenty bytes of it"),
        ("--target", "x"),
        ("--username", "a name that is much too long"),
    ],
)
def test_bad_values(daemon, name, arguments):
    done = ctl(daemon, "add", name, "--backend", "sim", *arguments)
    assert done.returncode == 2, done.stderr
    assert ctl(daemon, "show", name).returncode == 3


def test_target_without_a_name(daemon, name):
    done = ctl(daemon, "add", name, "--target", "ssh:host=192.0.2.7,user=vbmc")
    assert done.returncode == 2
    assert "needs a name" in is_one_line(done)[0]
    assert "--target NAME=KIND:KEY=VALUE" in done.stderr


def test_option_of_a_target_that_is_none(daemon, name):
    daemon.ctl("add", name, "--target", "main=sim", "--target", "host=sim")
    lines = is_one_line(ctl(daemon, "set", name, "option.hst.speed=2"))
    assert "no target 'hst' (did you mean 'host'?)" in lines[0]
    assert lines[1] == "hint: its targets are main, host"


def test_not_found_suggests(daemon, name):
    daemon.ctl("add", name, "--backend", "sim")
    for command in (("show",), ("start",), ("rm",), ("power", "on"), ("sel",), ("users",), ("edit",), ("ipmitool",)):
        done = ctl(daemon, command[0], *command[1:], name + "x")
        assert done.returncode == 3, command
        lines = is_one_line(done)
        assert lines[0].startswith(f"vbmcctl: node {name}x: "), command
        assert lines[1] == f"hint: did you mean '{name}'?", command
    done = ctl(daemon, "start", "zzz*")
    assert done.returncode == 3
    assert is_one_line(done)[0] == "vbmcctl: no node matches zzz*"


def test_partial_failure(daemon, name):
    daemon.ctl("add", name, "--backend", "sim")
    for command in ("show", "restart", "sensors", "users"):
        done = ctl(daemon, command, name, name + "x")
        assert done.returncode == 6, command
        assert f"node {name}x: " in done.stderr
    done = ctl(daemon, "restart", name + "x", name + "y")
    assert done.returncode == 3  # all failed in the same way


def test_wrong_use(daemon):
    cases = {
        (): None,
        ("lsit",): "unknown command 'lsit' (did you mean 'list'?)",
        ("list", "--al"): "unknown option '--al' (did you mean '--all'?)",
        ("list", "-o", "jso"): "no output format 'jso' (did you mean 'json'?)",
        ("list", "-c", "nam"): "no column 'nam' (did you mean 'name'?)",
        ("list", "-l", "a in b"): "cannot read the label selector 'a in b'",
        ("list", "n[5-1]"): "range [5-1] runs backwards",
        ("list", "--filter", "nme = x"): "unknown field",
        ("start",): "name the nodes",
        ("show",): "name the nodes",
        ("backend",): "A subcommand is required",
        ("completion", "ksh"): "no completion for 'ksh'",
        ("set", "n1"): "set needs KEY=VALUE",
        ("set", "n1", "adress=1"): "cannot set 'adress' (did you mean 'address'?)",
        ("wait", "n1", "--for", "runing"): "cannot wait for 'runing' (did you mean 'running'?)",
        ("wait", "n1"): "--for is required",
        ("users", "n1", "add"): "users add needs a user name",
        ("--color", "sometimes", "list"): "--color is auto, always or never",
        ("--request-timeout", "x", "list"): "'x' is not a duration",
    }
    for arguments, message in cases.items():
        done = ctl(daemon, *arguments)
        assert done.returncode == 2, (arguments, done.stderr)
        assert message is None or message in done.stderr, (arguments, done.stderr)
        assert done.stdout == "", arguments


def test_help(daemon):
    done = daemon.ctl("--help")
    assert "vbmcctl add n1 --backend sim" in done.stdout and "__complete" not in done.stdout
    assert daemon.ctl("help", "power").stdout == daemon.ctl("power", "--help").stdout
    assert "Usage: vbmcctl power" in daemon.ctl("help", "power").stdout
    assert daemon.ctl("backend", "describe", "-h").returncode == 0
    assert daemon.ctl("--version").stdout.startswith("vbmcctl ")


def run_without_daemon(daemon, *arguments, environment=None):
    return subprocess.run(
        [daemon.binaries / "vbmcctl", *map(str, arguments)],
        capture_output=True, text=True, timeout=60, env={**os.environ, **(environment or {})},
    )


def test_daemon_not_running(daemon, tmp_path):
    path = tmp_path / "none.sock"
    done = run_without_daemon(daemon, "--socket", path, "list")
    assert done.returncode == 7
    lines = is_one_line(done)
    assert lines[0] == f"vbmcctl: vbmcd does not answer at {path}: is it running? There is no such socket"
    assert "--socket" in lines[1] and "VBMC_SOCKET" in lines[1]
    assert run_without_daemon(daemon, "show", "n1", environment={"VBMC_SOCKET": str(path)}).returncode == 7
    for command in (("power", "n1", "on"), ("apply", "-f", "/dev/null", "--prune", "--all"), ("events",), ("users", "n1")):
        assert run_without_daemon(daemon, "--socket", path, *command).returncode == 7, command
    done = run_without_daemon(daemon, "--socket", path, "version")
    assert done.returncode == 0 and "does not answer" in done.stderr


def test_a_socket_that_nobody_serves(daemon, tmp_path):
    path = tmp_path / "stale.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    done = run_without_daemon(daemon, "--socket", path, "list")
    assert done.returncode == 7
    assert "left its socket behind" in is_one_line(done)[0]
    (tmp_path / "file").write_text("")
    assert run_without_daemon(daemon, "--socket", tmp_path / "file", "list").returncode == 7


def test_a_daemon_that_hangs(daemon, tmp_path):
    path = tmp_path / "slow.sock"
    with socket.socket(socket.AF_UNIX) as slow:
        slow.bind(str(path))
        slow.listen()
        done = run_without_daemon(daemon, "--socket", path, "--request-timeout", "500ms", "list")
    assert done.returncode == 8
    assert "did not answer within 500ms" in is_one_line(done)[0]


def test_a_socket_that_is_forbidden(daemon):
    if os.geteuid() != 0:
        pytest.skip("needs root to be somebody else")
    daemon.folder.chmod(0o755)
    done = subprocess.run(
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
         daemon.binaries / "vbmcctl", "--socket", daemon.socket, "list"],
        capture_output=True, text=True, timeout=60,
    )
    if "Permission denied" in done.stderr:
        pytest.skip("nobody may not run the program from here")
    assert done.returncode == 4
    assert "you may not use the socket" in is_one_line(done)[0]


def own_terminal():
    """For preexec_fn: standard input becomes the terminal that /dev/tty means."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def on_a_terminal(daemon, answers, *arguments):
    """Types each answer when its question is there; (exit code, all that was shown)."""
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [str(daemon.binaries / "vbmcctl"), "--socket", str(daemon.socket), *arguments],
        stdin=terminal, stdout=terminal, stderr=terminal,
        env={**os.environ, "NO_COLOR": "1"}, preexec_fn=own_terminal,
    )
    os.close(terminal)
    seen = b""
    waiting = list(answers)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        ready, _, _ = select.select([main], [], [], 0.2)
        try:
            chunk = os.read(main, 4096) if ready else b""
        except OSError:
            break
        seen += chunk
        if waiting and waiting[0][0] in seen:
            os.write(main, waiting.pop(0)[1])
        if not chunk and process.poll() is not None:
            break
    try:
        code = process.wait(timeout=10)  # before the terminal goes: that would be a SIGHUP
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    os.close(main)
    return code, seen.decode()


def test_a_password_is_asked_for_without_echo(daemon, name):
    daemon.ctl("add", name, "--backend", "sim")
    questions = [(b"New password: ", b"typed by hand\n"), (b"Again: ", b"typed by hand\n")]
    code, seen = on_a_terminal(daemon, questions, "users", name, "passwd", "admin")
    assert code == 0 and "user admin changed" in seen
    assert "typed by hand" not in seen
    shown = json.loads(daemon.ctl("show", name, "--secrets", "-o", "json").stdout)
    assert shown["users"][0]["password"] == "typed by hand"
    questions = [(b"Password: ", b"typed by hand\n"), (b"Again: ", b"something else\n")]
    code, seen = on_a_terminal(daemon, questions, "add", name + "x", "--backend", "sim", "--ask-password")
    assert code == 2 and "the two passwords differ" in seen
    code, seen = on_a_terminal(daemon, [(b"Password: ", b"\x03\n")], "add", name + "x", "--backend", "sim", "--ask-password")
    assert code == 1 and "interrupted" in seen
    assert ctl(daemon, "show", name + "x").returncode == 3


def test_more_than_twenty_are_asked_for(daemon, name):
    """On a terminal, and only there."""
    names = [f"{name}-{number:02d}" for number in range(21)]
    text = json.dumps([{"name": one, "backend": "sim", "enabled": False} for one in names])
    daemon.ctl("apply", "-f", "-", stdin=text)

    code, seen = on_a_terminal(daemon, [(b"[y/N]", b"n\n")], "rm", f"{name}-*")
    assert code == 1
    assert "delete 21 nodes? [y/N]" in seen and "nothing was changed" in seen
    assert len(daemon.ctl("list", f"{name}-*", "-o", "name").stdout.split()) == 21
    code, seen = on_a_terminal(daemon, [(b"[y/N]", b"y\n")], "rm", f"{name}-*")
    assert code == 0
    assert "21 nodes deleted" in seen
    daemon.ctl("apply", "-f", "-", stdin=text)
    code, seen = on_a_terminal(daemon, [], "rm", "-y", f"{name}-*")
    assert code == 0 and "[y/N]" not in seen
    assert "\x1b[K" in seen  # progress that redraws itself


def test_tls_options_are_all_needed(daemon, tmp_path):
    done = run_without_daemon(daemon, "--host", "127.0.0.1:1", "list")
    assert done.returncode == 2
    assert is_one_line(done)[0] == "vbmcctl: --host needs --tls-ca FILE"
    done = run_without_daemon(daemon, "add", "n1", "--backend", "ssh", "--host", "192.0.2.7")
    assert done.returncode == 2
    assert "--option host=HOST" in is_one_line(done)[1]  # which of the two hosts is which
    no_pem = tmp_path / "x"
    no_pem.write_text("text")
    done = run_without_daemon(daemon, "--host", "127.0.0.1:1", "--tls-ca", no_pem, "list")
    assert done.returncode == 2
    assert "is not a PEM file" in done.stderr


def test_an_option_beats_the_environment(daemon, tmp_path):
    elsewhere = {"VBMC_HOST": "127.0.0.1:1"}
    assert run_without_daemon(daemon, "--socket", daemon.socket, "list", environment=elsewhere).returncode == 0
    path = tmp_path / "none.sock"
    done = run_without_daemon(daemon, "--socket", path, "list", environment=elsewhere)
    assert done.returncode == 7 and str(path) in is_one_line(done)[0]
    done = run_without_daemon(daemon, "--socket", daemon.socket, "--host", "127.0.0.1:1", "list")
    assert done.returncode == 2 and "give one" in is_one_line(done)[0]
    both = {**elsewhere, "VBMC_SOCKET": str(daemon.socket)}
    done = run_without_daemon(daemon, "list", environment=both)
    assert done.returncode == 2 and "--host needs --tls-ca" in done.stderr  # VBMC_HOST counts


@pytest.mark.parametrize("host", ["192.0.2.7", "::1", "[::1]", "host:", ":6253", "host:https"])
def test_a_host_without_its_port(daemon, host):
    done = run_without_daemon(daemon, f"--host={host}", "list")
    assert done.returncode == 2
    assert is_one_line(done)[0] == f"vbmcctl: --host is HOST:PORT, not '{host}'"
    done = run_without_daemon(daemon, "list", environment={"VBMC_HOST": host})
    assert done.returncode == 2 and "VBMC_HOST is HOST:PORT" in done.stderr


def test_the_reader_may_go_away(daemon):
    done = subprocess.run(
        f"{daemon.binaries}/vbmcctl --socket {daemon.socket} backend describe sim | head -1",
        shell=True, capture_output=True, text=True, timeout=60,
    )
    assert done.stderr == ""


def test_output_that_is_lost_is_a_failure(daemon, name):
    daemon.ctl("add", name, "--backend", "sim")
    for form in ("table", "json", "csv", "name"):
        done = subprocess.run(
            f"{daemon.binaries}/vbmcctl --socket {daemon.socket} list -o {form} > /dev/full",
            shell=True, capture_output=True, text=True, timeout=60,
        )
        assert done.returncode == 1, form
        assert "could not be written" in is_one_line(done)[0]
