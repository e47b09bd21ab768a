"""What every backend's node must do, whatever is behind it: the contract of all drivers.

A driver's test file makes a Subject of a node whose real (or fake) server it started, and runs the table:

    @pytest.mark.parametrize("check", contract.CHECKS, ids=contract.name_of)
    def test_contract(check, subject):
        contract.run(check, subject)

IPMI goes through the real ipmitool; `truth` looks behind the backend's back where the rig can.
"""

import concurrent.futures
import contextlib
import dataclasses
import json
import re
import subprocess
import time
import traceback

import pytest

NOT_NOW = 0xD5  # not supported in present state
BUSY = 0xC0
REFUSED = {0xC1, 0xCC, 0xD5, 0xD6, 0xFF}  # what a client may be told of something that is not there
CONFIRM_SECONDS = 0.7  # the node's default window


@dataclasses.dataclass
class Subject:
    """A running node. What a rig cannot tell stays None: the checks that need it are skipped."""

    daemon: object
    node: str
    truth: object = None  # () -> True when the machine is really on
    break_backend: object = None  # () -> context manager: inside, the backend refuses or is silent
    hang_backend: object = None  # () -> context manager: inside, the backend never answers
    booted_from: object = None  # () -> "pxe", "disk" ... of the last start
    echo: tuple = ()  # (keys, regular expression) for the serial console
    readings: tuple = ("full", r"\| +ok +\|")  # of `sdr elist`: which sensors, and how one that reads looks
    follow_seconds: float = 30  # the machine is on or off within this
    soft_works: bool = True  # the guest obeys its power button
    _document: dict = None

    @property
    def document(self):
        if self._document is None:
            self._document = json.loads(self.daemon.ctl("show", self.node, "--secrets", "-o", "json").stdout)
        return self._document

    def can(self, capability):
        return any(d["capability"] == capability and d["able"] for d in self.document["status"]["duties"])

    def ipmi(self, *words, retries=1, timeout=40):
        user = self.document["users"][0]
        command = [
            "ipmitool", "-I", "lanplus", "-H", self.document["address"], "-p", str(self.document["port"]),
            "-U", user["name"], "-P", user["password"], "-C", "17", "-R", str(retries), "-N", "5", *words,
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout)

    def raw(self, *octets):
        """(completion code, data)."""
        done = self.ipmi("raw", *(hex(octet) for octet in octets))
        found = re.search(r"rsp=0x([0-9a-f]{2})", done.stdout + done.stderr)
        if found:
            return int(found.group(1), 16), b""
        assert done.returncode == 0, done.stdout + done.stderr
        return 0, bytes.fromhex(done.stdout.replace(" ", "").replace("\n", ""))

    def status(self):
        done = self.ipmi("chassis", "power", "status")
        found = re.search(r"Chassis Power is (on|off)", done.stdout)
        return found.group(1) if found else None

    def wait(self, state, watched=False):
        """Until it is said; `watched`: and never before it is so, nor of a start that may still fail."""
        deadline = time.monotonic() + self.follow_seconds
        while (said := self.status()) != state:
            assert time.monotonic() < deadline, f"not {state} within {self.follow_seconds} s"
            time.sleep(0.05 if watched else 0.2)
        if self.truth is not None:
            assert self.truth() == (state == "on"), f"said to be {said}, which it is not"

    def power(self, action):
        done = self.ipmi("chassis", "power", action)
        assert done.returncode == 0, done.stdout + done.stderr

    def bring(self, state, watched=False):
        if self.status() != state:
            self.power(state)
        self.wait(state, watched)

    def sel(self):
        return self.ipmi("sel", "elist").stdout

    def events(self):
        return json.loads(self.daemon.ctl("events", self.node, "-o", "json", "-n", "200").stdout)


def need(condition, why):
    if not condition:
        pytest.skip(why)


def status_is_true(subject):
    for state in ("on", "off", "on"):
        subject.bring(state, watched=True)
        said = json.loads(subject.daemon.ctl("power", subject.node, "status", "-o", "json").stdout)
        assert said[0]["power"] == state


def on_and_off_may_be_repeated(subject):
    for state in ("on", "off"):
        subject.bring(state)
        subject.power(state)
        subject.power(state)
        subject.wait(state)


def off_machine_is_not_reset(subject):
    subject.bring("off")
    for action in (2, 3, 4):  # cycle, reset, diagnostic interrupt
        assert subject.raw(0, 2, action)[0] == NOT_NOW, action
    assert subject.status() == "off"


def reset_ends_on(subject):
    need(subject.can("reset"), "no reset")
    subject.bring("on")
    subject.power("reset")
    subject.wait("on")


def cycle_ends_on(subject):
    subject.bring("on")
    subject.power("cycle")
    time.sleep(1)
    subject.wait("on")


def soft_off_ends_off(subject):
    need(subject.can("soft") and subject.soft_works, "no soft power-off")
    subject.bring("on")
    subject.power("soft")
    subject.wait("off")


