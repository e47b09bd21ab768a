"""The libvirt backend over every way to a host: a real libvirtd behind a Unix socket, TCP with SASL, TLS and ssh. The
machine is libvirt's own test domain, which every libvirtd serves (tests/machines has guests)."""

import contextlib
import getpass
import os
import re
import socket
import tempfile
import threading
import time
from pathlib import Path

import pytest
from daemon import Daemon, free_tcp_port
from libvirtd import Libvirtd
from sshd import Sshd, keygen
from test_tls import Authority

USER, PASSWORD = "vbmc", "SASL-pass-word:7"
WAYS = ("unix", "tcp", "tls", "ssh")


class Rig:
    """libvirtd and every way to it, and a vbmcd whose `ssh` has a known_hosts of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.server = Libvirtd(folder / "libvirt")
        self.pki = self.server.folder / "pki"
        self.pki.mkdir()
        self.ca = Authority(self.pki, "ca")
        key, certificate = self.ca.issue("server", "localhost", "DNS:localhost,IP:127.0.0.1")
        self.server.listen(pki=(self.ca.certificate, key, certificate))
        self.server.add_user(USER, PASSWORD)
        self.sshd = Sshd(folder / "sshd")
        self.sshd.forced = False
        self.known_hosts = folder / "known_hosts"
        program = folder / "bin" / "ssh"
        program.parent.mkdir()
        program.write_text(
            f'#!/bin/sh\necho "$*" >>{folder}/ssh.calls\nexec /usr/bin/ssh -o UserKnownHostsFile={self.known_hosts} "$@"\n'
        )
        program.chmod(0o755)
        self.secrets = folder / "secrets"
        self.secrets.mkdir()
        self.write_secret("sasl", PASSWORD)
        self.daemon = Daemon(config=f"credentials:\n  directories: [{self.secrets}]\n  variables: [VBMC_SECRET_*]\n")

    def start(self):
        self.server.start()
        self.server.define("idle")
        self.sshd.start()
        self.know(self.sshd.host_key)
        self.daemon.start(
            environment={
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "VBMC_SECRET_SASL": PASSWORD,
                "CREDENTIALS_DIRECTORY": str(self.secrets),
            }
        )

    def close(self):
        self.daemon.close()
        self.sshd.stop()
        self.server.stop()

    def write_secret(self, name, text):
        path = self.secrets / name
        path.touch(mode=0o600)
        path.write_text(text)

    def know(self, host_key):
        """That is the host's key, says known_hosts; None: it knows none."""
        public = Path(f"{host_key}.pub").read_text().split() if host_key else None
        entry = f"[{self.sshd.address}]:{self.sshd.port} {public[0]} {public[1]}\n" if public else ""
        self.known_hosts.write_text(entry)

    def certificates(self, name, authority=None, client=None):
        """A folder as pkipath wants it."""
        folder = self.folder / f"pki-{name}"
        folder.mkdir(exist_ok=True)
        (folder / "cacert.pem").write_bytes((authority or self.ca).certificate.read_bytes())
        if client is not None:
            key, certificate = client.issue(f"client-{name}", "vbmcd", "")
            (folder / "clientkey.pem").write_bytes(key.read_bytes())
            (folder / "clientcert.pem").write_bytes(certificate.read_bytes())
        return folder

    def ssh_uri(self, key=None, port=None, **parameters):
        where = f"{getpass.getuser()}@{self.sshd.address}:{port or self.sshd.port}"
        parameters = {"socket": self.server.socket, "keyfile": key or self.sshd.client_key, **parameters}
        return f"test+ssh://{where}/default?" + "&".join(f"{name}={value}" for name, value in parameters.items())

    def options(self, way):
        """A node's options for it."""
        options = {"domain": "test"}
        if way == "ssh":
            options["uri"] = self.ssh_uri()
        elif way == "tls":
            options["uri"] = self.server.uri(transport="tls", pkipath=self.certificates("good", client=self.ca))
        else:
            options["uri"] = self.server.uri(transport=way)
        if way == "tcp":
            options.update(username=USER, password="file:" + str(self.secrets / "sasl"))
        return options

    def look(self, options):
        """`vbmcctl backend test`: (exit code, what it said)."""
        done = self.daemon.ctl("backend", "test", "libvirt", *words(options), check=False)
        return done.returncode, done.stdout + done.stderr

    def add(self, name, options):
        self.daemon.ctl("add", name, "--backend", "libvirt", *words(options))

    def power(self, name, *command):
        return self.daemon.ctl("power", name, *command)

    def becomes(self, name, state, seconds=30):
        self.daemon.ctl("wait", name, "--for", f"power={state}", "--timeout", f"{seconds}s")

    def is_running(self):
        """As somebody else sees it."""
        said = self.server.virsh("domstate", "test", uri=self.server.uri()).stdout.strip()
        return said == "running"


