"""A node's BMC as its user has it: ipmitool, and an ipmitool SOL session on a pseudo-terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import time

USER = "admin"
PASSWORD = "machines-Pa55word"


class Bmc:
    def __init__(self, name, address, port, folder):
        self.name = name
        self.password_file = folder / "machines.pw"
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(PASSWORD + "\n")
        self.prefix = [
            "ipmitool", "-I", "lanplus", "-H", address, "-p", str(port), "-U", USER, "-f", str(self.password_file),
        ]

    def run(self, command, check=True):
        done = subprocess.run(
            self.prefix + command.split(), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
        )
        if check and done.returncode:
            raise AssertionError(f"ipmitool {command}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def power(self):
        said = self.run("chassis power status", check=False)
        found = re.search(r"Chassis Power is (on|off)", said)
        return found.group(1) if found else said.strip()

    def becomes(self, state, seconds):
        """How long it took until `power status` says so."""
        started = time.monotonic()
        while True:
            now = self.power()
            if re.search(state, now):
                return time.monotonic() - started
            if time.monotonic() - started > seconds:
                raise AssertionError(f"{self.name}: power is '{now}' after {seconds} s, not '{state}'")
            time.sleep(0.1)


class Sol:
    """`ipmitool sol activate` that stays open; what the guest prints is kept."""

    def __init__(self, bmc):
        bmc.run("sol deactivate", check=False)
        self.text = ""
        self.at = 0
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            try:
                os.execvp(bmc.prefix[0], [*bmc.prefix, "sol", "activate"])
            finally:
                os._exit(127)
        self.expect(r"SOL Session operational", 20)

    def _read(self, wait):
        if not select.select([self.terminal], [], [], wait)[0]:
            return
        try:
            chunk = os.read(self.terminal, 65536)
        except OSError:
            chunk = b""
        if not chunk:
            raise AssertionError(f"the SOL session ended:\n{self.text[-500:]}")
        self.text += chunk.decode(errors="replace")

    def expect(self, pattern, seconds):
        """Waits for it behind what was expected before; the match."""
        deadline = time.monotonic() + seconds
        while True:
            if found := re.search(pattern, self.text[self.at:]):
                self.at += found.end()
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"no /{pattern}/ on the console within {seconds} s:\n{self.text[self.at:][-800:]}")
            self._read(left)

    def skip(self):
        """What was printed so far is not looked at again."""
        while select.select([self.terminal], [], [], 0)[0]:
            self._read(0)
        self.at = len(self.text)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def echoes(self, seconds=20):
        """The guest's shell computes: no local echo can fake that. Typed again: a line may be lost in a start."""
        deadline = time.monotonic() + seconds
        while True:
            self.type("\recho sol-$((6*7))\r")
            try:
                self.expect(r"sol-42", 4)
                return
            except AssertionError:
                if time.monotonic() > deadline:
                    raise

    def close(self):
        try:
            os.kill(self.pid, signal.SIGTERM)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.terminal)
