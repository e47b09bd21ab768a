"""A private libvirtd for tests: the session daemon of an unprivileged user, in a folder of its own, at a Unix
socket, and where it is told to also at TCP with SASL and at TLS.

    with Libvirtd(folder) as server:
        server.uri()                    # its own test host: "test+unix:///default?socket=..."
        server.qemu_uri                 # QEMU guests of its user

A libvirtd serves libvirt's own test host as well as QEMU's: a transport needs no guest to be tried.
"""

import os
import subprocess
import time
from pathlib import Path

from daemon import die_with_parent, free_tcp_port

NOBODY = 65534
START_SECONDS = 30
STOP_SECONDS = 10
DISKLESS = """<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator><memballoon model='none'/></devices>
</domain>
"""


class Libvirtd:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.user = NOBODY if os.getuid() == 0 else os.getuid()
        self.socket = self.folder / "run" / "libvirt" / "libvirt-sock"
        self.log = self.folder / "libvirtd.log"
        self.process = None
        self.address = "127.0.0.1"
        self.tcp_port = self.tls_port = None  # listen() opens them
        self.settings = {"auth_unix_rw": "none"}
        for name in ("run", "config/libvirt", "cache", "data", "sasl"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "config/libvirt/qemu.conf").write_text('stdio_handler = "file"\n')
        self.folder.chmod(0o755)

    def listen(self, mechanism="digest-md5", pki=None):
        """At TCP, with SASL; with `pki` (ca, key, certificate: files) also at TLS. Before start()."""
        self.tcp_port = free_tcp_port(self.address)
        (self.folder / "sasl/libvirt.conf").write_text(
            f"mech_list: {mechanism}\nsasldb_path: {self.folder}/sasl/users.db\n"
        )
        self.settings.update(listen_addr=self.address, listen_tcp=1, tcp_port=str(self.tcp_port), auth_tcp="sasl", listen_tls=0)
        if pki is not None:
            self.tls_port = free_tcp_port(self.address)
            ca, key, certificate = pki
            self.settings.update(
                listen_tls=1, tls_port=str(self.tls_port), auth_tls="none", ca_file=ca, key_file=key, cert_file=certificate
            )

    def add_user(self, name, password):
        """Of SASL: who may log in. Again: a new password."""
        database = self.folder / "sasl/users.db"
        subprocess.run(
            ["saslpasswd2", "-p", "-c", "-f", database, "-a", "libvirt", name],
            input=password, text=True, check=True, capture_output=True,
        )  # fmt: skip
        self.give(database)

    def uri(self, path="default", driver="test", transport="unix", **parameters):
        """`transport`: unix, tcp or tls."""
        if transport == "unix":
            place, parameters = "", {"socket": self.socket, **parameters}
        else:
            place = f"{self.address}:{self.tls_port if transport == 'tls' else self.tcp_port}"
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"{driver}+{transport}://{place}/{path}" + (f"?{query}" if query else "")

    @property
    def qemu_uri(self):
        return self.uri("session", "qemu")

    def give(self, path):
        """To the user that it runs as."""
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", f"{self.user}:{self.user}", path], check=True)

    @property
    def environment(self):
        home = str(self.folder)
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": home,
            "XDG_RUNTIME_DIR": f"{home}/run",
            "XDG_CONFIG_HOME": f"{home}/config",
            "XDG_CACHE_HOME": f"{home}/cache",
            "XDG_DATA_HOME": f"{home}/data",
            "SASL_CONF_PATH": f"{home}/sasl",
            "LANG": "C.UTF-8",
        }

    def start(self):
        def written(value):
            return str(value) if isinstance(value, int) else f'"{value}"'

        settings = "".join(f"{name} = {written(value)}\n" for name, value in self.settings.items())
        (self.folder / "config/libvirt/libvirtd.conf").write_text(settings)
        self.give(self.folder)
        command = ["/usr/sbin/libvirtd"] + (["--listen"] if self.tcp_port else [])
        if os.getuid() == 0:
            identity = [f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", "--pdeathsig=KILL"]
            command = ["setpriv", *identity, "--", *command]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=die_with_parent,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while self.virsh("version", check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"libvirtd did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.1)
        return self

    def virsh(self, *arguments, check=True, uri=None):
        return subprocess.run(
            ["virsh", "-q", "-c", uri or self.qemu_uri, *map(str, arguments)],
            capture_output=True, text=True, check=check, timeout=60, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def define(self, name):
        """A QEMU machine without a disk."""
        path = self.folder / f"{name}.xml"
        path.write_text(DISKLESS.format(name=name))
        self.virsh("define", "--validate", path)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
            self.process = None
        except subprocess.TimeoutExpired:
            self.kill()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        self.stop()
