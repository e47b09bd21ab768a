"""The ssh backend against a real private sshd: what each IPMI command does on the machine."""

import subprocess
import time

import pytest
from api import fails, module
from sshd import Sshd

power = module("power")
backends = module("backends")
nodes = module("nodes")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(server):
    server._stand_ins()
    server.forget_calls()


def until(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return value


class Machine:
    """A node on the server's machine, and ipmitool to work it."""

    def __init__(self, api, name, options, kind="ssh"):
        self.api, self.name = api, name
        node = nodes.Node(name=name)
        node.targets.add(kind=kind, options=options)
        self.created = api.nodes.CreateNode(nodes.CreateNodeRequest(node=node))
        until(lambda: api.get(name).status.power == power.POWER_STATE_ON)

    def command(self, *arguments):
        endpoint = self.created.node.endpoint
        return ["ipmitool", "-I", "lanplus", "-H", endpoint.address, "-p", str(endpoint.port)] + [
            "-U", "admin", "-P", self.created.generated_password, "-C", "17", *arguments
        ]

    def ipmitool(self, *arguments, check=True):
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=60)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def machine(api, server, name):
    return Machine(api, name, server.options())


def look(api, server, **options):
    request = backends.TestBackendRequest(kind="ssh", options=server.options(**options))
    return api.backends.TestBackend(request)


def test_soft_off_and_reset(machine, server):
    machine.ipmitool("chassis", "power", "soft")
    until(lambda: "systemctl poweroff --no-block" in server.calls())
    machine.ipmitool("chassis", "power", "reset")
    until(lambda: "systemctl reboot --no-block" in server.calls())
    assert server.calls().count("systemctl reboot --no-block") == 1


def test_a_reboot_is_seen_by_the_boot_id(machine, api, server, name):
    events = module("events")
    machine.ipmitool("chassis", "power", "reset")
    machine.ipmitool("chassis", "power", "status")

    def restarted():
        machine.ipmitool("chassis", "power", "status")
        told = api.events.ListEvents(events.ListEventsRequest()).events
        return [e for e in told if e.node == name and "restarted" in e.message]

    until(restarted)


def test_a_connection_that_drops_after_the_reboot_was_accepted_is_success(machine, server):
    server.write("drop", "")
    try:
        machine.ipmitool("chassis", "power", "reset")
        until(lambda: "systemctl reboot --no-block" in server.calls())
    finally:
        server.remove("drop")
    assert "on" in machine.ipmitool("chassis", "power", "status")
    assert server.calls().count("systemctl reboot --no-block") == 1


def test_a_reboot_that_was_none_is_told(api, server, name):
    machine = Machine(api, name, server.options(command_reset="true", reboot_timeout="2s"))
    machine.ipmitool("sel", "clear")
    machine.ipmitool("chassis", "power", "reset")

    def failed():
        machine.ipmitool("chassis", "power", "status")
        return "Power Unit" in machine.ipmitool("sel", "elist")

    until(failed, 30)
    assert "failure" in machine.ipmitool("sel", "elist").lower()


def test_nmi(machine, server):
    machine.ipmitool("chassis", "power", "diag")
    until(lambda: "sysrq" in server.calls())
    assert "echo c > /proc/sysrq-trigger" in server.commands()


def test_what_it_cannot_do_is_refused_at_once(machine, server):
    for action in ("on", "off", "cycle"):
        assert "not supported" in machine.ipmitool("chassis", "power", action, check=False)
    assert not [c for c in server.calls() if c.startswith("systemctl")]


@pytest.mark.parametrize(
    "device, call",
    [
        ("pxe", "efibootmgr -q -n 0002"),
        ("cdrom", "efibootmgr -q -n 0003"),
        ("disk", "efibootmgr -q -n 0001"),
    ],
)
def test_one_time_boot(machine, server, device, call):
    machine.ipmitool("chassis", "bootdev", device)
    until(lambda: call in server.calls())
    assert f"BootNext: {call[-4:]}" in (server.folder / "efi").read_text()


