#!/usr/bin/python3
"""python3-pyghmi as its users (OpenStack, confluent) call it: pyghmi_session.py IP PORT USER PASSWORD DO [ARGUMENT]."""

import argparse
import sys

from pyghmi.exceptions import IpmiException
from pyghmi.ipmi import command


def inventory(session):
    return [item for item in session.get_inventory()]


def sensors(session):
    return [(reading.name, reading.value, reading.units) for reading in session.get_sensor_data()]


def users(session):
    return sorted((uid, user["name"]) for uid, user in session.get_users().items())


ACTIONS = {
    "power": lambda s: s.get_power()["powerstate"],
    "set-power": lambda s, state: s.set_power(state, wait=20),
    "bootdev": lambda s: s.get_bootdev(),
    "set-bootdev": lambda s, device: s.set_bootdev(device, uefiboot=True),
    "set-bootdev-persist": lambda s, device: s.set_bootdev(device, persist=True),
    "sensors": sensors,
    "health": lambda s: s.get_health()["health"],
    "inventory": inventory,
    "net": lambda s: s.get_net_configuration(),
    "users": users,
    "sel": lambda s: list(s.get_event_log()),
    "clear-sel": lambda s: list(s.get_event_log(clear=True)),
    "identify": lambda s: s.set_identify(on=True, duration=5),
    "raw": lambda s, data: s.raw_command(netfn=6, command=int(data, 0)),
    "reset-bmc": lambda s: s.reset_bmc(),
    "mci": lambda s: s.get_mci(),
    "set-mci": lambda s, text: s.set_mci(text),
    "firmware": lambda s: list(s.get_firmware()),
    "diagnose": lambda s: s.set_power("diag"),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kg", type=bytes.fromhex, help="K_g in hex")
    parser.add_argument("--level", type=int, help="the privilege to log in with; pyghmi's own choice: 4, then 3")
    for name in ("ip", "port", "user", "password", "action"):
        parser.add_argument(name)
    parser.add_argument("arguments", nargs="*")
    given = parser.parse_args()
    try:
        session = command.Command(
            bmc=given.ip,
            port=int(given.port),
            userid=given.user,
            password=given.password,
            kg=given.kg,
            privlevel=given.level,
            keepalive=False,
        )
        print(f"{given.action}: {ACTIONS[given.action](session, *given.arguments)}")
    except IpmiException as error:
        print(f"refused: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
