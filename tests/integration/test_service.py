"""vbmcd as a service: readiness, watchdog, reload and stop as systemd hears of them; signals at awkward moments."""

import ctypes
import os
import signal
import socket
import time
from pathlib import Path

import pytest
from api import connect

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17


class Supervisor:
    """The datagram socket that sd_notify(3) writes to."""

    def __init__(self, folder):
        self.path = folder / "notify.sock"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.heard = []  # (when, word)

    def environment(self, watchdog_seconds):
        return {"NOTIFY_SOCKET": str(self.path), "WATCHDOG_USEC": str(int(watchdog_seconds * 1e6))}

    def listen(self, seconds):
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                words = self.socket.recv(4096).decode().splitlines()
            except TimeoutError:
                return
            self.heard += [(time.monotonic(), word) for word in words]

    def hear(self, word, seconds=30):
        """Listens until `word` comes; what was heard before is over."""
        self.heard.clear()
        deadline = time.monotonic() + seconds
        while word not in self.words():
            assert time.monotonic() < deadline, (word, self.heard)
            self.listen(0.1)

    def words(self):
        return [word for _, word in self.heard]


@pytest.fixture
def supervisor(tmp_path):
    made = Supervisor(tmp_path)
    yield made
    made.socket.close()


def test_what_a_supervisor_hears(new_daemon, supervisor):
    daemon = new_daemon()
    daemon.spawn(environment=supervisor.environment(2))
    supervisor.hear("READY=1")
    connect(daemon.socket).create("n1")  # it is ready indeed
    supervisor.hear("WATCHDOG=1")
    supervisor.hear("STATUS=serving 1 of 1 nodes, 0 failed")
    daemon.configure("log:\n  level: debug\n")
    daemon.reload()
    supervisor.hear("RELOADING=1")
    if "READY=1" not in supervisor.words():
        supervisor.hear("READY=1")
    daemon.process.terminate()
    supervisor.hear("STOPPING=1")
    assert daemon.process.wait(30) == 0


def test_the_watchdog_is_not_fed_while_a_shard_hangs(new_daemon, supervisor):
    daemon = new_daemon()
    daemon.spawn(environment=supervisor.environment(1))
    supervisor.hear("READY=1")
    supervisor.hear("WATCHDOG=1")
    tasks = Path(f"/proc/{daemon.process.pid}/task")
    shard = next(int(task.name) for task in tasks.iterdir() if (task / "comm").read_text().strip() == "shard-1")
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if ptrace(PTRACE_SEIZE, shard, None, None) != 0:
        pytest.skip(f"may not trace: {os.strerror(ctypes.get_errno())}")
    ptrace(PTRACE_INTERRUPT, shard, None, None)
    os.waitpid(shard, 0x40000000)  # __WALL
    try:
        supervisor.listen(1)  # what was on its way
        supervisor.heard.clear()
        supervisor.listen(3)
    finally:
        ptrace(PTRACE_DETACH, shard, None, None)
    assert "WATCHDOG=1" not in supervisor.words()  # systemd would have killed it by now
    supervisor.hear("WATCHDOG=1")
    assert daemon.stop() == 0


def test_a_signal_before_the_start_is_through(new_daemon):
    """With some nodes to start, so that there is a while to hit; whenever it comes, vbmcd ends at once and well."""
    daemon = new_daemon().start()
    api = connect(daemon.socket)
    for number in range(30):
        api.create(f"n{number}")
    api.close()
    assert daemon.stop() == 0
    for moment in range(12):
        process = daemon.spawn()
        time.sleep(0.02 * moment)
        process.send_signal(signal.SIGTERM)
        # Before it listens for signals they end it as they end every process.
        assert process.wait(20) in (0, -signal.SIGTERM), moment
        daemon.process = None
    daemon.start()
    assert len(connect(daemon.socket).names()) == 30


def test_a_second_signal_ends_it_at_once(new_daemon):
    daemon = new_daemon().start()
    daemon.process.send_signal(signal.SIGSTOP)
    daemon.process.send_signal(signal.SIGTERM)
    daemon.process.send_signal(signal.SIGCONT)
    daemon.process.send_signal(signal.SIGINT)
    assert daemon.process.wait(20) in (0, -signal.SIGINT)
    daemon.process = None


def test_the_folder_on_the_command_line_has_the_socket(new_daemon, tmp_path):
    """VBMC_SOCKET is for vbmcctl: it does not move the socket of a vbmcd that was given a folder."""
    daemon = new_daemon().start(environment={"VBMC_SOCKET": str(tmp_path / "other.sock")})
    assert daemon.socket.exists() and not (tmp_path / "other.sock").exists()
