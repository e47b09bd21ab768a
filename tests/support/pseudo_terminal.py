"""A program on a pseudo-terminal, as a person has it."""

import os
import pty
import re
import select
import time


class Terminal:
    """A program on a pseudo-terminal, read in pieces."""

    def __init__(self, argv, environment=None):
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execvpe(str(argv[0]), [str(word) for word in argv], {**os.environ, "TERM": "dumb", **(environment or {})})
        self.seen = ""
        self.code = None

    def read_until(self, pattern, seconds=15):
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            left = deadline - time.monotonic()
            assert left > 0, f"waited in vain for /{pattern}/ in {self.seen!r}"
            if not select.select([self.descriptor], [], [], left)[0]:
                continue
            try:
                chunk = os.read(self.descriptor, 4096)
            except OSError:
                chunk = b""
            assert chunk, f"ended before /{pattern}/: {self.seen!r}"
            self.seen += chunk.decode(errors="replace")
        found = re.search(pattern, self.seen)
        self.seen = self.seen[found.end():]
        return found.group(0)

    def type(self, text):
        os.write(self.descriptor, text.encode())

    def wait(self, seconds=15):
        deadline = time.monotonic() + seconds
        while self.code is None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.code = os.waitstatus_to_exitcode(status)
                self.drain()
                break
            assert time.monotonic() < deadline, f"does not end: {self.seen!r}"
            if select.select([self.descriptor], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.descriptor, 4096).decode(errors="replace")
                except OSError:
                    time.sleep(0.05)
        return self.code

    def ended(self):
        return self.code is not None or os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def drain(self):
        """What it said before it ended."""
        try:
            while select.select([self.descriptor], [], [], 0.1)[0]:
                chunk = os.read(self.descriptor, 4096)
                if not chunk:
                    break
                self.seen += chunk.decode(errors="replace")
        except OSError:
            pass

    def close(self):
        if self.code is None:
            try:
                os.kill(self.pid, 15)
            except ProcessLookupError:
                pass
            try:
                self.wait(5)
            except AssertionError:
                os.kill(self.pid, 9)
                os.waitpid(self.pid, 0)
        os.close(self.descriptor)


def until_echo(terminal, prompt, seconds=40):
    """The shell at the other end computes: no local echo can fake that. Typed again, since what is typed before a
    machine's line is open is lost, as on any serial line."""
    deadline = time.monotonic() + seconds
    for number in range(1000, 9999):
        terminal.type("\r")
        try:
            terminal.read_until(prompt, 4)
            terminal.type(f"echo $(({number}*3))\r")
            terminal.read_until(rf"[^\d*]{number * 3}[^\d]", 4)
            return
        except AssertionError:
            if terminal.ended() or time.monotonic() > deadline:
                raise
