"""A boot device outlives vbmcd: the one-time one is taken once, and the lasting one behind it stands again."""

import re
import subprocess
import time


def starts(daemon, node):
    """A watcher of the console; call the result for what each start so far booted from."""
    watcher = subprocess.Popen(
        [daemon.binaries / "vbmcctl", "--socket", daemon.socket, "console", node, "--view"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )

    def booted(count, seconds=30):
        printed = b""
        deadline = time.monotonic() + seconds
        while len(re.findall(rb"boot=\w+\b[^\w]", printed)) < count:
            assert time.monotonic() < deadline, printed
            printed += watcher.stdout.read1(4096)
        return [word.decode() for word in re.findall(rb"boot=(\w+)", printed)]

    return watcher, booted


def test_one_time_and_lasting_over_a_crash(new_daemon):
    daemon = new_daemon().start()
    daemon.ctl("add", "n", "--backend", "sim", "--speed", "20")
    daemon.ctl("bootdev", "n", "pxe", "--persistent")
    daemon.ctl("bootdev", "n", "cdrom")
    daemon.kill()
    daemon.start()
    watcher, booted = starts(daemon, "n")
    try:
        daemon.ctl("power", "n", "on")
        assert booted(1) == ["cdrom"]
        daemon.ctl("power", "n", "cycle")
        assert booted(1) == ["pxe"]
    finally:
        watcher.terminate()
        watcher.wait()
