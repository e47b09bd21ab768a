"""Whom the ssh backend talks to, and what it does when the machine lies, hangs or goes away."""

import shutil
import socket
import subprocess
import threading
import time

import pytest
from api import fails, module
from sshd import Sshd, fingerprint, keygen

power = module("power")
backends = module("backends")
nodes = module("nodes")
events = module("events")


@pytest.fixture
def server(tmp_path):
    with Sshd(tmp_path / "sshd") as running:
        yield running


def look(api, server, kind="ssh", **options):
    request = backends.TestBackendRequest(kind=kind, options=server.options(**options))
    return api.backends.TestBackend(request)


def add(api, name, options):
    node = nodes.Node(name=name)
    node.targets.add(kind="ssh", options=options)
    return api.nodes.CreateNode(nodes.CreateNodeRequest(node=node))


def get_power(api, name):
    return power.PowerState.Name(api.power.GetPower(power.GetPowerRequest(node=name)).state)


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return value


def is_on(api, name):
    return api.get(name).status.power == power.POWER_STATE_ON


def told(api, name):
    listed = api.events.ListEvents(events.ListEventsRequest()).events
    return " / ".join(event.message for event in listed if event.node == name)


def test_an_unknown_host_key_is_shown_and_refused(api, server):
    with fails("UNAVAILABLE", "HOST_KEY_UNKNOWN") as seen:
        look(api, server, host_key=None)
    assert server.fingerprint in seen.failure.message
    assert "Accepted" not in server.log_text()  # nobody logged in to ask


def test_the_hint_tells_how_to_pin(api, daemon, server, name, tmp_path):
    key = tmp_path / "key"
    key.write_text(server.client_key.read_text())
    key.chmod(0o400)
    options = server.options(host_key=None, key=f"@{key}")
    words = [word for option, value in options.items() for word in ("--option", f"{option}={value}")]
    refused = daemon.ctl("backend", "test", "ssh", *words, check=False).stderr
    assert f"--option host-key={server.fingerprint}" in refused
    assert "`vbmcctl set NODE option.host-key=...`" in refused
    daemon.ctl("add", name, "--backend", "ssh", *words)
    daemon.ctl("set", name, f"option.host-key={server.fingerprint}")
    assert daemon.ctl("power", "status", name).stdout.split()[-1] == "on"


def test_a_key_without_its_at_sign(daemon, server):
    options = server.options(key="vbmc-key")
    words = [word for option, value in options.items() for word in ("--option", f"{option}={value}")]
    assert "@FILE" in daemon.ctl("backend", "test", "ssh", *words, check=False).stderr


def test_another_host_key_is_refused(api, server, tmp_path):
    other = keygen(tmp_path / "other")
    with fails("UNAVAILABLE", "HOST_KEY_CHANGED") as seen:
        look(api, server, host_key=fingerprint(f"{other}.pub"))
    assert server.fingerprint in seen.failure.message
    assert "Accepted" not in server.log_text()


def test_a_host_key_can_be_pinned_in_each_way(api, server, tmp_path):
    public = (server.folder / "host_key.pub").read_text().split()
    plain = tmp_path / "known_hosts"
    plain.write_text(f"[{server.address}]:{server.port} {public[0]} {public[1]}\n")
    hashed = tmp_path / "hashed"
    shutil.copy(plain, hashed)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(hashed)], check=True, capture_output=True)
    assert "|1|" in hashed.read_text()
    for options in (
        {"host_key": f"{public[0]} {public[1]}"},
        {"host_key": f"SHA256:{'A' * 43},{server.fingerprint}"},
        {"host_key": None, "known_hosts": str(plain)},
        {"host_key": None, "known_hosts": str(hashed)},
    ):
        assert look(api, server, **options).power == power.POWER_STATE_ON
    plain.write_text(f"@revoked * {public[0]} {public[1]}\n" + plain.read_text())
    with fails("UNAVAILABLE", "HOST_KEY_REVOKED"):
        look(api, server, host_key=None, known_hosts=str(plain))
    with fails("UNAVAILABLE", "KNOWN_HOSTS_UNREADABLE"):
        look(api, server, host_key=None, known_hosts=str(tmp_path / "none"))


