"""Everything at once on nodes that come and go: what one call looks at, another removes meanwhile.

Run against programs that were built with a sanitizer it looks for what nobody thought of; against any
others it still finds what kills the daemon or keeps it from ending.
"""

import os
import random
import socket
import subprocess
import threading
import time

import grpc
from api import connect, failure, module

nodes, power, sensors, console = (module(name) for name in ("nodes", "power", "sensors", "console"))
sel, sessions, users = (module(name) for name in ("sel", "sessions", "users"))

NAMES = [f"n{i:02}" for i in range(24)]
ROUNDS = int(os.environ.get("VBMC_TURMOIL_ROUNDS", "150"))
STOPS = 4
PASSWORD = "turmoil-password"
FAULTS = (
    {},
    {"latency": "30ms"},
    {"latency": "400ms", "error-rate": "30"},
    {"hang": "state"},
    {"hang": "power"},
    {"fail": "all"},
    {"flap": "50ms", "speed": "100"},
    {"initial-power": "on", "speed": "1000"},
)
ENDED = ("NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "UNAVAILABLE", "ABORTED", "UNIMPLEMENTED",
         "RESOURCE_EXHAUSTED", "CANCELLED", "DEADLINE_EXCEEDED")  # fmt: skip
PING = bytes((6, 0, 0xFF, 6, 0, 0, 0x11, 0xBE, 0x80, 7, 0, 0))
AUTH_CAPABILITIES = bytes.fromhex("0600ff07000000000000000000092018c88100388e04b5")
OPEN_SESSION = bytes.fromhex("0600ff0706100000000000000000200000000000a4a3a2a0000000080100000001000008010000000200000801000000")


class Hand(threading.Thread):
    """Does something ROUNDS times. Errors that come of others' doings are no errors."""

    def __init__(self, daemon, seed, deed):
        super().__init__(name=deed.__name__, daemon=True)
        self.vbmcd = daemon
        self.random = random.Random(f"{seed} {deed.__name__}")
        self.deed = deed
        self.enough = threading.Event()
        self.wrong = None

    def run(self):
        api = connect(self.vbmcd.socket)
        try:
            for _ in range(ROUNDS):
                try:
                    self.deed(self, api)
                except grpc.RpcError as error:
                    if failure(error).code not in ENDED or not self.vbmcd.alive():
                        raise
                if self.enough.is_set():
                    break
        except Exception as error:  # shown by the test, whatever it is
            self.wrong = error
        finally:
            api.close()

    def name(self):
        return self.random.choice(NAMES)


def come_and_go(hand, api):
    if hand.random.random() < 0.6:
        node = nodes.Node(name=hand.name())
        node.targets.add(kind="sim", options=hand.random.choice(FAULTS))
        user = users.User(name="admin", password=PASSWORD.encode(), privilege=users.PRIVILEGE_ADMINISTRATOR)
        api.nodes.CreateNode(nodes.CreateNodeRequest(node=node, users=[user]))
    else:
        api.delete(hand.name())


def remove_many(hand, api):
    time.sleep(0.02)
    api.batch(names=hand.random.sample(NAMES, 8), delete=nodes.BatchNodesRequest.Delete())


def look(hand, api):
    for _ in range(10):
        api.names()
    api.get(hand.name())


def read(hand, api):
    name = hand.name()
    hand.random.choice((
        lambda: api.sensors.ListSensors(sensors.ListSensorsRequest(node=name)),
        lambda: api.sel.ListSel(sel.ListSelRequest(node=name)),
        lambda: api.sessions.ListSessions(sessions.ListSessionsRequest(node=name)),
    ))()  # fmt: skip


def press(hand, api):
    call = power.SetPowerRequest(node=hand.name(), action=hand.random.randint(1, 6))
    if hand.random.random() < 0.3:
        api.power.GetPower(power.GetPowerRequest(node=hand.name()), timeout=0.5)
    else:
        api.power.SetPower(call, timeout=0.5)


def change(hand, api):
    name = hand.name()
    hand.random.choice((
        lambda: api.nodes.StopNode(nodes.StopNodeRequest(name=name)),
        lambda: api.nodes.StartNode(nodes.StartNodeRequest(name=name)),
        lambda: api.nodes.RestartNode(nodes.RestartNodeRequest(name=name)),
        lambda: api.update(name, paths=["labels"], labels={"x": str(hand.random.random())}),
        lambda: api.update(name, paths=["targets"], targets=[
            nodes.Target(kind="sim", options=hand.random.choice(FAULTS))]),
    ))()  # fmt: skip


