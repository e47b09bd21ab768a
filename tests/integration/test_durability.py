"""kill -9 at random moments: what was acknowledged is there afterwards, and nothing is half there."""

import os
import random
import socket
import threading
import time

import grpc
import pytest
from api import connect, failure

PING = bytes((6, 0, 0xFF, 6, 0, 0, 0x11, 0xBE, 0x80, 7, 0, 0))  # ASF 2.0 §3.2.4
WRITERS = 4
KILLS = 8
NAMES_EACH = 12
GONE = None


class Writer(threading.Thread):
    """Adds, changes and removes nodes of its own, one call after the other, until vbmcd is gone."""

    def __init__(self, number, socket_path, known, random_):
        super().__init__(daemon=True)
        self.api = connect(socket_path)
        self.names = [f"w{number}-{i}" for i in range(NAMES_EACH)]
        self.known = known  # name -> what was acknowledged last: its mark, or GONE
        self.random = random_
        self.doubt = {}  # the call under way at the end: either may be true
        self.calls = 0

    def run(self):
        while True:
            name = self.random.choice(self.names)
            was = self.known.get(name, GONE)
            mark = GONE if was is not GONE and self.random.random() < 0.3 else str(self.random.getrandbits(32))
            self.doubt = {name: (was, mark)}
            try:
                self.change(name, was, mark)
            except grpc.RpcError as error:
                assert failure(error).code == "UNAVAILABLE", failure(error)
                return
            self.known[name] = mark
            self.doubt = {}
            self.calls += 1

    def change(self, name, was, mark):
        if mark is GONE:
            self.api.delete(name)
        elif was is GONE:
            self.api.create(name, labels={"mark": mark})
        else:
            self.api.update(name, paths=["labels"], labels={"mark": mark})


def answers(address, port):
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(PING, (address, port))
        try:
            return client.recv(256)[8] == 0x40
        except TimeoutError:
            return False


def check(api, known, doubts):
    """All acknowledged, nothing more than what is in doubt; settles the doubts in `known`."""
    nodes = {node.name: node for node in api.list(page_size=1000).nodes}
    for name in {*known, *doubts, *nodes}:
        here = nodes[name].labels["mark"] if name in nodes else GONE
        may_be = doubts.get(name, (known.get(name, GONE),))
        assert here in may_be, f"{name}: {here!r} instead of {may_be}"
        known[name] = here
    ends = [(node.endpoint.address, node.endpoint.port) for node in nodes.values()]
    assert len(set(ends)) == len(ends)
    for node, end in zip(nodes.values(), ends):
        assert answers(*end), f"{node.name} does not answer at {end}"


def test_kills_cost_nothing_that_was_acknowledged(new_daemon):
    seed = int(os.environ.get("VBMC_SEED", time.time()))
    print(f"VBMC_SEED={seed}")
    chance = random.Random(seed)
    daemon = new_daemon()
    known, calls = {}, 0
    for _ in range(KILLS):
        daemon.start()
        writers = [Writer(n, daemon.socket, {}, random.Random(chance.getrandbits(32))) for n in range(WRITERS)]
        for writer in writers:
            writer.known.update((name, known[name]) for name in writer.names if name in known)
            writer.start()
        time.sleep(chance.uniform(0.05, 1.5))
        daemon.kill()
        doubts = {}
        for writer in writers:
            writer.join(30)
            assert not writer.is_alive()
            writer.api.close()
            known.update(writer.known)
            doubts.update(writer.doubt)
            calls += writer.calls
        daemon.start()
        api = connect(daemon.socket)
        check(api, known, doubts)
        api.close()
        assert daemon.stop() == 0
    assert calls > 50, "too few calls were acknowledged to say anything"
