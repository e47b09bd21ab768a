"""vbmcctl top: once where nobody watches, with rates of what happened meanwhile."""

import json
import subprocess
import threading


def poll(daemon, stop):
    while not stop.is_set():
        subprocess.run(
            ["ipmitool", "-I", "lanplus", "-C", "17", "-H", daemon.address, "-p", "6230",
             "-U", "admin", "-P", "wrong-password", "mc", "guid"],
            capture_output=True, timeout=60, check=False)


def test_top_shows_who_is_busy(daemon):
    for number in range(3):
        daemon.ctl("add", f"n{number}", "--backend", "sim", "--port", str(6230 + number))
    daemon.ctl("power", "on", "n2")
    stop = threading.Event()
    client = threading.Thread(target=poll, args=(daemon, stop))
    client.start()
    try:
        rows = json.loads(daemon.ctl("top", "-d", "1.5", "-o", "json").stdout)
    finally:
        stop.set()
        client.join()
    assert [row["name"] for row in rows][0] == "n0"  # the busiest first
    assert rows[0]["packets_s"] > 0
    by_name = {row["name"]: row for row in rows}
    assert by_name["n1"]["packets_s"] == 0
    assert by_name["n2"]["power"] == "on"
    shown = daemon.ctl("top", "-d", "0.1", "-n", "2", "--sort", "-name").stdout
    assert shown.count("3 nodes: 3 running, 0 failed, 1 on") == 2
    table = shown.split("\n\n")[1].splitlines()
    assert [line.split()[0] for line in table[:4]] == ["NAME", "n2", "n1", "n0"]
    assert daemon.ctl("top", "absent", "-d", "0.1", check=False).returncode == 3
    assert daemon.ctl("top", "-d", "0", check=False).returncode == 2
