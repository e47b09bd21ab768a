#!/usr/bin/python3
"""powerman in front of ipmipower, as clusters use it: powerman_session.py HOST IP USER PASSWORD.

Prints what `powerman --query` says before, after --on and after --off.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from child import child, free_tcp_port, wait_for_port

CONFIG = """\
listen "127.0.0.1:{port}"
include "/etc/powerman/ipmipower.dev"
device "ipmi0" "ipmipower" "/usr/sbin/ipmipower -D LAN_2_0 --config-file {freeipmi} -h {host} --wait-until-on --wait-until-off |&"
node "n1" "ipmi0" "{plug}"
"""


def main():
    host, ip, user, password = sys.argv[1:]
    port = free_tcp_port()
    with tempfile.TemporaryDirectory() as folder:
        freeipmi = Path(folder) / "freeipmi.conf"
        freeipmi.write_text(f"username {user}\npassword {password}\nprivilege-level OPERATOR\n")
        config = Path(folder) / "powerman.conf"
        config.write_text(CONFIG.format(port=port, freeipmi=freeipmi, host=host, plug=ip))

        def powerman(*arguments):
            done = subprocess.run(
                ["powerman", "-h", f"127.0.0.1:{port}", *arguments],
                capture_output=True, text=True, timeout=60,
            )
            return done.stdout + done.stderr

        with child(["/usr/sbin/powermand", "-f", "-c", str(config)]):
            wait_for_port(port)
            deadline = time.monotonic() + 15
            # ipmipower first pings the BMC; until it answered, powerman knows nothing.
            while re.search(r"unknown:\s+n1", powerman("-Q", "n1")) and time.monotonic() < deadline:
                time.sleep(0.5)
            for arguments in (("-1", "n1"), ("-Q", "n1"), ("-0", "n1"), ("-Q", "n1")):
                print(" ".join(arguments) + ": " + " ".join(powerman(*arguments).split()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
