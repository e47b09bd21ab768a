#!/usr/bin/python3
"""conman's IPMI consoles: conman_session.py HOST USER PASSWORD. Types a
command on the console; prints what was heard, and conman's own log of it."""

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from terminal import converse

from child import child, free_tcp_port, wait_for_port

CONFIG = """\
server loopback=on
server port={port}
server logdir="{folder}"
server pidfile="{folder}/conmand.pid"
server logfile="{folder}/conmand.log"
console name="n1" dev="ipmi:{host}" ipmiopts="U:{user},P:{password},L:op" log="{folder}/n1.log" logopts="sanitize"
"""


def main():
    host, user, password = sys.argv[1:]
    port = free_tcp_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "conman.conf"
        config.write_text(CONFIG.format(port=port, folder=folder, host=host, user=user, password=password))
        log = Path(folder) / "n1.log"
        with child(["/usr/sbin/conmand", "-F", "-c", str(config)]):
            wait_for_port(port)
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                text = log.read_text(errors="replace") if log.exists() else ""
                if "connected to" in text.lower():
                    break
                time.sleep(0.2)
            talk = (("Connection", "\r"), ("# ", "echo vbmc-$((40+2))\r"), ("vbmc-42", "&."), ("closed", ""))
            command = ["conman", "-d", f"127.0.0.1:{port}", "n1"]
            _, heard = converse(command, talk, 20, dict(os.environ), folder)
            print(heard)
        print(log.read_text(errors="replace") if log.exists() else "no log")
    return 0


if __name__ == "__main__":
    sys.exit(main())