def words(options):
    return [word for name, value in options.items() for word in ("--option", f"{name}={value}")]


@pytest.fixture(scope="module")
def rig():
    with tempfile.TemporaryDirectory(prefix="vbmc-libvirt-") as folder:
        Path(folder).chmod(0o755)  # libvirtd is another user
        rig = Rig(Path(folder))
        try:
            rig.start()
            yield rig
        finally:
            rig.close()


@pytest.mark.parametrize("way", WAYS)
def test_power_over_it(rig, way):
    code, said = rig.look(rig.options(way))
    assert code == 0, said
    node = f"power-{way}"
    rig.add(node, rig.options(way))
    rig.becomes(node, "on")
    rig.power(node, "off")
    rig.becomes(node, "off")
    assert not rig.is_running()
    rig.power(node, "on")
    rig.becomes(node, "on")
    assert rig.is_running()
    rig.server.virsh("destroy", "test", uri=rig.server.uri())  # events come over it, too
    rig.becomes(node, "off", 5)
    rig.server.virsh("start", "test", uri=rig.server.uri())
    rig.becomes(node, "on", 5)


@pytest.mark.parametrize("way", WAYS)
def test_its_qemu_machines(rig, way):
    options = rig.options(way)
    options["uri"] = options["uri"].replace("test+", "qemu+").replace("/default", "/session")
    code, said = rig.look({**options, "domain": "idle"})
    assert code == 0 and "off" in said, said


@pytest.mark.parametrize("way", WAYS)
def test_it_connects_again(rig, way):
    node = f"again-{way}"
    rig.add(node, rig.options(way))
    rig.becomes(node, "on")
    rig.server.kill()
    try:
        wait_until(lambda: f"node.backend_down node={node}" in rig.daemon.log_text())
    finally:
        rig.server.start()
    rig.becomes(node, "on", 60)
    rig.power(node, "off")
    rig.becomes(node, "off")
    assert not rig.is_running()
    rig.power(node, "on")
    rig.becomes(node, "on")


def test_a_lost_ssh_connection_is_made_anew(rig):
    rig.add("dropped", rig.options("ssh"))
    rig.becomes("dropped", "on")
    rig.sshd.stop()
    wait_until(lambda: "node.backend_down node=dropped" in rig.daemon.log_text())
    rig.sshd.start()
    rig.becomes("dropped", "on", 60)
    rig.power("dropped", "off")
    rig.becomes("dropped", "off")
    rig.power("dropped", "on")


@pytest.mark.parametrize("reference", ["env:VBMC_SECRET_SASL", "file:{secrets}/sasl", "credential:sasl", PASSWORD])
def test_the_password_by_reference(rig, reference):
    options = {**rig.options("tcp"), "password": reference.format(secrets=rig.secrets)}
    code, said = rig.look(options)
    assert code == 0, said


def test_a_password_is_rotated_without_a_restart(rig):
    rig.add("rotated", {**rig.options("tcp"), "username": "turner", "password": f"file:{rig.secrets}/turner"})
    for password in ("the-first-one", "the-second-one"):
        rig.write_secret("turner", password)
        rig.server.add_user("turner", password)
        rig.server.kill()
        rig.server.start()
        wait_until(lambda: rig.daemon.ctl("power", "rotated", "status", "--quiet", check=False).returncode == 0)
        rig.power("rotated", "reset")
    rig.daemon.ctl("rm", "rotated", "--yes")


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return value