def test_options_can_be_wrong(api, server):
    for options, field in [
        ({"host_key": "SHA256:short"}, "host-key"),
        ({"host_key": "trust me"}, "host-key"),
        ({"host": "name:99999"}, "host"),
        ({"port": "0"}, "port"),
        ({"connect_timeout": "1h"}, "connect-timeout"),
    ]:
        with fails("INVALID_ARGUMENT", None, f"options.{field}"):
            look(api, server, **options)


def test_a_host_key_that_changes_later(api, server, name):
    add(api, name, server.options())
    until(lambda: is_on(api, name))
    server.stop()
    server.new_host_key()
    before = server.log_text().count("Accepted")
    server.start()
    with fails("UNAVAILABLE"):
        for _ in range(50):  # the kept session is dead by now, the next one is refused
            get_power(api, name)
            time.sleep(0.1)
    until(lambda: "is not the pinned one" in told(api, name))
    assert server.fingerprint in told(api, name)
    assert server.log_text().count("Accepted") == before  # nobody logged in there


def test_a_key_that_the_machine_does_not_know(api, server, tmp_path):
    other = keygen(tmp_path / "other")
    with fails("UNAUTHENTICATED", "LOGIN_REFUSED") as seen:
        look(api, server, key=other.read_text())
    assert server.user in seen.failure.message
    with fails("UNAUTHENTICATED", "NO_CREDENTIALS"):
        look(api, server, key=None)


def test_other_kinds_of_keys(api, server, tmp_path):
    rsa = keygen(tmp_path / "rsa", "rsa", bits=2048)
    locked = keygen(tmp_path / "locked", passphrase="open sesame 7")
    with open(server.folder / "authorized_keys", "a") as keys:
        keys.write((tmp_path / "rsa.pub").read_text() + (tmp_path / "locked.pub").read_text())
    assert look(api, server, key=rsa.read_text().strip()).power == power.POWER_STATE_ON
    unlocked = look(api, server, key=locked.read_text(), key_passphrase="open sesame 7")
    assert unlocked.power == power.POWER_STATE_ON
    with fails("UNAVAILABLE", "KEY_UNREADABLE") as seen:
        look(api, server, key=locked.read_text(), key_passphrase="not so")
    assert "not so" not in seen.failure.message


def test_a_server_that_hangs_in_the_handshake(api, server, name):
    with socket.create_server((server.address, 0)) as silent:
        connections = []

        def accept():
            try:
                while True:
                    connections.append(silent.accept()[0])
                    connections[-1].sendall(b"SSH-2.0-Silent_1.0\r\n")
            except OSError:
                pass

        threading.Thread(target=accept, daemon=True).start()
        host = f"{server.address}:{silent.getsockname()[1]}"
        begun = time.monotonic()
        with fails("UNAVAILABLE", "SSH_SILENT"):
            look(api, server, host=host, connect_timeout="1s")
        assert 0.5 < time.monotonic() - begun < 5
        add(api, name, server.options(host=host))
        add(api, name + "b", server.options())
        until(lambda: is_on(api, name + "b"), 4)  # a silent machine delays no other
        silent.shutdown(socket.SHUT_RDWR)


def test_what_is_no_ssh_server(api, server):
    with socket.create_server((server.address, 0)) as odd:

        def accept():
            connection = odd.accept()[0]
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 2000)
            connection.close()

        threading.Thread(target=accept, daemon=True).start()
        with fails("UNAVAILABLE"):
            look(api, server, host=f"{server.address}:{odd.getsockname()[1]}", connect_timeout="2s")


def test_a_command_that_hangs(api, server, name):
    add(api, name, server.options(command_timeout="1s"))
    until(lambda: is_on(api, name))
    server.write("hang", "")
    with fails("UNAVAILABLE"):
        for _ in range(10):
            get_power(api, name)
            time.sleep(0.3)
    server.remove("hang")
    until(lambda: is_on(api, name) and get_power(api, name) == "POWER_STATE_ON")


