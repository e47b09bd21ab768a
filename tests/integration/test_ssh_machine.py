"""The ssh backend against a whole machine: passwords through PAM, and the real efibootmgr, lm-sensors and DMI files."""

import re
import subprocess
import time

import grpc
import pytest
from api import fails, module
from ipmi_sim import Simulator
from sshd_machine import SshdMachine, can_make_one

power = module("power")
backends = module("backends")
nodes = module("nodes")
PASSWORD = "tango-Lima 41"

pytestmark = pytest.mark.skipif(not can_make_one(), reason="needs a mount namespace of its own")


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return value


def look(api, server, **options):
    request = backends.TestBackendRequest(kind="ssh", options=server.options(**options))
    return api.backends.TestBackend(request)


class Node:
    def __init__(self, api, name, options, kind="ssh"):
        self.api, self.name = api, name
        node = nodes.Node(name=name)
        node.targets.add(kind=kind, options=options)
        self.created = api.nodes.CreateNode(nodes.CreateNodeRequest(node=node))

    @property
    def is_on(self):
        return self.api.get(self.name).status.power == power.POWER_STATE_ON

    def looks_on(self):
        try:
            return self.api.power.GetPower(power.GetPowerRequest(node=self.name)).state == power.POWER_STATE_ON
        except grpc.RpcError:
            return False

    def ipmitool(self, *arguments):
        at = self.created.node.endpoint
        command = ["ipmitool", "-I", "lanplus", "-H", at.address, "-p", str(at.port), "-U", "admin"]
        command += ["-P", self.created.generated_password, "-C", "17", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
def test_a_password(api, daemon, tmp_path, method):
    with SshdMachine(tmp_path / "sshd", PASSWORD, methods=(method,)) as server:
        assert look(api, server, key=None, password=PASSWORD).power == power.POWER_STATE_ON
        with fails("UNAUTHENTICATED", "LOGIN_REFUSED") as seen:
            look(api, server, key=None, password="wrong one")
        assert server.user in seen.failure.message and f"it takes {method}" in seen.failure.message
        assert len(re.findall("Failed |PAM: Authentication failure", server.log_text())) == 1, server.log_text()  # each counts
        with fails("UNAUTHENTICATED", "LOGIN_REFUSED"):
            look(api, server)  # a key, which this one does not take
        for text in (seen.failure.message, daemon.log_text(), server.log_text()):
            assert PASSWORD not in text and "wrong one" not in text


def test_a_password_out_of_a_file(daemon, tmp_path, name):
    """`@FILE` with add and with set; what was wrong is said at once, and what is right counts at once."""
    file = tmp_path / "password"
    with SshdMachine(tmp_path / "sshd", PASSWORD, methods=("password",)) as server:
        options = server.options(key=None, password=f"@{file}")
        file.write_text("wrong one\n")
        words = [word for key, value in options.items() for word in ("--option", f"{key}={value}")]
        done = daemon.ctl("add", name, "--backend", "ssh", *words)
        assert "warning: the backend does not answer" in done.stderr and "refused user" in done.stderr
        file.write_text(PASSWORD + "\n")
        daemon.ctl("set", name, f"option.password=@{file}")
        assert daemon.ctl("power", "status", name).stdout.split()[-1] == "on"
        missing = daemon.ctl("set", name, f"option.password=@{file}.none", check=False)
        assert missing.returncode != 0 and "cannot read" in missing.stderr


def test_a_password_where_only_keys_are_taken(api, tmp_path):
    with SshdMachine(tmp_path / "sshd", PASSWORD) as server:
        with fails("UNAUTHENTICATED", "LOGIN_REFUSED") as seen:
            look(api, server, key=None, password=PASSWORD)
        assert "it takes publickey" in seen.failure.message
        assert "Failed password" not in server.log_text()  # it was not even sent


def test_a_refused_password_is_not_tried_again_and_again(new_daemon, tmp_path, name):
    import api as api_module

    secrets = tmp_path / "credentials"
    secrets.mkdir()
    secret = secrets / "password"
    secret.write_text("not yet\n")
    secret.chmod(0o400)
    daemon = new_daemon(f"credentials:\n  directories: [{secrets}]\n").start()
    api = api_module.connect(daemon.socket)
    with SshdMachine(tmp_path / "sshd", PASSWORD, methods=("password",)) as server:
        node = Node(api, name, server.options(key=None, password=f"file:{secret}"))
        until(lambda: "refused user" in api.get(name).status.last_error)
        for _ in range(8):
            with fails("FAILED_PRECONDITION", "BACKEND_REFUSED"):
                api.power.GetPower(power.GetPowerRequest(node=name))
            time.sleep(0.5)
        assert server.log_text().count("Failed password") == 1
        assert re.search(r"tried again in \d+ s", api.get(name).status.last_error), api.get(name).status.last_error
        daemon.ctl("restart", name)  # that is asked for: not after the pause
        until(lambda: server.log_text().count("Failed password") == 2)
        secret.chmod(0o600)
        secret.write_text(PASSWORD + "\n")  # another one counts at once, without a restart
        until(lambda: node.looks_on(), 15)
    api.close()


# What the firmware's own entries are chosen for each device; tests/support/efi_vars.py has them.
CHOICES = {
    "ovmf": {"pxe": 3, "disk": 7, "cdrom": 1},
    "supermicro": {"pxe": 3, "disk": 1, "cdrom": 4, "floppy": 5},
    "dell": {"pxe": 0, "disk": 3, "cdrom": 1},
}


@pytest.mark.parametrize("vendor", CHOICES)
def test_boot_entries_of_real_firmware(api, tmp_path, name, vendor):
    with SshdMachine(tmp_path / "sshd", vendor=vendor) as server:
        node = Node(api, name, server.options())
        until(lambda: node.is_on)
        firmware = server.firmware
        for device, number in CHOICES[vendor].items():
            node.ipmitool("chassis", "bootdev", device)
            until(lambda number=number: firmware.next == number)
        node.ipmitool("chassis", "bootdev", "none")
        until(lambda: firmware.next is None)
        before = firmware.order
        pxe = CHOICES[vendor]["pxe"]
        node.ipmitool("chassis", "bootdev", "pxe", "options=persistent")
        until(lambda: firmware.order == [pxe, *(n for n in before if n != pxe)])


def test_a_connection_lost_while_the_boot_entry_is_set(api, tmp_path, name):
    with SshdMachine(tmp_path / "sshd") as server:
        node = Node(api, name, server.options())
        until(lambda: node.is_on)
        server.write("drop", "")  # before it was done: nobody may take that for success
        node.ipmitool("chassis", "bootdev", "pxe")
        until(lambda: server.firmware.next == 3)
        assert server.calls().count("efibootmgr -q -n 0003") == 2


def test_sensors_and_identity_as_linux_tells_them(api, tmp_path, name):
    with SshdMachine(tmp_path / "sshd") as server:
        node = Node(api, name, server.options())

        def rows():
            lines = [[cell.strip() for cell in line.split("|")] for line in node.ipmitool("sensor").splitlines()]
            return {cells[0]: cells[1:] for cells in lines}

        until(lambda: rows().get("Package id 0", [""])[0] == "41.000", 30)
        table = rows()
        assert [float(table["Package id 0"][i]) for i in (6, 7)] == [80, 100]
        assert abs(float(table["nct6798 fan2"][0]) - 1210) < 20 and table["nct6798 fan2"][1] == "RPM"
        assert abs(float(table["nct6798 in4"][0]) - 12.096) < 0.06
        assert abs(float(table["Composite"][0]) - 39) < 0.5
        until(lambda: "Anvil 9000" in node.ipmitool("fru", "print", "0"))
        printed = node.ipmitool("fru", "print", "0")
        assert "Acme Servers" in printed and "AN-0042" in printed and "rack 7" in printed


def test_ipmitool_itself_on_a_jump_host(api, tmp_path, name):
    """What the real ipmitool prints, of OpenIPMI's simulator."""
    with SshdMachine(tmp_path / "sshd") as server, Simulator() as sim:
        (server.folder / "bin" / "ipmitool").unlink()
        reach = f"ipmitool -I lanplus -H 127.0.0.1 -p {sim.port} -U admin -P password -C 3"
        node = Node(api, name, server.options(ipmitool=reach), kind="ssh-ipmitool")
        until(lambda: api.get(name).status.power == power.POWER_STATE_OFF)
        node.ipmitool("chassis", "power", "on")
        until(lambda: sim.power and node.is_on)
        node.ipmitool("chassis", "bootdev", "pxe")
        until(lambda: "boot pxe" in sim.actions())
        until(lambda: "Inlet Temp       | 42.000     | degrees C" in node.ipmitool("sensor"), 30)
        fan = [line for line in node.ipmitool("sensor").splitlines() if line.startswith("Fan A")][0].split("|")
        assert abs(float(fan[1]) - 4800) < 100 and fan[2].strip() == "RPM", fan
        until(lambda: "Anvil 9000" in node.ipmitool("fru", "print", "0"))
        printed = node.ipmitool("fru", "print", "0")
        assert "Acme" in printed and "SN-4711" in printed and "asset-7" in printed
        node.ipmitool("chassis", "power", "off")
        until(lambda: not sim.power and api.get(name).status.power == power.POWER_STATE_OFF)
