#!/usr/bin/env python3
"""The unit file's own test: what systemd says of its syntax, and an exposure of 2.0 at most.

Works without a running systemd; where systemd-analyze is not installed nothing is checked.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

EXPOSURE_MAX = 2.0
HERE = Path(__file__).resolve().parent
UNIT = HERE / "vbmcd.service"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def check_exposure():
    _, output = run("systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT))
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", output)
    if not level:
        return False, f"no exposure level in: {output[-300:]}"
    return float(level.group(1)) <= EXPOSURE_MAX, f"exposure level {level.group(1)} (at most {EXPOSURE_MAX})"


def system_calls(name):
    """The calls of a set such as @chown, with those of the sets in it."""
    _, output = run("systemd-analyze", "syscall-filter", "--no-pager", name)
    calls = set()
    for line in output.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            calls |= system_calls(word)
        elif word and not word.startswith("#"):
            calls.add(word)
    return calls


def check_system_calls():
    """What vbmcd does with its own example configuration is not filtered: later lines win."""
    allowed = set()
    for line in re.findall(r"^SystemCallFilter=(.*)", UNIT.read_text(), re.M):
        taken = line.startswith("~")
        for name in line.lstrip("~").split():
            calls = system_calls(name) if name.startswith("@") else {name}
            allowed = allowed - calls if taken else allowed | calls
    needed = {"bind", "chmod", "chown", "epoll_wait", "fchmod", "flock", "fsync", "memfd_create", "prlimit64", "sendmmsg", "socket"}
    return needed <= allowed, f"system calls {'missing: ' + ', '.join(sorted(needed - allowed)) if needed - allowed else 'ok'}"


def check_configuration():
    """vbmcd's user can read its configuration, which cmake --install leaves to root."""
    rules = re.findall(r"^[zZ]\s+/etc/vbmc/vbmcd\.yaml\s+(\d+)\s+(\S+)\s+(\S+)", (HERE / "vbmcd.tmpfiles").read_text(), re.M)
    user = re.search(r"^Group=(\S+)", UNIT.read_text(), re.M).group(1)
    return rules == [("0640", "root", user)], f"configuration readable for group {user}"


def check_syntax():
    """`verify` wants the program to exist: give it a copy that names one that does."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "vbmcd.service"
        copy.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(), flags=re.M))
        code, output = run("systemd-analyze", "verify", "--man=no", str(copy))
    about_us = [line for line in output.splitlines() if "vbmcd.service" in line]
    return code == 0 and not about_us, "syntax " + ("; ".join(about_us) or "ok")


def check_sysusers():
    """Every user and group that the unit and the tmpfiles name is made by sysusers."""
    made = set(re.findall(r"^[ug]\s+(\S+)", (HERE / "vbmcd.sysusers").read_text(), re.M)) | {"root"}
    named = set(re.findall(r"^(?:User|Group)=(\S+)", UNIT.read_text(), re.M))
    for _, user, group in re.findall(r"^d\s+(\S+)\s+\d+\s+(\S+)\s+(\S+)", (HERE / "vbmcd.tmpfiles").read_text(), re.M):
        named |= {user, group}
    return named <= made, f"users and groups {sorted(named)}"


def main():
    checks = [check_sysusers, check_configuration]
    if shutil.which("systemd-analyze"):
        checks += [check_exposure, check_syntax, check_system_calls]
    else:
        print("systemd-analyze is not installed: only the users are checked")
    passed = failed = 0
    for check in checks:
        ok, what = check()
        passed, failed = (passed + 1, failed) if ok else (passed, failed + 1)
        print(f"{'ok  ' if ok else 'FAIL'} {what}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
