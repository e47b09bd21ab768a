"""A private vbmcd with sim nodes for the length of a test run."""

import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    """For preexec_fn: a child that outlives a killed test run would hold its ports."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Daemon:
    def __init__(self, binaries, folder, config=""):
        self.vbmcd = Path(binaries).resolve() / "vbmcd"
        self.vbmcctl = Path(binaries).resolve() / "vbmcctl"
        self.folder = Path(folder)
        self.state = self.folder / "state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.socket = self.state / "vbmcd.sock"
        self.log = self.folder / "vbmcd.log"
        self.config = self.folder / "vbmcd.yaml"
        self.config.write_text(config or "shards: 2\n")
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.vbmcd, "--state-dir", self.state, "--config", self.config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        deadline = time.monotonic() + 20
        while not self.socket.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"vbmcd did not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)
        self.ctl("list")

    def stop(self):
        """Ends vbmcd; its exit code (0 = clean)."""
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            code = self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.process = None
        return code

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def ctl(self, *arguments, stdin=None, check=True):
        """Runs vbmcctl; its standard output."""
        done = subprocess.run(
            [self.vbmcctl, "--socket", self.socket, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "NO_COLOR": "1"},
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"vbmcctl {arguments} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
        return done.stdout

    def add_nodes(self, nodes):
        """Registers the table's nodes in one `apply`, then the secrets that a manifest does not carry."""
        manifest = self.folder / "nodes.yaml"
        manifest.write_text("nodes:\n" + "".join(self._manifest_of(node) for node in nodes))
        manifest.chmod(0o600)
        self.ctl("apply", "-f", manifest)
        for node in nodes:
            if node.kg:
                self.set_kg(node)

    def set_kg(self, node):
        kg_file = self.folder / f"{node.name}.kg"
        kg_file.write_bytes(node.kg)
        kg_file.chmod(0o600)
        self.ctl("set", node.name, "--kg-file", kg_file)

    def _manifest_of(self, node):
        for login in node.logins:
            password = self.folder / f"{login.name}.pw"
            password.write_text(login.password)  # no newline: ipmitool and vbmcd read the same file
            password.chmod(0o600)
        lines = [
            f"- name: {node.name}",
            f'  address: "{node.address}"',
            f"  port: {node.port}",
            "  backend:",
            "    kind: sim",
        ]
        if node.options:
            lines.append("    options:")
            lines += [f'      {key}: "{value}"' for key, value in node.options]
        lines.append("  users:")
        for login in node.logins:
            lines += [
                f"  - name: {login.name}",
                f"    password-file: {login.name}.pw",
                f"    privilege: {login.privilege}",
            ]
        if node.suites or node.ipmi15:
            lines.append("  policy:")
            if node.suites:
                lines.append(f"    cipher-suites: [{', '.join(map(str, node.suites))}]")
            if node.ipmi15:
                lines.append("    ipmi15: true")
        return "\n".join(lines) + "\n"
