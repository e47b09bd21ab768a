#!/usr/bin/python3
"""prometheus-ipmi-exporter scraping one BMC: exporter_session.py HOST USER PASSWORD. Prints the metrics."""

import json
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

from child import child, free_tcp_port, wait_for_port


def main():
    host, user, password = sys.argv[1:]
    port = free_tcp_port()
    module = {
        "user": user,
        "pass": password,
        "driver": "LAN_2_0",
        "privilege": "admin",
        "timeout": 20000,
        "collectors": ["bmc", "ipmi", "chassis", "dcmi", "sel"],
    }
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "ipmi.yml"
        config.write_text(json.dumps({"modules": {"default": module}}))  # JSON is YAML
        config.chmod(0o600)
        command = ["prometheus-ipmi-exporter", f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
        with child(command):
            wait_for_port(port)
            query = urllib.parse.urlencode({"target": host, "module": "default"})
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ipmi?{query}", timeout=60) as answer:
                print(answer.read().decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
