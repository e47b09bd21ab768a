"""The API over TCP: mutual TLS only, roles by certificate, certificates renewed without a restart."""

import subprocess
import time

import grpc
import pytest
from api import Api, fails, module
from daemon import Daemon, free_tcp_port

server = module("server")


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """A CA in a folder."""

    def __init__(self, folder, name):
        self.folder = folder
        self.key = folder / f"{name}.key"
        self.certificate = folder / f"{name}.pem"
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", self.key, "-out", self.certificate, "-days", "2", "-subj", f"/CN={name}",
        )

    def issue(self, name, common_name, alternative, days=2, suffix=""):
        """(key, certificate) files for that subject."""
        key = self.folder / f"{name}.key{suffix}"
        request = self.folder / f"{name}.csr"
        certificate = self.folder / f"{name}.pem{suffix}"
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternative}\n" if alternative else "\n")
        openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", request, "-subj", f"/CN={common_name}",
        )
        openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
            "-CAcreateserial", "-days", days, "-out", certificate, "-extfile", extensions,
        )
        return key, certificate


class Listening:
    """A daemon with a TCP listener, and what is needed to reach it."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_tcp_port()
        self.ca = Authority(folder, "ca")
        self.client_ca = Authority(folder, "client-ca")
        self.stranger_ca = Authority(folder, "stranger-ca")
        self.key, self.certificate = self.ca.issue("server", "vbmcd.test", "DNS:vbmcd.test,IP:127.0.0.1")
        self.daemon = Daemon(
            config=(
                "listen:\n"
                "- address: 127.0.0.1\n"
                f"  port: {self.port}\n"
                "  tls:\n"
                f"    cert: {self.certificate}\n"
                f"    key: {self.key}\n"
                f"    ca: {self.client_ca.certificate}\n"
                "roles:\n"
                "  admin: [\"cn:boss\"]\n"
                "  viewer: [\"dns:monitor.test\"]\n"
                "  secrets: [\"uri:spiffe://test/vault\"]\n"
            )
        )

    def client(self, authority, common_name, alternative=""):
        return authority.issue(common_name.replace("/", "_"), common_name, alternative)

    def connect(self, pair=None, roots=None):
        key, certificate = (path.read_bytes() for path in pair) if pair else (None, None)
        roots = (roots or self.ca.certificate).read_bytes()
        credentials = grpc.ssl_channel_credentials(roots, key, certificate)
        return Api(
            grpc.secure_channel(
                f"127.0.0.1:{self.port}",
                credentials,
                options=[
                    ("grpc.ssl_target_name_override", "vbmcd.test"),
                    ("grpc.use_local_subchannel_pool", 1),
                ],
            )
        )


def info(api):
    return api.server.GetServerInfo(server.GetServerInfoRequest(), timeout=10)


@pytest.fixture(scope="module")
def listening(tmp_path_factory):
    made = Listening(tmp_path_factory.mktemp("tls"))
    with made.daemon:
        yield made


def test_the_right_certificate(listening):
    api = listening.connect(listening.client(listening.client_ca, "boss"))
    seen = info(api)
    assert seen.caller.identity.startswith("cn:boss@")
    assert "admin" in seen.caller.roles
    assert f"tcp:127.0.0.1:{listening.port}" in seen.listeners
    api.create("over-tls")


def test_names_of_a_certificate_give_roles(listening):
    monitor = listening.connect(listening.client(listening.client_ca, "m", "DNS:monitor.test"))
    assert list(info(monitor).caller.roles) == ["viewer"]
    with fails("PERMISSION_DENIED", "ROLE_REQUIRED"):
        monitor.create("not-allowed")
    users = module("users")
    vault = listening.connect(listening.client(listening.client_ca, "v", "URI:spiffe://test/vault"))
    with fails("PERMISSION_DENIED", "ROLE_REQUIRED"):
        info(vault)
    with fails("NOT_FOUND"):
        vault.users.GetNodeSecrets(users.GetNodeSecretsRequest(node="nobody"))


def test_a_good_certificate_without_a_role(listening):
    api = listening.connect(listening.client(listening.client_ca, "somebody", "DNS:else.test"))
    with fails("PERMISSION_DENIED", "ROLE_REQUIRED") as seen:
        info(api)
    assert "cn:somebody" in seen.failure.message
    # A name in the wrong place gives nothing.
    api = listening.connect(listening.client(listening.client_ca, "monitor.test", "DNS:boss"))
    with fails("PERMISSION_DENIED", "ROLE_REQUIRED"):
        info(api)


def test_no_certificate(listening):
    with fails("UNAVAILABLE"):
        info(listening.connect())


def test_the_wrong_certificate(listening):
    with fails("UNAVAILABLE"):
        info(listening.connect(listening.client(listening.stranger_ca, "boss")))
    with fails("UNAVAILABLE"):  # signed by the CA that signs servers, not clients
        info(listening.connect(listening.client(listening.ca, "boss")))


def test_an_expired_certificate(listening):
    pair = listening.client_ca.issue("expired", "boss", "", days=0)
    time.sleep(1.1)
    with fails("UNAVAILABLE"):
        info(listening.connect(pair))


def test_plain_text(listening):
    plain = Api(grpc.insecure_channel(f"127.0.0.1:{listening.port}"))
    with fails("UNAVAILABLE"):
        info(plain)


def test_a_client_that_trusts_another_ca(listening):
    pair = listening.client(listening.client_ca, "boss")
    with fails("UNAVAILABLE"):
        info(listening.connect(pair, roots=listening.stranger_ca.certificate))


def test_renewed_certificates_are_served_without_a_restart(listening):
    pair = listening.client(listening.client_ca, "boss")
    old = listening.connect(pair)
    info(old)
    new_ca = Authority(listening.folder, "new-ca")
    key, certificate = new_ca.issue(
        "renewed", "vbmcd.test", "DNS:vbmcd.test,IP:127.0.0.1", suffix=".new"
    )
    key.rename(listening.key)
    certificate.rename(listening.certificate)
    deadline = time.monotonic() + 20
    while True:
        try:
            info(listening.connect(pair, roots=new_ca.certificate))
            break
        except grpc.RpcError:
            assert time.monotonic() < deadline, "the new certificate is not served"
            time.sleep(0.2)
    info(old)  # a connection lives on
    with fails("UNAVAILABLE"):
        info(listening.connect(pair))


def test_a_listener_that_cannot_be(tmp_path):
    made = Listening(tmp_path)
    made.certificate.write_text("not a certificate")
    try:
        assert made.daemon.spawn().wait(30) != 0
        assert "server.pem" in made.daemon.log_text()
        made.certificate.unlink()
        assert made.daemon.spawn().wait(30) != 0
        assert "server.pem" in made.daemon.log_text()
    finally:
        made.daemon.close()