def test_a_session_that_drops_is_opened_again(api, server, name):
    add(api, name, server.options())
    until(lambda: is_on(api, name))
    before = server.log_text().count("Accepted publickey")
    for _ in range(3):
        get_power(api, name)
    assert server.log_text().count("Accepted publickey") == before  # one kept session
    server.drop_connections()
    assert get_power(api, name) == "POWER_STATE_ON"
    assert server.log_text().count("Accepted publickey") == before + 1


def test_unreachable_is_off_only_where_that_is_said(api, server, name):
    add(api, name, server.options(unreachable_is="off"))
    add(api, name + "u", server.options())
    until(lambda: is_on(api, name) and is_on(api, name + "u"))
    server.stop()
    until(lambda: get_power(api, name) == "POWER_STATE_OFF")
    with fails("UNAVAILABLE"):
        for _ in range(30):
            get_power(api, name + "u")
            time.sleep(0.1)
    assert api.get(name + "u").status.power != power.POWER_STATE_OFF
    server.start()
    until(lambda: get_power(api, name) == "POWER_STATE_ON")


def test_soft_off_is_followed_until_the_machine_is_gone(api, server, name):
    add(api, name, server.options(unreachable_is="off"))
    until(lambda: is_on(api, name))
    api.power.SetPower(power.SetPowerRequest(node=name, action=power.POWER_ACTION_SOFT))
    until(lambda: "systemctl poweroff --no-block" in server.calls())
    server.stop()
    until(lambda: api.get(name).status.power == power.POWER_STATE_OFF)


def test_the_helper_does_what_its_verbs_say_and_nothing_else(api, server, name):
    server.stop()
    server.use_helper()
    server.start()
    add(api, name, server.options(helper="vbmc-hostctl"))
    until(lambda: is_on(api, name))

    def act(action):
        request = power.SetPowerRequest(node=name, action=power.PowerAction.Value(f"POWER_ACTION_{action}"))
        api.power.SetPower(request)

    act("SOFT")
    until(lambda: "systemctl poweroff --no-block" in server.calls())
    act("RESET")
    until(lambda: "systemctl reboot --no-block" in server.calls())
    act("DIAG")
    until(lambda: (server.folder / "sysrq").exists())
    api.power.SetBoot(
        power.SetBootRequest(node=name, boot=power.Boot(device=power.BOOT_DEVICE_PXE))
    )
    until(lambda: "efibootmgr -q -n 0002" in server.calls())
    until(lambda: "sensors -j" in server.calls())

    known = server.folder / "known"
    public = (server.folder / "host_key.pub").read_text()
    known.write_text(f"[{server.address}]:{server.port} {public}")
    login = ["ssh", "-F", "none", "-i", str(server.client_key), "-p", str(server.port)]
    login += ["-o", "IdentitiesOnly=yes", "-o", f"UserKnownHostsFile={known}", "-o", "BatchMode=yes"]
    login.append(f"{server.user}@{server.address}")

    def acted():
        return [call for call in server.calls() if call.startswith(("systemctl", "efi", "busctl"))]

    before = acted()
    for asked in ("reboot", "soft now", "boot-next 0001;id", "setup $(id)", "status; id", "", "sh -c id"):
        done = subprocess.run([*login, asked], capture_output=True, text=True, timeout=30)
        assert done.returncode == 64 and not done.stdout, (asked, done.stdout, done.stderr)
    assert acted() == before


def test_the_console_comes_back(api, server, name, daemon):
    created = add(api, name, server.options())
    until(lambda: is_on(api, name))
    endpoint = created.node.endpoint
    command = ["ipmitool", "-I", "lanplus", "-H", endpoint.address, "-p", str(endpoint.port)]
    command += ["-U", "admin", "-P", created.generated_password, "-C", "17", "sol", "activate"]
    session = subprocess.Popen(
        ["script", "-qfec", " ".join(command), "/dev/null"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: server.calls().count("login shell") == 1)
        server.drop_connections()
        until(lambda: server.calls().count("login shell") == 2)
    finally:
        session.kill()
        session.wait()
