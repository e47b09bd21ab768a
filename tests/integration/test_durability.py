"""kill -9 at random moments of creating, changing and deleting: what was acknowledged is there afterwards, nothing
half-made is, and every endpoint answers. What was under way when the process died may be done or not.
"""

import os
import random
import socket
import threading
import time

import grpc
from api import connect, module

nodes = module("nodes")
users = module("users")
PING = bytes.fromhex("0600ff06000011be80070000")
ROUNDS = 6
WORKERS = 4


class Model:
    """What one worker knows of its own nodes: {name: turn of the last change}, and what may also be."""

    def __init__(self, number, seed):
        self.prefix = f"w{number}-"
        self.random = random.Random(seed)
        self.known = {}
        self.unsure = {}  # name: what it would be if the call under way had been carried out; None: gone
        self.turn = 0
        self.acknowledged = 0

    def step(self, api):
        self.turn += 1
        names = sorted(self.known)
        kind = self.random.choice(["create", "create", "change", "password", "delete"]) if names else "create"
        name = f"{self.prefix}{self.turn}" if kind == "create" else self.random.choice(names)
        self.unsure = {name: None if kind == "delete" else self.turn}
        labels = {"turn": str(self.turn)}
        if kind == "create":
            api.create(name, labels=labels, users=[users.User(name="admin", password=self.password(self.turn))])
        elif kind == "change":
            api.update(name, ["labels"], labels=labels)
        elif kind == "password":
            user = users.User(name="admin", password=self.password(self.turn))
            self.unsure = {name: self.known[name]}  # the labels stay
            api.users.SetUser(users.SetUserRequest(node=name, user=user))
        else:
            api.delete(name)
        self.acknowledged += 1
        for name, turn in self.unsure.items():
            self.known[name] = turn
            if turn is None:
                del self.known[name]
        self.unsure = {}

    def password(self, turn):
        return f"password-{turn:05d}".encode()

    def check(self, seen):
        """`seen`: {name: turn} of what is there now. From here on that is what is known."""
        mine = {name: turn for name, turn in seen.items() if name.startswith(self.prefix)}
        for name in self.known.keys() | mine.keys():
            allowed = {self.known.get(name)}
            if name in self.unsure:
                allowed.add(self.unsure[name])
            assert mine.get(name) in allowed, (name, mine.get(name), allowed)
        self.known, self.unsure = mine, {}


def work(model, socket_path, stop):
    api = connect(socket_path)
    try:
        while not stop.is_set():
            model.step(api)
    except grpc.RpcError as error:  # the daemon is gone; anything else is a mistake of ours
        assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED), error
    finally:
        api.close()


def answers(node):
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(PING, (node.endpoint.address, node.endpoint.port))
        return client.recv(64)[8] == 0x40


def every_node_is_whole(api):
    """{name: turn}; each runs, answers at an end of its own, and has its user with a password."""
    seen, ends = {}, set()
    for node in api.list(page_size=5000).nodes:
        end = (node.endpoint.address, node.endpoint.port)
        assert end not in ends, node
        ends.add(end)
        assert node.status.state == nodes.NodeStatus.RUNNING, node
        assert answers(node), node.name
        secrets = api.users.GetNodeSecrets(users.GetNodeSecretsRequest(node=node.name))
        assert [(user.name, len(user.password)) for user in secrets.users] == [("admin", 14)], node.name
        seen[node.name] = int(node.labels["turn"])
    return seen


def test_kill_at_any_moment(new_daemon):
    seed = int(os.environ.get("VBMC_SEED", time.time()))
    print(f"VBMC_SEED={seed}")
    daemon = new_daemon().start()
    moments = random.Random(seed)
    models = [Model(number, seed * 100 + number) for number in range(WORKERS)]
    for _ in range(ROUNDS):
        stop = threading.Event()
        threads = [threading.Thread(target=work, args=(model, daemon.socket, stop)) for model in models]
        for thread in threads:
            thread.start()
        time.sleep(moments.uniform(0.2, 1.5))
        daemon.kill()
        stop.set()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
        daemon.start()
        api = connect(daemon.socket)
        seen = every_node_is_whole(api)
        api.close()
        for model in models:
            model.check(seen)
    assert sum(model.acknowledged for model in models) > 5 * ROUNDS


def test_an_acknowledged_node_survives_at_once(new_daemon):
    daemon = new_daemon().start()
    for turn in range(5):
        api = connect(daemon.socket)
        api.create(f"n{turn}", labels={"turn": "0"})
        daemon.kill()  # with the answer just read
        api.close()
        daemon.start()
    api = connect(daemon.socket)
    assert api.names() == [f"n{turn}" for turn in range(5)]
    api.close()
