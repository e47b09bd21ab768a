"""One row of the interop table, how it is run, and what it must give."""

import os
import re
import shlex
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

CLIENTS = Path(__file__).resolve().parent / "clients"


@dataclass(frozen=True)
class Login:
    """An IPMI user of a node. `privilege` is the user's limit."""

    name: str
    password: str
    privilege: str


ADMIN = Login("admin", "Adm1n: pa$$ word", "administrator")  # 16 bytes; what a shell would trip over
OPERATOR = Login("operator", "operator-20-byte-pw!", "operator")  # 20 bytes, the longest
USER = Login("watcher", "us3r-p", "user")


@dataclass(frozen=True)
class Node:
    """A node as the table wants it: what vbmcd is told, and how clients reach it."""

    name: str
    address: str
    port: int
    logins: tuple = (ADMIN, OPERATOR, USER)
    suites: tuple = ()  # () = vbmcd's own default
    ipmi15: bool = False
    kg: bytes = b""
    options: tuple = (("speed", "20"),)  # of the sim backend
    via: str = ""  # the address of a proxy in front of it, same port (SOL wants that); "" = straight

    @property
    def ip(self):
        return self.via or self.address

    @property
    def host(self):
        """As freeipmi writes an address with a port."""
        ip = f"[{self.ip}]" if ":" in self.ip else self.ip
        return ip if self.port == 623 else f"{ip}:{self.port}"


@dataclass(frozen=True)
class Check:
    """A command line and what must come of it.

    The command is split like a shell would, then {placeholders} are filled in: {ip} {port} {host} {user}
    {password} {pwfile} {kg} {name} {clients}. `out` is a regular expression (or several) that standard output
    and error together must contain; `exact` is all of standard output. With `within`, the command is
    repeated until it passes or so many seconds are over, as clients poll.
    """

    command: str
    out: tuple | str = ()
    exact: str | None = None
    never: tuple | str = ()
    code: int | tuple = 0
    login: Login = ADMIN
    within: float = 0
    limit: float = 30  # seconds for one try
    slowest: float = 0  # fails when it took longer; 0 = no bound
    stdin: str = ""
    terminal: tuple = ()  # ((expect, send), ...) on a pseudo-terminal instead of stdin
    env: tuple = ()
    title: str = ""  # what the row shows instead of the command


@dataclass(frozen=True)
class Sequence:
    """Checks that run one after the other on one node; sequences run beside each other."""

    client: str
    node: Node
    checks: tuple
    prefix: str = ""  # put before each command
    login: Login | None = None


@dataclass
class Outcome:
    ok: bool
    why: str = ""
    seconds: float = 0
    output: str = ""


def _tuple(value):
    return (value,) if isinstance(value, str) else tuple(value)


def fill(template, node, login, scratch):
    """The argv of a command template."""
    values = {
        "ip": node.ip,
        "port": str(node.port),
        "host": node.host,
        "user": login.name,
        "password": login.password,
        "pwfile": str(scratch / f"{login.name}.pw"),
        "kg": node.kg.hex(),
        "name": node.name,
        "clients": str(CLIENTS),
        "scratch": str(scratch),
    }
    filled = []
    for word in shlex.split(template):
        for key, value in values.items():
            word = word.replace("{" + key + "}", value)
        filled.append(word)
    return filled


def judge(check, code, stdout, stderr, seconds):
    both = stdout + stderr
    if code not in (check.code if isinstance(check.code, tuple) else (check.code,)):
        return f"exit code {code}, wanted {check.code}"
    if check.exact is not None and stdout != check.exact:
        return f"printed {stdout!r}, wanted exactly {check.exact!r}"
    for pattern in _tuple(check.out):
        if not re.search(pattern, both, re.MULTILINE):
            return f"nothing matches /{pattern}/"
    for pattern in _tuple(check.never):
        if found := re.search(pattern, both, re.MULTILINE):
            return f"/{pattern}/ matches {found.group(0)!r}"
    if check.slowest and seconds > check.slowest:
        return f"took {seconds:.1f} s, at most {check.slowest} s"
    return ""


def run_once(check, argv, scratch):
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin") + ":/usr/sbin:/sbin",
        "HOME": str(scratch),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "dumb",
        **dict(check.env),
    }
    started = time.monotonic()
    if check.terminal:
        from terminal import converse

        code, stdout = converse(argv, check.terminal, check.limit, environment, scratch)
        stderr = ""
    else:
        try:
            done = subprocess.run(
                argv,
                input=check.stdin.encode(),
                capture_output=True,
                timeout=check.limit,
                env=environment,
                cwd=scratch,
            )
            code, stdout, stderr = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as late:
            code, stdout, stderr = 124, late.stdout or b"", late.stderr or b""
        except FileNotFoundError:
            return Outcome(False, f"{argv[0]} is not installed")
        stdout, stderr = stdout.decode(errors="replace"), stderr.decode(errors="replace")
    seconds = time.monotonic() - started
    why = judge(check, code, stdout, stderr, seconds)
    return Outcome(not why, why, seconds, stdout + stderr)


def run_check(check, node, scratch):
    argv = fill(check.command, node, check.login, scratch)
    deadline = time.monotonic() + check.within
    while True:
        outcome = run_once(check, argv, scratch)
        if outcome.ok or time.monotonic() >= deadline:
            return outcome
        time.sleep(0.3)


def checks_of(sequence):
    """The sequence's checks with its prefix and login put in."""
    for check in sequence.checks:
        if sequence.login is not None and check.login is ADMIN:
            check = replace(check, login=sequence.login)
        if sequence.prefix:
            check = replace(check, command=f"{sequence.prefix} {check.command}")
        yield check
