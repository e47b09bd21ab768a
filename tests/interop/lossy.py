"""Clients behind a bad network: what they asked for happens, and happens once.

A client run that reports success has had its command carried out; one command of one run is never carried
out twice, however often its packets were repeated. Counted in the node's event log: a client adds records
that no other run adds, and every start of the machine leaves one.
"""

import asyncio
import itertools
import re
import threading
import time
from dataclasses import dataclass, replace

from checks import ADMIN, Check, Node, run_check
from lossy_proxy import Faults, start_proxy

IPMITOOL = "ipmitool -I lanplus -H {ip} -p {port} -U {user} -f {pwfile}"
RUNS_MAX = 12

NETWORKS = {
    "drop 10 %": Faults(drop=0.1),
    "drop 15 %": Faults(drop=0.15),
    "duplicate 40 %": Faults(duplicate=0.4),
    "reorder 20 %": Faults(reorder=0.2),
    "delay 30 % by 0.4 s": Faults(delay=0.3, delay_s=0.4),
    "corrupt 10 %": Faults(corrupt=0.1),
    "all of it": Faults(drop=0.08, duplicate=0.15, reorder=0.1, delay=0.1, delay_s=0.3, corrupt=0.04),
}


class Proxies:
    """Runs lossy proxies on a thread of their own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.running = []
        self.numbers = itertools.count(1)

    def add(self, node, faults):
        """The node as clients see it through a proxy at another address."""
        via = f"127.0.25.{next(self.numbers)}"
        start = start_proxy((via, node.port), (node.address, node.port), faults)
        transport, proxy = asyncio.run_coroutine_threadsafe(start, self.loop).result(10)
        self.running.append((transport, proxy))
        return replace(node, via=via), proxy

    def stop(self):
        for transport, _ in self.running:
            self.loop.call_soon_threadsafe(transport.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)


@dataclass
class Tally:
    runs: int = 0
    succeeded: int = 0


def repeat_until_done(check, node, scratch):
    """As Ironic does: the whole client again until it says that it worked."""
    tally = Tally()
    while tally.succeeded == 0 and tally.runs < RUNS_MAX:
        tally.runs += 1
        tally.succeeded += run_check(check, node, scratch).ok
    return tally


def event_log(node, scratch):
    """(text of the SEL, raw bytes of every record), straight from the node."""
    listed = run_check(Check(IPMITOOL + " sel list", limit=30, within=10), node, scratch)
    raw = run_check(Check(IPMITOOL + " sel writeraw {name}.sel", limit=30, within=10), node, scratch)
    if not (listed.ok and raw.ok):
        raise RuntimeError(f"{node.name} does not tell its event log: {listed.output} {raw.output}")
    return listed.output, (scratch / f"{node.name}.sel").read_bytes()


def starts_of(node, scratch):
    text, _ = event_log(node, scratch)
    return len(re.findall(r"System Boot Initiated|System Boot", text))


def check_records(node, lossy, scratch, label):
    """Add SEL Entry: nothing in it is idempotent."""
    tallies = {}
    for number in range(5):
        marker = 0xA0 + number
        record = f"0 0 2 0 0 0 0 0x41 0 4 1 0x30 1 {marker:#x} 0x5a 0xa5"
        check = Check(f"{IPMITOOL} raw 0x0a 0x44 {record}", r"^ [0-9a-f]{2} [0-9a-f]{2}$", limit=40)
        tallies[marker] = repeat_until_done(check, lossy, scratch)
    _, raw = event_log(node, scratch)
    why = ""
    for marker, tally in tallies.items():
        found = sum(raw[at + 13:at + 16] == bytes((marker, 0x5A, 0xA5)) for at in range(0, len(raw), 16))
        if not tally.succeeded:
            why = why or f"record {marker:#x}: no success in {tally.runs} runs"
        elif not 1 <= found <= tally.runs:
            why = why or f"record {marker:#x} is there {found} times after {tally.runs} runs"
    runs = sum(tally.runs for tally in tallies.values())
    yield f"{label}: 5 SEL entries in {runs} runs, each there once a run", why


def check_power(node, lossy, scratch, label, command, what):
    """Power cycle: one start of the machine for each run that got through."""
    run_check(Check(IPMITOOL + " power on", limit=20), node, scratch)
    run_check(Check(IPMITOOL + " power status", exact="Chassis Power is on\n", within=20), node, scratch)
    time.sleep(1)
    before = starts_of(node, scratch)
    runs = 0
    why = ""
    for _ in range(2):
        tally = repeat_until_done(Check(command, what, limit=60), lossy, scratch)
        runs += tally.runs
        why = why or ("" if tally.succeeded else f"no success in {tally.runs} runs")
        time.sleep(2)
    starts = starts_of(node, scratch) - before
    if not why and not 2 <= starts <= runs:
        why = f"{starts} starts after 2 successes in {runs} runs"
    yield f"{label}: 2 power cycles in {runs} runs, {starts} starts", why


def check_console(lossy, scratch, label):
    check = Check(
        IPMITOOL + " sol activate",
        terminal=(
            (r"\[SOL Session operational", "\r"),
            ("# ", "echo vbmc-$((40+2))\r"),
            ("vbmc-42", "\r~."),
            ("terminated ipmitool", ""),
        ),
        limit=40,
    )
    tally = repeat_until_done(check, lossy, scratch)
    yield f"{label}: a console in {tally.runs} runs", "" if tally.succeeded else "no success"


FREEIPMI = "ipmipower -h {host} -u {user} -p {password} -D LAN_2_0 -l ADMIN"
PYGHMI = "{clients}/pyghmi_session.py {ip} {port} {user} {password}"


def nodes():
    return [
        Node(f"lossy-{number}", f"127.0.23.{number + 1}", 623, logins=(ADMIN,), options=(("speed", "50"),))
        for number in range(len(NETWORKS))
    ]


def check_network(number, label, faults, node, proxies, scratch):
    """Every check of one network, on a node of its own."""
    lossy, proxy = proxies.add(node, replace(faults, seed=number + 1))
    label = f"{label} (seed {number + 1})"
    run_check(Check(IPMITOOL + " sel clear"), node, scratch)
    yield from check_records(node, lossy, scratch, f"ipmitool, {label}")
    cycle = IPMITOOL + " chassis power cycle"
    yield from check_power(node, lossy, scratch, f"ipmitool, {label}", cycle, "Chassis Power Control: Cycle")
    # freeipmi gives up at any answer of a handshake that comes twice: a BMC answers a doubled question once,
    # but cannot help where the network doubles the answer.
    single, _ = proxies.add(node, replace(faults, seed=number + 101, single_answers=True))
    yield from check_power(node, single, scratch, f"freeipmi, {label}", FREEIPMI + " --cycle", ": ok$")
    tally = repeat_until_done(Check(PYGHMI + " power", "^power: on$", limit=60), lossy, scratch)
    yield f"pyghmi, {label}: power in {tally.runs} runs", "" if tally.succeeded else "no success"
    if faults.corrupt == 0:
        yield from check_console(lossy, scratch, f"ipmitool, {label}")
    yield f"the network, {label}: {proxy.counts}", "" if proxy.counts.passed > 100 else "hardly any traffic"
