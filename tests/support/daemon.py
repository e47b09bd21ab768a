"""A private vbmcd for tests: its own folder, its own loopback address, stopped by its own pid.

    with Daemon() as daemon:
        daemon.ctl("add", "n1", "--backend", "sim")

The programs come from VBMC_BIN_DIR (or VBMC_BIN), else from build/dev/bin. VBMC_UNDER is a command that
vbmcd runs under (tests/memcheck).
"""

import ctypes
import itertools
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG = 1
START_SECONDS = 60
STOP_SECONDS = 60

_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)


def bin_dir():
    for name in ("VBMC_BIN_DIR", "VBMC_BIN"):
        if os.environ.get(name):
            return Path(os.environ[name]).resolve()
    return ROOT / "build" / "dev" / "bin"


def die_with_parent():
    """For preexec_fn: a child that outlives a killed test run would hold its ports."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def own_loopback():
    """A loopback address that no other test of this machine uses, as far as can be told."""
    number = os.getpid() * 131 + next(_numbers)
    return f"127.{number // 250 % 200 + 20}.{number % 250 + 1}.1"


def free_tcp_port(address="127.0.0.1"):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def free_udp_port(address="127.0.0.1"):
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Daemon:
    """`config` is YAML text that is added to the default address and ports."""

    def __init__(self, folder=None, config="", binaries=None):
        self.owns_folder = folder is None
        self.folder = Path(folder or tempfile.mkdtemp(prefix="vbmc-test-"))
        self.binaries = Path(binaries) if binaries else bin_dir()
        self.state_dir = self.folder / "state"
        self.socket = self.state_dir / "vbmcd.sock"
        self.log = self.folder / "vbmcd.log"
        self.config_file = self.folder / "vbmcd.yaml"
        self.address = own_loopback()
        self.process = None
        self.failed = False  # set by a test's fixture: then the folder is kept
        self.configure(config)

    def configure(self, config):
        """Takes effect at the next start, or reload() for what can change then."""
        self.config_file.write_text(
            f"default-address: {self.address}\n"
            "ports:\n  first: 6230\n  last: 65535\n"
            "shards: 2\n" + config
        )

    def start(self, arguments=(), environment=None):
        self.spawn(arguments, environment)
        return self.await_answer()

    def spawn(self, arguments=(), environment=None, log=None):
        """Starts it without waiting for anything. `log`: a descriptor instead of the log file."""
        command = ["setpriv", "--pdeathsig", "KILL"]  # as die_with_parent; Python code between fork and
        # exec can hang where other threads are, such as gRPC's
        command += shlex.split(os.environ.get("VBMC_UNDER", ""))
        command += [self.binaries / "vbmcd", "--state-dir", self.state_dir, "--config", self.config_file]
        with open(self.log, "ab") as own:
            self.process = subprocess.Popen(
                [*map(str, command), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=own if log is None else log,
                stderr=own if log is None else log,
                env={**os.environ, **(environment or {})},
            )
        return self.process

    def await_answer(self):
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"vbmcd ended with {self.process.returncode}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"vbmcd does not answer:\n{self.log_tail()}")
            time.sleep(0.02)
        return self

    def _answers(self):
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket))
                return True
            except OSError:
                return False

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """SIGTERM; the exit code, 0 when it ended cleanly."""
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "did not stop"
        self.process = None
        return code

    def kill(self):
        """SIGKILL, as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self, characters=4000):
        return self.log_text()[-characters:]

    def ctl(self, *arguments, check=True, stdin=None, environment=None, timeout=120):
        """Runs vbmcctl against this daemon; a CompletedProcess with text."""
        done = subprocess.run(
            [str(self.binaries / "vbmcctl"), "--socket", str(self.socket), *map(str, arguments)],
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "NO_COLOR": "1", **(environment or {})},
        )
        if check and done.returncode != 0:
            raise RuntimeError(
                f"vbmcctl {' '.join(map(str, arguments))} ended with {done.returncode}:\n"
                f"{done.stdout}{done.stderr}"
            )
        return done

    def close(self):
        """Stops it and removes its folder, unless `failed` was set."""
        code = self.stop()
        if self.failed:
            print(f"\nvbmcd's folder is kept: {self.folder}\n{self.log_tail(2000)}")
        elif self.owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        return code

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        self.failed = self.failed or kind is not None
        self.close()
