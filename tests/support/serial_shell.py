"""A machine's serial line at a TCP port, with a real shell at its other end: what a terminal server gives, and what
ipmi_sim takes for its console. The shell stays when the connection is lost, as a machine's would."""

import os
import pty
import select
import signal
import socket
import threading

SHELL = ["/bin/sh", "-i"]
PROMPT = r"serial# "


class SerialShell:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execve(SHELL[0], SHELL, {"PATH": "/usr/bin:/bin", "PS1": "serial# ", "TERM": "dumb"})
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                self._relay(peer)

    def _relay(self, peer):
        try:
            while True:
                ready, _, _ = select.select([peer, self.terminal], [], [])
                if peer in ready:
                    typed = peer.recv(1000)
                    if not typed:
                        return
                    os.write(self.terminal, typed)
                if self.terminal in ready:
                    peer.sendall(os.read(self.terminal, 4096))
        except OSError:
            return

    def close(self):
        self.listener.close()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)
