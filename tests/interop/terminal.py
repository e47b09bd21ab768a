"""A conversation with a program on a pseudo-terminal: expect a pattern, send a text, and so on."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time


def _read_until(descriptor, seen, pattern, deadline):
    """Reads until the pattern is in what was not yet consumed; the rest of the text, or None."""
    while True:
        if found := re.search(pattern, seen[0]):
            seen[0] = seen[0][found.end():]
            return True
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            return False
        try:
            chunk = os.read(descriptor, 4096)
        except OSError:  # the other side of a pseudo-terminal is closed
            chunk = b""
        if not chunk:
            return pattern == "$END"
        text = chunk.decode(errors="replace")
        seen[0] += text
        seen[1] += text


def _wait(pid, deadline):
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return 124


def converse(argv, dialog, limit, environment, folder):
    """(exit code, everything that was printed); 124 when it took too long."""
    pid, descriptor = pty.fork()
    if pid == 0:
        try:
            os.chdir(folder)
            os.execvpe(argv[0], argv, environment)
        finally:
            os._exit(127)
    deadline = time.monotonic() + limit
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    seen = ["", ""]  # not yet matched; everything
    try:
        for expect, send in dialog:
            if expect and not _read_until(descriptor, seen, expect, deadline):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return 125, seen[1] + f"\n[waited in vain for /{expect}/]"
            if send:
                time.sleep(0.1)
                os.write(descriptor, send.encode())
        _read_until(descriptor, seen, "$END", deadline)
        return _wait(pid, deadline), seen[1]
    finally:
        os.close(descriptor)
