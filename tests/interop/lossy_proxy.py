#!/usr/bin/python3
"""A bad network between a client and a BMC: a UDP proxy that drops, duplicates, delays, reorders and
corrupts datagrams, each with a probability, from one seed.

    lossy_proxy.py --listen 127.0.0.1:7000 --target 127.0.20.1:623 --seed 7 --drop 0.1 --duplicate 0.1

Each direction of each client draws from a generator of its own, so that one packet more or less in the
other direction does not change what happens here. Counts go to standard error at the end.
"""

import argparse
import asyncio
import random
import sys
from dataclasses import dataclass, field, replace


@dataclass
class Faults:
    drop: float = 0.0
    duplicate: float = 0.0
    single_answers: bool = False  # duplicates only what the client sends
    reorder: float = 0.0  # held back until a later packet has passed, or 150 ms
    corrupt: float = 0.0  # one bit flips
    delay: float = 0.0
    delay_s: float = 0.2
    seed: int = 1


@dataclass
class Counts:
    passed: int = 0
    dropped: int = 0
    duplicated: int = 0
    reordered: int = 0
    corrupted: int = 0
    delayed: int = 0

    def __str__(self):
        return " ".join(f"{name}={value}" for name, value in vars(self).items())


class Line:
    """One direction of one client."""

    def __init__(self, faults, seed, send, counts):
        self.faults, self.send, self.counts = faults, send, counts
        if faults.single_answers and seed.endswith("/back"):
            self.faults = replace(faults, duplicate=0.0)
        self.random = random.Random(seed)
        self.held = None

    def forward(self, data):
        loop = asyncio.get_running_loop()
        faults, draw = self.faults, self.random.random
        # Always the same number of draws a packet: the fate of the next does not depend on this one's.
        drop, double, hold, corrupt, late = (draw() for _ in range(5))
        bit = self.random.randrange(len(data) * 8) if data else 0
        if drop < faults.drop:
            self.counts.dropped += 1
            return
        if corrupt < faults.corrupt and data:
            self.counts.corrupted += 1
            broken = bytearray(data)
            broken[bit // 8] ^= 1 << (bit % 8)
            data = bytes(broken)
        if hold < faults.reorder and self.held is None:
            self.counts.reordered += 1
            self.held = data
            loop.call_later(0.15, self.release)
            return
        self.counts.passed += 1
        if late < faults.delay:
            self.counts.delayed += 1
            loop.call_later(faults.delay_s, self.send, data)
        else:
            self.send(data)
        if double < faults.duplicate:
            self.counts.duplicated += 1
            loop.call_soon(self.send, data)
        self.release()

    def release(self):
        if self.held is not None:
            held, self.held = self.held, None
            self.send(held)


class Upstream(asyncio.DatagramProtocol):
    """The proxy's socket towards the BMC, one a client: the BMC must see different ports."""

    def __init__(self, line):
        self.line = line

    def datagram_received(self, data, _):
        self.line.forward(data)

    def error_received(self, _):
        pass


@dataclass
class Proxy(asyncio.DatagramProtocol):
    target: tuple
    faults: Faults
    counts: Counts = field(default_factory=Counts)
    clients: dict = field(default_factory=dict)
    transport: object = None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, client):
        if client in self.clients:
            waiting, line = self.clients[client]
            waiting.append(data) if line is None else line.forward(data)
            return
        self.clients[client] = ([data], None)
        asyncio.get_running_loop().create_task(self.open(client))

    async def open(self, client):
        seed = f"{self.faults.seed}/{len(self.clients)}"
        back = Line(self.faults, seed + "/back", lambda data: self.transport.sendto(data, client), self.counts)
        upstream, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Upstream(back), remote_addr=self.target
        )
        line = Line(self.faults, seed + "/forth", upstream.sendto, self.counts)
        waiting, _ = self.clients[client]
        self.clients[client] = ([], line)
        for data in waiting:
            line.forward(data)


async def start_proxy(listen, target, faults):
    """(transport, Proxy); the transport's own port says where it listens."""
    transport, proxy = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Proxy(target, faults), local_addr=listen
    )
    return transport, proxy


def endpoint(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", type=endpoint, required=True)
    parser.add_argument("--target", type=endpoint, required=True)
    for name in ("drop", "duplicate", "reorder", "corrupt", "delay"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    parser.add_argument("--delay-s", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


async def main():
    options = vars(parse(sys.argv[1:]))
    listen, target = options.pop("listen"), options.pop("target")
    _, proxy = await start_proxy(listen, target, Faults(**options))
    try:
        await asyncio.Event().wait()
    finally:
        print(proxy.counts, file=sys.stderr)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
