"""vbmcctl over TCP: mutual TLS, and what it says when a certificate is not the right one."""

import subprocess

import pytest
from test_tls import Listening, openssl


@pytest.fixture(scope="module")
def listening(tmp_path_factory):
    made = Listening(tmp_path_factory.mktemp("cli-tls"))
    with made.daemon:
        yield made


def ctl(listening, pair, *arguments, roots=None, host=None, name=("--tls-name", "vbmcd.test")):
    key, certificate = pair
    return subprocess.run(
        [
            str(listening.daemon.binaries / "vbmcctl"),
            "--host", host or f"127.0.0.1:{listening.port}",
            "--tls-ca", str(roots or listening.ca.certificate),
            "--tls-cert", str(certificate),
            "--tls-key", str(key),
            *name,
            *arguments,
        ],
        capture_output=True, text=True, timeout=60,
    )


@pytest.fixture(scope="module")
def boss(listening):
    return listening.client(listening.client_ca, "boss")


def only_line(done, code):
    assert done.returncode == code, done.stderr
    lines = done.stderr.splitlines()
    assert lines[0].startswith("vbmcctl: ")
    for word in ("grpc", "SSL_", "UNAVAILABLE", "UNKNOWN"):
        assert word not in done.stderr
    return lines[0].removeprefix("vbmcctl: ")


def test_the_right_certificate(listening, boss):
    assert ctl(listening, boss, "list").returncode == 0
    assert "cn:boss" in ctl(listening, boss, "info").stdout
    assert ctl(listening, boss, "info", name=()).returncode == 0  # 127.0.0.1 is in the certificate
    done = ctl(listening, boss, "add", "over-tls", "--backend", "sim")
    assert "over-tls is running" in done.stdout


def test_a_role_that_is_not_enough(listening):
    monitor = listening.client(listening.client_ca, "mon", "DNS:monitor.test")
    assert ctl(listening, monitor, "list").returncode == 0
    line = only_line(ctl(listening, monitor, "add", "x", "--backend", "sim"), 4)
    assert line.startswith("node x: ")


def test_a_certificate_of_a_stranger(listening):
    stranger = listening.client(listening.stranger_ca, "boss")
    line = only_line(ctl(listening, stranger, "list"), 7)
    assert line == (
        f"vbmcd at 127.0.0.1:{listening.port} closed the connection: it did not accept the certificate"
    )


def test_an_expired_certificate(listening):
    expired = listening.client_ca.issue("expired", "boss", "", days=-1)
    line = only_line(ctl(listening, expired, "list"), 7)
    assert "did not accept the certificate" in line


def test_a_daemon_of_another_ca(listening, boss):
    line = only_line(ctl(listening, boss, "list", roots=listening.stranger_ca.certificate), 7)
    assert "with a certificate that this CA has signed" in line


def test_a_certificate_for_another_name(listening, boss):
    line = only_line(ctl(listening, boss, "list", name=("--tls-name", "other.test")), 7)
    assert "is for another name" in line


def test_nobody_listens(listening, boss):
    line = only_line(ctl(listening, boss, "list", host="127.0.0.1:1"), 7)
    assert line == "vbmcd does not answer at 127.0.0.1:1: nobody listens there"


def test_a_key_that_does_not_fit(listening, boss):
    openssl("genrsa", "-out", listening.folder / "other.key", "2048")
    done = ctl(listening, (listening.folder / "other.key", boss[1]), "list")
    assert done.returncode in (2, 7)
    only_line(done, done.returncode)
