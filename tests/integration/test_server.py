"""The server itself: info, health, reflection, roles on the socket, and starting twice."""

import ctypes
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import grpc
import pytest
from api import connect, fails, module
from daemon import Daemon

SUPPORT = Path(__file__).resolve().parents[1] / "support"
server = module("server")
NOBODY = 65534

CLIENT = """
import sys
sys.path.insert(0, {support!r})
import grpc
from api import connect, failure, module
api = connect({socket!r})
users, power, nodes = module("users"), module("power"), module("nodes")
calls = {{
    "info": lambda: api.server.GetServerInfo(module("server").GetServerInfoRequest()),
    "list": lambda: api.list(),
    "power": lambda: api.power.SetPower(power.SetPowerRequest(node="n1", action=1)),
    "batch-look": lambda: api.batch(names=["n1"], get_power=nodes.BatchNodesRequest.GetPower()),
    "batch-power": lambda: api.batch(names=["n1"], set_power=1),
    "batch-delete": lambda: api.batch(names=["x"], delete=nodes.BatchNodesRequest.Delete()),
    "apply": lambda: api.apply([]),
    "watch": lambda: next(api.events.WatchEvents(module("events").WatchEventsRequest())),
    "create": lambda: api.create("n2", validate_only=True),
    "secrets": lambda: api.users.GetNodeSecrets(users.GetNodeSecretsRequest(node="n1")),
}}
for name, call in calls.items():
    try:
        call()
        print(name, "OK")
    except grpc.RpcError as error:
        print(name, failure(error).reason or failure(error).code)
"""


def call_as(uid, gid, groups, socket):
    """{call: "OK" or the reason}, made by another user; `gid` is the socket's group."""
    script = CLIENT.format(support=str(SUPPORT), socket=str(socket))
    done = subprocess.run(
        [sys.executable, "-c", script],
        user=uid,
        group=gid,
        extra_groups=groups,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": "/"},
    )
    assert done.returncode == 0, done.stderr
    return dict(line.split() for line in done.stdout.splitlines())


def test_info(api, daemon):
    info = api.server.GetServerInfo(server.GetServerInfoRequest())
    assert info.version and info.api_version == "v1"
    assert info.state_dir == str(daemon.state_dir)
    assert info.pid == daemon.process.pid
    assert abs(info.started.seconds - time.time()) < 600
    assert f"unix:{daemon.socket}" in info.listeners
    assert info.caller.identity == f"uid:{os.getuid()}"
    assert list(info.caller.roles) == ["viewer", "operator", "admin", "secrets"]
    assert info.config
    before = info.nodes.total
    api.create("counted")
    after = api.server.GetServerInfo(server.GetServerInfoRequest()).nodes
    assert after.total == before + 1 and after.running >= 1


def test_health(api):
    check = api.channel.unary_unary("/grpc.health.v1.Health/Check")
    assert check(b"") == b"\x08\x01"  # status: SERVING
    with fails("NOT_FOUND"):
        check(b"\x0a\x07nothing")


def test_reflection(api):
    ask = api.channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    )
    answer = next(ask(iter([b"\x3a\x00"])))  # list_services
    for service in ("NodeService", "PowerService", "EventService", "ServerService", "UserService"):
        assert f"vbmc.v1.{service}".encode() in answer


def test_an_unknown_method(api):
    with fails("UNIMPLEMENTED"):
        api.channel.unary_unary("/vbmc.v1.NodeService/NoSuchMethod")(b"")


def test_garbage_is_refused(api):
    with pytest.raises(grpc.RpcError):  # gRPC's own answer, whatever the version
        api.channel.unary_unary("/vbmc.v1.NodeService/GetNode")(b"\xff\xff\xff")
    api.list()


def test_the_socket_is_private(daemon):
    mode = stat.S_IMODE(daemon.socket.stat().st_mode)
    assert mode & 0o007 == 0