def test_persistent_boot_and_setup(machine, server):
    machine.ipmitool("chassis", "bootdev", "pxe", "options=persistent")
    until(lambda: "efibootmgr -q -o 0002,0001,0003" in server.calls())
    machine.ipmitool("chassis", "bootdev", "bios")
    setup = "busctl call org.freedesktop.login1 /org/freedesktop/login1"
    setup += " org.freedesktop.login1.Manager SetRebootToFirmwareSetup b"
    until(lambda: f"{setup} true" in server.calls())


def test_sensors(machine):
    def rows():
        listed = machine.ipmitool("sensor")
        table = {}
        for line in listed.splitlines():
            cells = [cell.strip() for cell in line.split("|")]
            table[cells[0]] = cells[1:]
        return table if "Package id 0" in table else None

    table = until(rows)
    until(lambda: rows()["Package id 0"][0] == "41.000")
    assert table["Package id 0"][1] == "degrees C"
    assert [float(table["Package id 0"][i]) for i in (6, 7)] == [80, 100]  # unc, ucr
    assert abs(float(table["CPU Fan"][0]) - 1210) < 20 and table["CPU Fan"][1] == "RPM"
    assert abs(float(table["+12V"][0]) - 12.096) < 0.05 and table["+12V"][1] == "Volts"
    assert table["Vcore"][3] == "na"  # a minimum of 0 V is none


def test_sensors_without_lm_sensors(api, server, name):
    server.write("no-sensors", "")
    server.write(
        "hwmon",
        "/sys/class/hwmon/hwmon3/name:nvme\n/sys/class/hwmon/hwmon3/temp1_input:38850\n"
        "/sys/class/hwmon/hwmon3/temp1_label:Composite\n/sys/class/hwmon/hwmon3/temp1_crit:84850\n",
    )
    try:
        machine = Machine(api, name, server.options())
        until(lambda: "Composite        | 39.000" in machine.ipmitool("sensor"))
    finally:
        server.remove("no-sensors")


def test_identity(machine):
    def fru():
        printed = machine.ipmitool("fru", "print", "0")
        return printed if "Anvil 9000" in printed else None

    printed = until(fru)
    assert "Acme Servers" in printed and "AN-0042" in printed and "rack 7" in printed