def wrong(rig):
    """What an operator may get wrong: {what: (options, what he is told)}."""
    tcp, tls, ssh = (rig.options(way) for way in ("tcp", "tls", "ssh"))
    stranger = Authority(rig.folder, "stranger")

    def with_pki(*arguments, **how):
        return {**tls, "uri": rig.server.uri(transport="tls", pkipath=rig.certificates(*arguments, **how))}

    def with_uri(uri):
        return {**ssh, "uri": uri}

    return {
        "password": ({**tcp, "password": "guess-who"}, r"authentication failed.*username and password"),
        "no password": ({**tcp, "password": ""}, r"asks for a password.*username and password"),
        "user": ({**tcp, "username": "nobody"}, r"authentication failed.*username and password"),
        "no user": ({**tcp, "username": ""}, r"asks for a user name.*username and password"),
        "reference": ({**tcp, "password": "env:VBMC_SECRET_NONE"}, r"VBMC_SECRET_NONE"),
        "client certificate of a stranger": (
            with_pki("strange", authority=rig.ca, client=stranger), r"certificate.*do not belong together"),
        "no client certificate": (with_pki("none"), r"refuses the client certificate"),
        "server of a stranger": (
            with_pki("other", authority=stranger, client=stranger), r"not signed by cacert.pem, or not made out for"),
        "no certificates": (
            {**tls, "uri": rig.server.uri(transport="tls", pkipath="/nowhere")}, r"Cannot read CA.*named by the URI's pkipath"),
        "not the TLS port": (
            {**tls, "uri": tls["uri"].replace(str(rig.server.tls_port), str(rig.server.tcp_port))}, r"is that the TLS port"),
        "ssh key": (with_uri(rig.ssh_uri(key=keygen(rig.folder / "stray_key"))), r"Permission denied.*keyfile="),
        "ssh port": (with_uri(rig.ssh_uri(port=free_tcp_port())), r"Connection refused"),
        "socket": (with_uri(rig.server.uri().replace("libvirt-sock", "nowhere")), r"No such file.*is libvirtd"),
        "domain": ({**tls, "domain": "nobody"}, r"'nobody'.*virsh -c .* list --all"),
    }  # fmt: skip


WRONG = (
    "password", "no password", "user", "no user", "reference", "client certificate of a stranger", "no client certificate",
    "server of a stranger", "no certificates", "not the TLS port", "ssh key", "ssh port", "socket", "domain",
)  # fmt: skip


@pytest.fixture(scope="module")
def mistakes(rig):
    made = wrong(rig)
    assert set(made) == set(WRONG)
    return made


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said(rig, mistakes, what):
    options, wanted = mistakes[what]
    started = time.monotonic()
    code, said = rig.look(options)
    assert code != 0 and re.search(wanted, said, re.S), said
    assert time.monotonic() - started < 20
    assert "guess-who" not in said and PASSWORD not in said


@pytest.mark.parametrize("transport", ["ssh", "libssh", "libssh2"])
def test_an_unknown_host_key_is_refused_without_a_question(rig, transport):
    """Whatever the user's name is: libssh's question is for "y"."""
    uri = rig.ssh_uri(known_hosts=rig.known_hosts).replace("+ssh:", f"+{transport}:")
    for key, wanted in ((None, "known_hosts"), (keygen(rig.folder / f"other_{transport}"), "known_hosts")):
        rig.know(key)
        try:
            code, said = rig.look({"uri": uri, "domain": "test", "username": "y"})
        finally:
            rig.know(rig.sshd.host_key)
        assert code != 0 and wanted in said, said
        assert rig.known_hosts.read_text().count("\n") == 1  # none was added