def test_a_second_daemon_refuses(daemon):
    second = subprocess.run(
        [daemon.binaries / "vbmcd", "--state-dir", daemon.state_dir, "--config", daemon.config_file],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert second.returncode != 0
    assert len(second.stderr.strip().splitlines()[-1]) > 20
    assert daemon.alive()


def test_a_socket_that_somebody_answers_is_not_taken(daemon, new_daemon):
    thief = new_daemon()
    process = thief.spawn(["--socket", str(daemon.socket)])
    assert process.wait(30) != 0
    assert "answers" in thief.log_text()
    connect(daemon.socket).list()


def test_a_stale_socket_is_replaced(new_daemon):
    daemon = new_daemon().start()
    daemon.kill()
    assert daemon.socket.exists()
    daemon.start()
    connect(daemon.socket).list()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_roles_by_uid_and_group():
    with tempfile.TemporaryDirectory(prefix="vbmc-socket-") as folder:
        os.chmod(folder, 0o755)
        socket = Path(folder) / "control.sock"
        config = (
            f"socket:\n  path: {socket}\n  group: nogroup\n"
            "roles:\n"
            "  viewer: [\"gid:60001\"]\n"
            "  operator: [\"gid:60002\", \"uid:60010\"]\n"
            "  admin: [\"gid:60003\"]\n"
            "  secrets: [\"gid:60004\"]\n"
        )
        daemon = Daemon(config=config)
        daemon.socket = socket
        with daemon:
            connect(socket).create("n1")
            calls = "info list power batch-look batch-power batch-delete apply watch create secrets"
            view = {"info", "list", "batch-look", "watch"}
            operate = view | {"power", "batch-power"}
            for uid, groups, allowed in [
                (NOBODY, [], set()),
                (NOBODY, [60001], view),
                (NOBODY, [7, 60002], operate),
                (60010, [], operate),
                (NOBODY, [60003], set(calls.split())),
                (NOBODY, [60004], {"secrets"}),
                (NOBODY, [60001, 60004], view | {"secrets"}),
            ]:
                seen = call_as(uid, NOBODY, groups, socket)
                assert {call for call, result in seen.items() if result == "OK"} == allowed, groups
                refused = {result for result in seen.values() if result != "OK"}
                assert refused <= {"ROLE_REQUIRED"}
            assert "ROLE_REQUIRED" in daemon.log_text()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_roles_are_read_again_on_sighup():
    with tempfile.TemporaryDirectory(prefix="vbmc-socket-") as folder:
        os.chmod(folder, 0o755)
        socket = Path(folder) / "control.sock"
        config = f"socket:\n  path: {socket}\n  group: nogroup\n"
        daemon = Daemon(config=config)
        daemon.socket = socket
        with daemon:
            connect(socket).create("n1")
            assert call_as(60010, NOBODY, [], socket)["list"] == "ROLE_REQUIRED"
            daemon.configure(config + "roles:\n  viewer: [\"uid:60010\"]\n")
            daemon.reload()
            deadline = time.monotonic() + 10
            while call_as(60010, NOBODY, [], socket)["list"] != "OK":
                assert time.monotonic() < deadline


def test_changes_are_audited(api, daemon, name):
    api.create(name)
    api.delete(name)

    def lines_of_the_log():
        return [line for line in daemon.log_text().splitlines() if "control.audit" in line and name in line]

    deadline = time.monotonic() + 10  # the log has a thread of its own
    while len(lines := lines_of_the_log()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(lines) == 2
    assert all(f"uid:{os.getuid()}" in line for line in lines)
    assert "CreateNode" in lines[0] and "DeleteNode" in lines[1]


def test_stopping_does_not_wait_for_a_backend_that_hangs(new_daemon):
    daemon = new_daemon().start()
    client = connect(daemon.socket)
    client.create("n1", options={"hang": "power"})
    power = module("power")
    call = client.power.SetPower.future(power.SetPowerRequest(node="n1", action=1))
    time.sleep(0.5)
    began = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began < 10
    # The reason may get lost where the connection ends first; that it fails, and at once, is the promise.
    with fails("UNAVAILABLE"):
        call.result()
    client.close()


def test_it_stops_also_while_it_starts(new_daemon):
    daemon = new_daemon().start()
    fleet = {"nodes": [{"name": "n[001-200]", "backend": {"kind": "sim"}}]}
    daemon.ctl("apply", "-f", "-", stdin=json.dumps(fleet))
    assert daemon.stop() == 0
    for milliseconds in range(0, 200, 10):
        daemon.spawn()
        time.sleep(milliseconds / 1000)
        # Before it listens for signals, a signal ends it as it ends any program.
        assert daemon.stop() in (0, -signal.SIGTERM), f"SIGTERM after {milliseconds} ms is lost"


def thread_named(pid, name):
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    raise LookupError(name)


@pytest.mark.parametrize("thread", ["control", "shard-0", "control-accept"])
def test_a_fault_has_last_words(new_daemon, thread):
    daemon = new_daemon().start()
    pid = daemon.process.pid
    tgkill = 234  # x86-64: a fault is a thread's own
    assert ctypes.CDLL(None).syscall(tgkill, pid, thread_named(pid, thread), signal.SIGSEGV) == 0
    assert daemon.process.wait(20) == -signal.SIGSEGV
    words = daemon.log_text()
    assert re.search(rf"^vbmcd: died of SIGSEGV in thread {thread}; this is a bug, please report", words, re.M)
    assert re.search(r"^\S*vbmcd\S*\(.*\) ?\[0x[0-9a-f]+\]$", words, re.M)


def test_a_log_that_nobody_reads_any_more_kills_nothing(new_daemon):
    daemon = new_daemon()
    reader, writer = os.pipe()
    process = daemon.spawn(log=writer)
    os.close(writer)
    daemon.await_answer()
    os.close(reader)
    for number in range(3):
        daemon.ctl("add", f"n{number}", "--backend", "sim")  # a log line each
    assert process.poll() is None
    assert len(daemon.ctl("list", "-o", "name").stdout.split()) == 3
    assert daemon.stop() == 0
