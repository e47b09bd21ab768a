#!/usr/bin/python3
"""Every IPMI client in Debian against a running vbmcd (as root: port 623).

    tests/interop/run.py --bin build/dev/bin            everything
    tests/interop/run.py --bin DIR --only freeipmi      rows whose client matches a regular expression
    tests/interop/run.py --list                         what there is

The table is in table/; a row a check. The last line is "N passed, N failed".
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

import hostile
import lossy
from checks import ADMIN, Check, Node, checks_of, run_check
from daemon import Daemon
from nodes import add_nodes
from table import SEQUENCES

LOGIN = Check("ipmitool -I lanplus -H {ip} -p {port} -U {user} -f {pwfile} power status", "^Chassis Power is ")
HOSTILE_NODES = (
    Node("hostile", "127.0.24.1", 623, logins=(ADMIN,)),
    Node("hostile-15", "127.0.24.2", 623, logins=(ADMIN,), ipmi15=True),
    Node("hostile-6", "::1", 16240, logins=(ADMIN,)),
)
FLOODED = Node("flooded", "127.0.24.3", 623, logins=(ADMIN,))


class Report:
    """Prints a row as it is done, and counts."""

    def __init__(self, verbose):
        self.lock = threading.Lock()
        self.verbose = verbose
        self.passed = 0
        self.failures = []

    def row(self, client, what, why, seconds=0.0, output=""):
        with self.lock:
            print(f"{'FAIL' if why else 'ok  '} {seconds:6.2f}s  {client:22.22} {what}", flush=True)
            if why:
                self.failures.append(f"{client}: {what}: {why}")
                print(f"      {why}")
                for line in output.strip().splitlines()[-12:]:
                    print(f"      | {line}")
            else:
                self.passed += 1
                if self.verbose:
                    for line in output.strip().splitlines()[:40]:
                        print(f"      | {line}")


def run_sequence(sequence, scratch, report):
    for check in checks_of(sequence):
        outcome = run_check(check, sequence.node, scratch)
        command = check.command.removeprefix(sequence.prefix).strip()
        row = check.title or command
        if check.login is not ADMIN:
            row = f"({check.login.name}) {row}"
        report.row(sequence.client, row, outcome.why, outcome.seconds, outcome.output)


def run_rows(client, rows, report):
    started = time.monotonic()
    for what, why in rows:
        now = time.monotonic()
        report.row(client, what, why, now - started)
        started = now


def run_hostile(scratch, report):
    for node in HOSTILE_NODES:
        def login_works(node=node):
            return run_check(LOGIN, node, scratch).ok

        run_rows(f"hostile {node.host}", hostile.check_killers(node, login_works), report)
        run_rows(f"hostile {node.host}", hostile.check_noise(node, login_works), report)
    empty = Check(
        "ipmitool -I lanplus -H {ip} -p {port} -U {user} -f {pwfile} raw 0x06 0x3b", "rsp=0xc7", code=1
    )
    for node in HOSTILE_NODES:
        outcome = run_check(empty, node, scratch)
        report.row(f"hostile {node.host}", "empty Set Session Privilege", outcome.why, outcome.seconds, outcome.output)
        outcome = run_check(LOGIN, node, scratch)
        report.row(f"hostile {node.host}", "log-in afterwards", outcome.why, outcome.seconds, outcome.output)


def run_flood(scratch, report, per_second=10_000, seconds=10, logins=10):
    """Ten of ten log-ins while one stranger opens sessions as fast as that."""
    flood = subprocess.Popen(
        [sys.executable, HERE / "flood.py", FLOODED.address, str(FLOODED.port), str(per_second), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        time.sleep(0.5)
        slowest, worked, during = 0.0, 0, 0
        for _ in range(logins):
            outcome = run_check(LOGIN, FLOODED, scratch)
            slowest = max(slowest, outcome.seconds)
            worked += outcome.ok
            during += flood.poll() is None
        rate = flood.communicate(timeout=seconds + 20)[0].strip()
    finally:
        flood.kill()
    report.row("flood", f"{worked} of {logins} log-ins, the slowest {slowest:.2f} s; {rate}", "" if worked == logins else "a log-in failed")
    reached = int(re.search(r"(\d+) a second", rate).group(1))
    enough = reached >= per_second * 0.8 and during == logins
    report.row("flood", f"{during} of {logins} log-ins while it lasted, {reached} a second", "" if enough else "no flood")


def run_lossy(only, scratch, report, jobs):
    proxies = lossy.Proxies()
    try:
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            done = []
            for number, ((label, faults), node) in enumerate(zip(lossy.NETWORKS.items(), lossy.nodes())):
                if only and not re.search(only, f"lossy {label}"):
                    continue
                rows = lossy.check_network(number, label, faults, node, proxies, scratch)
                done.append(pool.submit(run_rows, "lossy", rows, report))
            for future in done:
                try:
                    future.result()
                except RuntimeError as trouble:
                    report.row("lossy", "ran to its end", str(trouble))
    finally:
        proxies.stop()


def all_nodes():
    nodes = [sequence.node for sequence in SEQUENCES] + lossy.nodes() + [*HOSTILE_NODES, FLOODED]
    for key in (lambda n: n.name, lambda n: (n.address, n.port)):
        seen = [key(node) for node in nodes]
        twice = {value for value in seen if seen.count(value) > 1}
        if twice:
            raise SystemExit(f"the table uses these twice: {twice}")
    return nodes


def run_all(options, scratch, report):
    wanted = re.compile(options.only or "")
    sequences = [sequence for sequence in SEQUENCES if wanted.search(sequence.client)]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for future in [pool.submit(run_sequence, s, scratch, report) for s in sequences]:
            future.result()
    if wanted.search("lossy") or "lossy" in (options.only or ""):
        run_lossy(options.only if "lossy" in (options.only or "") else "", scratch, report, options.jobs)
    if wanted.search("hostile"):
        run_hostile(scratch, report)
    if wanted.search("flood"):
        run_flood(scratch, report)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default="build/dev/bin", help="where vbmcd and vbmcctl are")
    parser.add_argument("--only", default="", help="a regular expression over the client column")
    parser.add_argument("--jobs", type=int, default=4, help="sequences at once")
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs and state")
    parser.add_argument("--verbose", action="store_true", help="print what each client said")
    parser.add_argument("--list", action="store_true", help="print the table and end")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    nodes = all_nodes()
    if options.list:
        for sequence in SEQUENCES:
            for check in checks_of(sequence):
                print(f"{sequence.client:22} {sequence.node.host:20} {check.command}")
        return 0
    report = Report(options.verbose)
    daemon = Daemon(binaries=Path(options.bin).resolve())
    try:
        daemon.start()
        add_nodes(daemon, nodes)
        print(f"{len(nodes)} nodes, vbmcd pid {daemon.process.pid}, {daemon.folder}", flush=True)
        run_all(options, daemon.folder, report)
        report.row("vbmcd", "is still the same process", "" if daemon.alive() else "vbmcd ended")
        code = daemon.stop()
        report.row("vbmcd", "stopped cleanly", "" if code == 0 else f"exit code {code}")
    except BaseException:
        daemon.failed = True
        raise
    finally:
        daemon.failed = daemon.failed or bool(report.failures) or options.keep
        daemon.close()
    for failure in report.failures:
        print(f"FAILED {failure}")
    print(f"{report.passed} passed, {len(report.failures)} failed")
    return 1 if report.failures else 0


if __name__ == "__main__":
    os.environ.pop("VBMC_SOCKET", None)
    sys.exit(main(sys.argv[1:]))