def boot_device_is_set_and_cleared(subject):
    need(subject.can("boot"), "no boot device")
    subject.bring("off")
    assert subject.ipmi("chassis", "bootdev", "pxe").returncode == 0
    assert "Force PXE" in subject.ipmi("chassis", "bootparam", "get", "5").stdout
    subject.bring("on")
    deadline = time.monotonic() + subject.follow_seconds
    while "Boot Flag Invalid" not in subject.ipmi("chassis", "bootparam", "get", "5").stdout:
        assert time.monotonic() < deadline, "a one-time boot device was not used up by the start"
        time.sleep(0.3)
    if subject.booted_from is not None:
        assert subject.booted_from() == "pxe"
    assert subject.ipmi("chassis", "bootdev", "disk", "options=persistent").returncode == 0
    assert "Options apply to all future boots" in subject.ipmi("chassis", "bootparam", "get", "5").stdout
    assert subject.ipmi("chassis", "bootdev", "none").returncode == 0
    assert "No override" in subject.ipmi("chassis", "bootparam", "get", "5").stdout


def what_is_missing_is_refused(subject):
    subject.bring("on")
    for capability, request in (("nmi", (0, 2, 4)), ("soft", (0, 2, 5)), ("reset", (0, 2, 3))):
        if not subject.can(capability):
            assert subject.raw(*request)[0] in REFUSED, capability
    if not subject.can("console"):
        assert subject.raw(6, 0x48, 1, 1, 0xC0, 0, 0, 0)[0] in {0x81, *REFUSED}
        refused = subject.daemon.ctl("console", subject.node, check=False)
        assert refused.returncode != 0 and "console" in refused.stderr
    if not subject.can("boot"):
        refused = subject.daemon.ctl("bootdev", subject.node, "pxe", check=False)
        assert refused.returncode != 0 and "boot" in refused.stderr
    assert subject.status() == "on"


def power_is_in_the_event_log(subject):
    subject.bring("off")
    assert subject.ipmi("sel", "clear").returncode == 0
    time.sleep(0.3)
    subject.bring("on")
    subject.bring("off")
    log = subject.sel()
    assert re.search(r"Power Unit.*Power off", log), log
    assert any(e["kind"] == "power" for e in subject.events())


def sensors_can_be_read(subject):
    need(subject.can("sensors"), "no sensors")
    subject.bring("on")
    deadline = time.monotonic() + subject.follow_seconds
    which, wanted = subject.readings
    while not re.search(wanted, subject.ipmi("sdr", "elist", which).stdout, re.M):
        assert time.monotonic() < deadline, "no sensor has a reading"
        time.sleep(0.5)


def console_answers(subject):
    need(subject.can("console") and subject.echo, "no console, or nobody who answers at it")
    keys, answer = subject.echo
    subject.bring("on")
    deadline = time.monotonic() + subject.follow_seconds
    while True:
        said = subject.daemon.ctl("console", subject.node, "--force", stdin=keys, check=False)
        if re.search(answer, said.stdout):
            break
        assert time.monotonic() < deadline, said.stdout + said.stderr
    watched = subject.daemon.ctl("console", subject.node, "--force", stdin="", check=False)
    assert re.search(answer, watched.stdout), "the scroll-back does not have it"


def errors_have_text(subject):
    need(subject.break_backend, "this rig cannot break its backend")
    subject.bring("off")
    with subject.break_backend():
        refused = subject.daemon.ctl("power", subject.node, "on", check=False)
        assert refused.returncode != 0
        text = refused.stderr.split(": ", 2)[-1].strip()
        assert len(text) > 15 and "None" not in text, refused.stderr
        deadline = time.monotonic() + 60
        while not any(e["fields"].get("result") == "failed" for e in subject.events()):
            assert time.monotonic() < deadline, "the failure is no event"
            time.sleep(0.5)


def deadlines_are_obeyed(subject):
    need(subject.hang_backend, "this rig cannot make its backend hang")
    subject.bring("off")
    with subject.hang_backend():
        for request in ((0, 1), (0, 2, 1), (0, 1)):  # status, on, status
            begun = time.monotonic()
            code, _ = subject.raw(*request)
            assert code in (0, BUSY), hex(code)
            # The log-in and ipmitool itself take their time; a retransmission would take 5 s.
            assert time.monotonic() - begun < CONFIRM_SECONDS + 3


CHECKS = (
    status_is_true,
    on_and_off_may_be_repeated,
    off_machine_is_not_reset,
    reset_ends_on,
    cycle_ends_on,
    soft_off_ends_off,
    boot_device_is_set_and_cleared,
    what_is_missing_is_refused,
    power_is_in_the_event_log,
    sensors_can_be_read,
    console_answers,
    errors_have_text,
    deadlines_are_obeyed,
)


def name_of(check):
    return check.__name__


def run(check, subject):
    check(subject)


def run_all(check, subjects):
    """The check with several subjects at once; what fails says whose."""
    with concurrent.futures.ThreadPoolExecutor(len(subjects)) as pool:
        running = {subject.node: pool.submit(check, subject) for subject in subjects}
    skipped, failed = [], []
    for node, future in running.items():
        trouble = future.exception()
        if isinstance(trouble, pytest.skip.Exception):
            skipped.append(node)
        elif trouble is not None:
            failed.append(f"{node}: {''.join(traceback.format_exception(trouble))}")
    assert not failed, "\n".join(failed)
    if len(skipped) == len(subjects):
        pytest.skip("none of them can")


@contextlib.contextmanager
def other_options(daemon, node, **options):
    """The node with other options of its backend for a while."""
    daemon.ctl("set", node, *(f"option.{key.replace('_', '-')}={value}" for key, value in options.items()))
    try:
        yield
    finally:
        daemon.ctl("set", node, *(f"option.{key.replace('_', '-')}-" for key in options))