def watch_console(hand, api):
    attach = console.OpenConsoleRequest.Attach(node=hand.name(), mode=hand.random.randint(1, 3))
    parts = [console.OpenConsoleRequest(attach=attach), console.OpenConsoleRequest(input=b"\r\nhelp\r\n")]
    stream = api.console.OpenConsole(iter(parts) if hand.random.random() < 0.5 else slowly(parts), timeout=0.3)
    for count, _ in enumerate(stream):
        if count > 3:
            stream.cancel()


def slowly(parts):
    for part in parts:
        yield part
        time.sleep(0.1)


def knock(hand, api):
    """Strangers' datagrams to every endpoint, and noise."""
    endpoints = [(node.endpoint.address, node.endpoint.port) for node in api.list().nodes]
    with socket.socket(type=socket.SOCK_DGRAM) as stranger:
        for endpoint in endpoints:
            for packet in (PING, AUTH_CAPABILITIES, OPEN_SESSION, hand.random.randbytes(40)):
                stranger.sendto(packet, endpoint)


def drive(hand, api):
    found = [node for node in api.list().nodes if node.endpoint.port]
    if not found:
        return
    node = hand.random.choice(found)
    words = hand.random.choice(("power status", "power on", "power cycle", "sdr list", "sel list", "mc reset cold"))
    subprocess.run(
        ["ipmitool", "-I", "lanplus", "-C", "3", "-H", node.endpoint.address, "-p", str(node.endpoint.port),
         "-U", "admin", "-P", PASSWORD, "-N", "1", "-R", "1", *words.split()],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False,
    )  # fmt: skip


DEEDS = (come_and_go, remove_many, look, look, read, press, change, watch_console, knock, drive)


def begin(daemon):
    """The seed, and hands at work."""
    seed = int(os.environ.get("VBMC_SEED", time.time()))
    print(f"VBMC_SEED={seed}")
    hands = [Hand(daemon, seed + number, deed) for number, deed in enumerate(DEEDS)]
    for hand in hands:
        hand.start()
    return seed, hands


def test_a_stop_in_the_turmoil(new_daemon):
    for _ in range(STOPS):
        daemon = new_daemon().start()
        seed, hands = begin(daemon)
        time.sleep(random.Random(seed).uniform(0.5, 2))
        code = daemon.stop()
        for hand in hands:
            hand.enough.set()
        for hand in hands:
            hand.join(60)
            assert not hand.is_alive(), f"{hand.name} does not end"
        assert code == 0, daemon.log_tail()
        assert "event=control.stopped" in daemon.log_text()


def test_turmoil(new_daemon):
    daemon = new_daemon().start()
    _, hands = begin(daemon)
    for hand in hands:
        hand.join(900)
    assert daemon.alive(), f"vbmcd ended with {daemon.process.returncode}:\n{daemon.log_tail()}"
    for hand in hands:
        assert not hand.is_alive(), f"{hand.name} does not end"
        assert hand.wrong is None, f"{hand.deed.__name__}: {hand.wrong!r}"
    api = connect(daemon.socket)
    api.batch(filter="*", delete=nodes.BatchNodesRequest.Delete())
    assert api.names() == []
    api.close()
    log = daemon.log_text()
    assert daemon.stop() == 0
    for word in ("node.fault", "control.exception", "source.fault"):
        assert f"event={word}" not in log


def typing(node, until):
    """A client that never stops typing."""
    attach = console.OpenConsoleRequest.Attach(node=node, mode=console.OpenConsoleRequest.Attach.FORCE)
    yield console.OpenConsoleRequest(attach=attach)
    while not until.is_set():
        yield console.OpenConsoleRequest(input=b"x")


def test_a_node_stops_while_its_consoles_are_typed_at(new_daemon):
    daemon = new_daemon().start()
    api = connect(daemon.socket)
    api.create("n1", {"initial-power": "on"})
    for _ in range(STOPS * 5):
        until = threading.Event()
        streams = [api.console.OpenConsole(typing("n1", until)) for _ in range(8)]
        for stream in streams:
            next(stream)  # attached
        api.nodes.StopNode(nodes.StopNodeRequest(name="n1"))
        for stream in streams:
            try:
                for _ in stream:
                    pass
            except grpc.RpcError as error:
                assert failure(error).reason == "NODE_STOPPED", failure(error)
        until.set()
        api.nodes.StartNode(nodes.StartNodeRequest(name="n1"))
    api.close()
    assert daemon.stop() == 0