def test_console(machine, server, api):
    session = subprocess.Popen(
        ["script", "-qfec", " ".join(machine.command("sol", "activate")), "/dev/null"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=0,
    )
    try:
        time.sleep(0.2)
        seen = ""
        deadline = time.monotonic() + 20
        typed = False
        while "answer=42" not in seen and time.monotonic() < deadline:
            seen += session.stdout.read(1)
            if "stand-in$" in seen and not typed:
                typed = True
                session.stdin.write("echo answer=$((6*7))\r")
                session.stdin.flush()
        assert "answer=42" in seen, seen
        assert "login shell" in server.calls()
        session.stdin.write("~.")
        session.stdin.flush()
        session.wait(10)
    finally:
        session.kill()
        session.wait()


def test_own_commands(api, server, name):
    options = server.options(
        command_off="systemctl hard-off", command_on="systemctl wake", command_soft="none",
        command_status="ipmitool -I open chassis power status", command_identify="systemctl light",
    )
    machine = Machine(api, name, options)
    assert "not supported" in machine.ipmitool("chassis", "power", "soft", check=False)
    machine.ipmitool("chassis", "power", "off")
    until(lambda: "systemctl hard-off" in server.calls())
    server.write("bmc-power", "off\n")
    until(lambda: "is off" in machine.ipmitool("chassis", "power", "status"))
    machine.ipmitool("chassis", "power", "on")
    until(lambda: "systemctl wake" in server.calls())
    machine.ipmitool("chassis", "identify", "7")
    until(lambda: "systemctl light 7" in server.calls())


@pytest.fixture
def hypervisor(tmp_path):
    """A host of its own: no other test's node leaves commands there."""
    with Sshd(tmp_path) as running:
        yield running


def test_a_host_that_works_another_machine_is_left_alone(api, daemon, hypervisor, name):
    """Its commands are the machine's; what is built in would shut the host itself down."""
    own = {"command_on": "systemctl wake", "command_status": "echo on", "helper": "vbmc-hostctl"}
    machine = Machine(api, name, hypervisor.options(**own))
    for action in ("soft", "reset", "diag", "cycle"):
        assert "not supported" in machine.ipmitool("chassis", "power", action, check=False), action
    for device in ("pxe", "disk", "bios", "none"):
        machine.ipmitool("chassis", "bootdev", device, check=False)
    machine.ipmitool("chassis", "power", "on", check=False)
    machine.ipmitool("sensor")
    machine.ipmitool("sol", "activate", check=False)
    assert "echo on" in hypervisor.commands()
    assert set(hypervisor.commands()) <= {"echo on", "systemctl wake"}, hypervisor.commands()
    shown = daemon.ctl("show", name).stdout
    cannot = next(line for line in shown.splitlines() if line.strip().startswith("cannot"))
    for capability in ("soft", "reset", "nmi", "boot", "console", "sensors"):
        assert capability in cannot, cannot


def test_sudo(api, server, name):
    machine = Machine(api, name, server.options(sudo="true"))
    machine.ipmitool("chassis", "power", "soft")
    until(lambda: "sudo -n systemctl poweroff --no-block" in server.commands())
    machine.ipmitool("chassis", "bootdev", "cdrom")
    until(lambda: "sudo -n efibootmgr -q -n 0003" in server.commands())


def test_ipmitool_on_the_host(api, server, name):
    machine = Machine(api, name, server.options(), kind="ssh-ipmitool")
    machine.ipmitool("chassis", "power", "soft")
    until(lambda: "ipmitool -I open chassis power soft" in server.calls())
    machine.ipmitool("chassis", "bootdev", "pxe", "options=persistent,efiboot")
    until(lambda: "ipmitool -I open chassis bootdev pxe options=persistent,efiboot" in server.calls())
    machine.ipmitool("chassis", "power", "off")
    until(lambda: "is off" in machine.ipmitool("chassis", "power", "status"))
    machine.ipmitool("chassis", "power", "on")
    until(lambda: "is on" in machine.ipmitool("chassis", "power", "status"))
    until(lambda: "CPU Temp         | 44.000" in machine.ipmitool("sensor"))
    until(lambda: "Forge 1" in machine.ipmitool("fru", "print", "0"))


def test_two_routes_on_one_node(api, server, name):
    """Hard power by one backend, soft off, sensors and the console by ssh."""
    node = nodes.Node(name=name)
    node.targets.add(name="main", kind="sim", options={"initial-power": "on", "speed": "50"})
    node.targets.add(name="host", kind="ssh", options=server.options())
    node.routes.update({"soft": "host", "sensors": "host", "identity": "host", "boot": "host"})
    created = api.nodes.CreateNode(nodes.CreateNodeRequest(node=node))
    machine = Machine.__new__(Machine)
    machine.api, machine.name, machine.created = api, name, created
    until(lambda: api.get(name).status.power == power.POWER_STATE_ON)
    machine.ipmitool("chassis", "power", "soft")
    until(lambda: "systemctl poweroff --no-block" in server.calls())
    machine.ipmitool("chassis", "bootdev", "cdrom")
    until(lambda: "efibootmgr -q -n 0003" in server.calls())
    until(lambda: "Package id 0" in machine.ipmitool("sensor"))
    machine.ipmitool("chassis", "power", "off")
    until(lambda: "is off" in machine.ipmitool("chassis", "power", "status"))
    # Other tests' nodes work the same server, and may still be sending their soft off.
    acted = {call for call in server.calls() if call.startswith("systemctl")}
    assert acted == {"systemctl poweroff --no-block"}


def test_nothing_leaks(api, daemon, server):
    """Last in this file: what the daemon wrote while all the others ran."""
    key_lines = server.client_key.read_text().splitlines()[1:-1]
    events = str(api.events.ListEvents(module("events").ListEventsRequest()))
    for text in (daemon.log_text(), events, str(api.list()), server.log_text()):
        assert not [line for line in key_lines if line in text]
    with fails("UNAVAILABLE", "KEY_UNREADABLE") as seen:
        look(api, server, key="not-a-key-but-secret")
    assert "secret" not in seen.failure.message.replace("secret:", "")
