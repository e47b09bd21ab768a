#!/usr/bin/python3
"""python3-pyipmi over its own RMCP (IPMI 1.5): pyipmi_session.py IP PORT USER PASSWORD."""

import sys

import pyipmi
import pyipmi.interfaces


def main():
    ip, port, user, password = sys.argv[1:]
    interface = pyipmi.interfaces.create_interface("rmcp", keep_alive_interval=0)
    connection = pyipmi.create_connection(interface)
    connection.session.set_session_type_rmcp(ip, int(port))
    connection.session.set_auth_type_user(user, password)
    connection.target = pyipmi.Target(ipmb_address=0x20)
    connection.session.establish()
    try:
        device = connection.get_device_id()
        print(f"device: {device.manufacturer_id} ipmi {device.ipmi_version}")
        connection.chassis_control_power_up()
        print(f"power: {connection.get_chassis_status().power_on}")
        print(f"sel: {len(connection.get_sel_entries())} entries")
        print(f"sdr: {len(list(connection.sdr_repository_entries()))} records")
        # Debian's python3-pyipmi reads no FRU under Python 3.11: array.tostring() is gone.
        print(f"lan: {bytes(connection.get_lan_config_param(channel=1, parameter_selector=3)).hex()}")
    finally:
        connection.session.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