@pytest.mark.parametrize("transport", ["libssh", "libssh2"])
def test_ssh_without_the_program(rig, transport):
    uri = rig.ssh_uri(known_hosts=rig.known_hosts, sshauth="privkey").replace("+ssh:", f"+{transport}:")
    code, said = rig.look({"uri": uri, "domain": "test"})
    assert code == 0, said


@pytest.mark.parametrize(
    "uri",
    [
        "test+ext:///default?command=/bin/true",
        "test+ssh://h/default?%63ommand=/bin/true",
        "test+tcp://h/default?authfile=/etc/passwd",
        "test:///etc/hostname",
        "qemu:///embed?root=/tmp",
        "qemu+tcp://vbmc:{password}@h/system",
    ],
)
def test_what_a_uri_must_not_do(rig, uri):
    uri = uri.format(password=PASSWORD)
    refused = rig.daemon.ctl("add", "refused", "--backend", "libvirt", "--uri", uri, "--domain", "test", check=False)
    assert refused.returncode != 0 and "option 'uri' must" in refused.stderr
    code, said = rig.look({"uri": uri, "domain": "test"})
    assert code != 0 and "option 'uri' must" in said
    assert PASSWORD not in said + refused.stderr and socket.gethostname() not in said


@contextlib.contextmanager
def silent_host():
    """Takes connections and says nothing, for ever."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield listener.getsockname()[1]


def relay(listener, port):
    """A host that came back: what connects to the listener is connected to the port."""
    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", port))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=copy, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()


def test_a_dead_host_delays_nobody_else_and_comes_back(rig):
    """Nothing bounds how long libvirt waits for such a host."""
    rig.add("lively", rig.options("unix"))
    rig.becomes("lively", "on")
    ways = ("tcp", "tls", "ssh")
    with silent_host() as port:
        for way in ways:
            options = rig.options(way)
            rig.add(f"dead-{way}", {**options, "uri": re.sub(r"127[.\d]+:\d+/", f"127.0.0.1:{port}/", options["uri"])})
        silent = rig.daemon.ctl("power", "dead-tcp", "status", check=False)
        assert silent.returncode and re.search("does not answer|did not answer in time", silent.stderr), silent
        for state in ("off", "on"):
            rig.power("lively", state)
            rig.becomes("lively", state, 5)
        wait_until(lambda: rig.daemon.log_text().count("does not answer") >= len(ways), 60)
    with socket.create_server(("127.0.0.1", port)) as listener:
        relay(listener, rig.server.tcp_port)
        rig.becomes("dead-tcp", "on", 60)
    for way in ways:
        rig.daemon.ctl("rm", f"dead-{way}", "--yes")


def test_a_machine_that_is_not_there_is_said(rig):
    rig.add("missing", {**rig.options("unix"), "domain": "nobody"})
    wait_until(lambda: "cannot find it" in rig.daemon.ctl("show", "missing").stdout)
    refused = rig.daemon.ctl("power", "missing", "status", check=False)
    assert "cannot find it" in refused.stdout + refused.stderr
    rig.daemon.ctl("set", "missing", "option.domain=test")
    rig.becomes("missing", "on")
    assert "cannot find it" not in rig.daemon.ctl("show", "missing").stdout


def test_the_password_is_nowhere(rig):
    """Last: after all that the others did."""
    rig.add("given", {**rig.options("tcp"), "password": PASSWORD})
    rig.becomes("given", "on")
    shown = rig.daemon.ctl("show", "given").stdout + rig.daemon.ctl("show", "given", "-o", "json").stdout
    told = rig.daemon.ctl("events").stdout + rig.daemon.log_text() + (rig.folder / "ssh.calls").read_text()
    arguments = b"".join(command_lines())
    database = b"".join(path.read_bytes() for path in rig.daemon.state_dir.glob("vbmcd.db*"))
    assert "test+tcp://" in shown
    for secret in (PASSWORD, "guess-who", "the-first-one", "the-second-one"):
        assert secret not in shown + told
        assert secret.encode() not in arguments + database


def command_lines():
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit():
                yield (entry / "cmdline").read_bytes()
