#!/usr/bin/python3
"""openipmish walking a whole BMC: openipmish_session.py IP PORT USER PASSWORD. Prints what it found."""

import subprocess
import sys

COMMANDS = (
    "redisp_cmd off",
    "domain open n1 -wait_til_up lan -p {port} -U {user} -P {password} -A rmcp+ -L operator {ip}",
    "domain info n1",
    "mc list n1",
    "mc info n1(0.20)",
    "entity list n1",
    "sensor list n1(7.1)",
    "fru list n1",
    "exit",
)


def main():
    ip, port, user, password = sys.argv[1:]
    arguments = []
    for command in COMMANDS:
        arguments += ["-x", command.format(ip=ip, port=port, user=user, password=password)]
    done = subprocess.run(
        ["openipmish", *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=50
    )
    print(done.stdout.decode(errors="replace"))
    print(done.stderr.decode(errors="replace"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
