#!/usr/bin/python3
"""Ironic's own ipmi driver against one BMC: ironic_session.py IP PORT USER PASSWORD.

What a conductor does with a node, without its API and its message bus: the hardware type with all its
interfaces, a node in a database, locked as a task. Prints a line a step.
"""

import logging
import sys
import tempfile
import time
from pathlib import Path

CONFIG = """
[DEFAULT]
host = conductor
state_path = {folder}
tempdir = {folder}
enabled_hardware_types = ipmi
enabled_deploy_interfaces = direct
enabled_boot_interfaces = ipxe
enabled_inspect_interfaces = no-inspect
enabled_management_interfaces = ipmitool
enabled_network_interfaces = noop
enabled_power_interfaces = ipmitool
enabled_vendor_interfaces = ipmitool
default_network_interface = noop
[database]
connection = sqlite:///{folder}/ironic.sqlite
[ipmi]
# The pause between two commands to one address: five seconds each would be most of this run.
min_command_interval = 1
[conductor]
send_sensor_data = true
[deploy]
http_root = {folder}
[pxe]
tftp_root = {folder}
"""


def prepare(folder):
    """Configuration and an empty database."""
    from ironic.common import service
    from ironic.db import migration
    from osprofiler import opts as profiler

    config = Path(folder) / "ironic.conf"
    config.write_text(CONFIG.format(folder=folder))
    profiler.set_defaults(service.CONF)
    service.prepare_command(["ironic", "--config-file", str(config)])
    migration.create_schema()


def create_node(context, ip, port, user, password):
    from ironic import objects

    node = objects.Node(
        context,
        uuid="1be26c0b-03f2-4d2e-ae87-c02d7f33c123",
        driver="ipmi",
        deploy_interface="direct",
        boot_interface="ipxe",
        inspect_interface="no-inspect",
        management_interface="ipmitool",
        network_interface="noop",
        power_interface="ipmitool",
        vendor_interface="ipmitool",
        driver_info={
            "ipmi_address": ip,
            "ipmi_port": port,
            "ipmi_username": user,
            "ipmi_password": password,
            "ipmi_priv_level": "OPERATOR",
        },
    )
    node.create()
    return node


def power(task, state):
    """As a client's request or the power sync has it done."""
    from ironic.conductor import utils

    utils.node_power_action(task, state)
    return f"{task.node.power_state}, seen {task.driver.power.get_power_state(task)}"


def boot_from(task, device, persistent):
    task.driver.management.set_boot_device(task, device, persistent=persistent)
    return task.driver.management.get_boot_device(task)


def sensors(task):
    found = task.driver.management.get_sensors_data(task)
    return {kind: len(values) for kind, values in found.items()}


def steps(task):
    """(what, how): in the order of a node's life."""
    from ironic.common import states

    driver = task.driver
    yield "validate", lambda: [driver.power.validate(task), driver.management.validate(task)]
    yield "vendor", lambda: driver.management.detect_vendor(task)
    yield "power state", lambda: driver.power.get_power_state(task)
    yield "on", lambda: power(task, states.POWER_ON)
    yield "boot once, UEFI", lambda: boot_from(task, "pxe", False)
    yield "boot always, UEFI", lambda: boot_from(task, "disk", True)
    yield "reboot", lambda: power(task, states.REBOOT)
    task.node.properties = {"capabilities": "boot_mode:bios"}
    yield "boot once, BIOS", lambda: boot_from(task, "cdrom", False)
    yield "boot always, BIOS", lambda: boot_from(task, "pxe", True)
    yield "sensors", lambda: sensors(task)
    yield "NMI", lambda: driver.management.inject_nmi(task)
    yield "raw", lambda: driver.vendor.send_raw(task, http_method="POST", raw_bytes="0x06 0x01")
    yield "soft off", lambda: power(task, states.SOFT_POWER_OFF)
    yield "on again", lambda: power(task, states.POWER_ON)
    yield "off", lambda: power(task, states.POWER_OFF)


def main():
    ip, port, user, password = sys.argv[1:]
    logging.basicConfig(level=logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        from ironic.common import context as contexts
        from ironic.conductor import task_manager

        context = contexts.get_admin_context()
        node = create_node(context, ip, port, user, password)
        with task_manager.acquire(context, node.uuid, shared=False, purpose="interop") as task:
            for what, how in steps(task):
                started = time.monotonic()
                print(f"{what}: {how()} ({time.monotonic() - started:.1f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
