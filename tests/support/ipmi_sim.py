"""OpenIPMI's ipmi_sim as a BMC for tests: chassis actions go to a script that notes them, the serial line is an
echo. Everything lives in one folder; ends with its test.

    with Simulator() as sim:
        sim.port, sim.actions(), sim.power
"""

import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from daemon import die_with_parent, free_udp_port

CHASSIS = """#!/bin/sh
# ipmi_sim calls: MC get|set|check ITEM [VALUE] ...
cd "{folder}" || exit 1
shift; what=$1; shift
case $what in
check) exit 0 ;;
get)
    for item in "$@"; do
        case $item in
        power) echo "power:$(cat power)" ;;
        boot) echo "boot:$(cat boot)" ;;
        esac
    done ;;
set)
    while [ $# -gt 0 ]; do
        echo "$1 $2" >> actions
        case $1 in
        power) echo "$2" > power ;;
        shutdown) echo 0 > power ;;
        boot) echo "$2" > boot ;;
        identify) shift ;;
        esac
        shift; shift
    done ;;
esac
"""

LAN = """name "upstream"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
    allowed_auths_callback none md5 straight
    allowed_auths_user none md5 straight
    allowed_auths_operator none md5 straight
    allowed_auths_admin none md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "{folder}/chassis.sh 0x20"
  user 2 true "admin" "password" admin 10 none md5 straight
  user 3 true "oper" "operpass" operator 10 none md5 straight
  sol "tcp:127.0.0.1:{serial}" 115200
"""


def text_field(text):
    return bytes([0xC0 | len(text)]) + text.encode()


def full_sensor(number, name, sensor_type, unit, m, upper_critical):
    """A full sensor record (IPMI 2.0, 43.1): linear, unsigned, one threshold."""
    body = bytes([0x20, 0, number, 7, 1, 0x7F, 0x68, sensor_type, 0x01])
    body += bytes([0, 0x02, 0, 0x02, 0x10, 0x10])  # events, readable and settable: upper critical
    body += bytes([0, unit, 0, 0, m, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0])
    body += bytes([0, upper_critical, 0, 0, 0, 0, 2, 2, 0, 0, 0]) + text_field(name)
    return bytes([0, 0, 0x51, 0x01, len(body)]) + body


def fru_image():
    fields = b"".join(map(text_field, ("Acme", "Anvil 9000", "P1", "1.0", "SN-4711", "asset-7"))) + b"\xc1"
    area = b"\x01\x00\x19" + fields
    area += bytes(-(len(area) + 1) % 8)
    area = bytes([1, (len(area) + 1) // 8]) + area[2:]
    area += bytes([-sum(area) & 0xFF])
    header = bytes([1, 0, 0, 0, 1, 0, 0])
    return header + bytes([-sum(header) & 0xFF]) + area


def emulation():
    def line(*words):
        return " ".join(f"0x{word:02x}" if isinstance(word, int) else word for word in words) + "\n"

    fru = fru_image()
    return (
        "mc_setbmc 0x20\n"
        "mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\n"
        "sel_enable 0x20 1000 0x0a\n"
        + line("main_sdr_add 0x20", *full_sensor(0x31, "Inlet Temp", 1, 1, 1, 80))
        + line("main_sdr_add 0x20", *full_sensor(0x02, "Fan A", 4, 18, 100, 250))
        + "sensor_add 0x20 0 0x31 0x01 0x01\nsensor_set_value 0x20 0 0x31 0x2a 0\n"
        "sensor_add 0x20 0 0x02 0x04 0x01\nsensor_set_value 0x20 0 0x02 0x30 0\n"
        + f"mc_add_fru_data 0x20 0 {len(fru)} data " + line(*fru)
        + "mc_enable 0x20\n"
    )


class Serial:
    """The machine's serial line: shouts back what was typed."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.peer = None
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                self.peer, _ = self.listener.accept()
                while data := self.peer.recv(1000):
                    self.peer.sendall(data.upper())
            except OSError:
                if self.listener.fileno() < 0:
                    return

    def close(self):
        self.listener.close()
        if self.peer is not None:
            self.peer.close()


class Simulator:
    def __init__(self, serial=None):
        self.folder = Path(tempfile.mkdtemp(prefix="vbmc-ipmisim-"))
        self.port = free_udp_port()
        self.serial = serial or Serial()
        self.process = None
        (self.folder / "state").mkdir()
        script = self.folder / "chassis.sh"
        script.write_text(CHASSIS.format(folder=self.folder))
        script.chmod(0o755)
        for name, text in (("power", "0\n"), ("boot", "default\n"), ("actions", "")):
            (self.folder / name).write_text(text)
        lan = LAN.format(port=self.port, folder=self.folder, serial=self.serial.port)
        (self.folder / "lan.conf").write_text(lan)
        (self.folder / "sim.emu").write_text(emulation())

    def start(self):
        command = ["ipmi_sim", "-c", "lan.conf", "-f", "sim.emu", "-s", "state", "-n"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.PIPE, stdout=log, stderr=log, preexec_fn=die_with_parent
            )
        deadline = time.monotonic() + 10
        ping = bytes.fromhex("0600ff06000011be80000000")
        with socket.socket(type=socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.1)
            probe.connect(("127.0.0.1", self.port))
            while time.monotonic() < deadline:
                try:
                    probe.send(ping)
                    probe.recv(100)
                    return self
                except OSError:
                    time.sleep(0.05)
        raise RuntimeError("ipmi_sim does not answer: " + (self.folder / "log").read_text())

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @property
    def power(self):
        return (self.folder / "power").read_text().strip() == "1"

    def actions(self):
        return (self.folder / "actions").read_text().splitlines()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        self.serial.close()
        shutil.rmtree(self.folder, ignore_errors=True)
