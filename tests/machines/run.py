#!/usr/bin/python3
"""vbmcd in front of real machines: QEMU guests of a private libvirtd, driven by ipmitool alone.

    tests/machines/run.py --bin build/dev/bin              everything
    tests/machines/run.py --bin DIR --only uefi            stories whose name matches a regular expression

A guest tells on its console where it was booted from. The last line is "N passed, N failed".
"""

import argparse
import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

import stories
from bmc import PASSWORD, USER, Bmc
from daemon import Daemon
from host import Host, adopt_orphans

IMAGES = HERE.parents[1] / "build" / "machines"


class Report:
    def __init__(self):
        self.lock = threading.Lock()
        self.passed = 0
        self.failures = []

    def row(self, story, what, why, seconds):
        with self.lock:
            print(f"{'FAIL' if why else 'ok  '} {seconds:6.2f}s  {story:10} {what}", flush=True)
            if why:
                self.failures.append(f"{story}: {what}")
                for line in why.strip().splitlines()[-30:]:
                    print(f"      | {line}", flush=True)
            else:
                self.passed += 1


class Story:
    """What one node lives through; a step that fails ends it."""

    def __init__(self, name, rig, report):
        self.name = name
        self.rig = rig
        self.report = report
        self.bmc = rig.bmcs.get(name)

    def step(self, what, action):
        started = time.monotonic()
        try:
            action()
        except Exception as trouble:
            known = isinstance(trouble, (AssertionError, RuntimeError, subprocess.SubprocessError))
            self.report.row(self.name, what, str(trouble) if known else traceback.format_exc(), time.monotonic() - started)
            raise EndOfStory() from trouble
        self.report.row(self.name, what, "", time.monotonic() - started)


class EndOfStory(Exception):
    pass


class Rig:
    """The host, vbmcd, and a BMC for each guest."""

    def __init__(self, binaries):
        self.host = Host(IMAGES)
        self.daemon = Daemon(binaries=binaries)
        self.bmcs = {}

    def start(self):
        self.host.start()
        for number, (name, kind) in enumerate(stories.GUESTS.items(), 1):
            self.host.add(name, number, **kind)
        self.daemon.start()
        for name in stories.GUESTS:
            self.add(name, name)

    def add(self, name, domain):
        password = self.daemon.folder / "password"
        password.touch(mode=0o600)
        password.write_text(PASSWORD + "\n")
        port = 6300 + len(self.bmcs)
        self.daemon.ctl(
            "add", name, "--backend", "libvirt", "--uri", self.host.qemu_uri, "--domain", domain,
            "--media-dir", self.host.home, "--address", self.daemon.address, "--port", port, "--username", USER, "--password-file", password,
        )
        self.bmcs[name] = Bmc(name, self.daemon.address, port, self.daemon.folder)

    def close(self, failed):
        self.daemon.failed = failed
        try:
            self.daemon.close()
        finally:
            self.host.close(keep=failed)


def tell(name, rig, report):
    try:
        stories.STORIES[name](Story(name, rig, report))
    except EndOfStory:
        pass
    except Exception:
        report.row(name, "ran to its end", traceback.format_exc(), 0.0)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default="build/dev/bin", help="where vbmcd and vbmcctl are")
    parser.add_argument("--only", default="", help="a regular expression over the stories' names")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    adopt_orphans()
    subprocess.run([HERE / "build_guest.sh", IMAGES], check=True)
    report = Report()
    rig = Rig(Path(options.bin).resolve())
    failed = True
    try:
        rig.start()
        print(f"libvirt at {rig.host.qemu_uri}, vbmcd pid {rig.daemon.process.pid}", flush=True)
        wanted = [name for name in stories.STORIES if re.search(options.only, name)]
        together = [name for name in wanted if name not in stories.ALONE]
        with concurrent.futures.ThreadPoolExecutor(len(stories.STORIES)) as pool:
            for future in [pool.submit(tell, name, rig, report) for name in together]:
                future.result()
        for name in wanted:
            if name in stories.ALONE:
                tell(name, rig, report)
        report.row("vbmcd", "is still the same process", "" if rig.daemon.alive() else "it ended", 0.0)
        code = rig.daemon.stop()
        report.row("vbmcd", "stopped cleanly", f"exit code {code}" if code else "", 0.0)
        failed = bool(report.failures)
    finally:
        rig.close(failed)
    for failure in report.failures:
        print(f"FAILED {failure}")
    print(f"{report.passed} passed, {len(report.failures)} failed")
    return 1 if report.failures else 0


if __name__ == "__main__":
    os.environ.pop("VBMC_SOCKET", None)
    sys.exit(main(sys.argv[1:]))
