"""Metrics over HTTP, and that they are off and local unless somebody says otherwise."""

import http.client
import subprocess

import pytest
from daemon import Daemon, free_tcp_port


def get(port, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_metrics_count_what_happens():
    port = free_tcp_port()
    with Daemon(config=f"metrics:\n  port: {port}\n") as daemon:
        daemon.ctl("add", "n1", "--backend", "sim", "--port", "6230")
        daemon.ctl("power", "on", "n1")
        subprocess.run(
            ["ipmitool", "-I", "lanplus", "-C", "17", "-H", daemon.address, "-p", "6230",
             "-U", "nobody", "-P", "wrong", "power", "status"],
            capture_output=True, timeout=60, check=False)
        status, text = get(port, "/metrics")
        assert status == 200
        lines = text.splitlines()
        assert 'vbmc_nodes{state="running"} 1' in lines
        assert 'vbmc_power_actions_total{action="on",result="ok"} 1' in lines
        assert 'vbmc_auth_failures_total{reason="unknown_name"} 0' not in lines
        names = {line.split()[2] for line in lines if line.startswith("# TYPE")}
        for line in lines:
            if not line.startswith("#"):
                name = line.split("{")[0].split()[0]
                for suffix in ("_bucket", "_sum", "_count"):
                    name = name[: -len(suffix)] if name.endswith(suffix) and name not in names else name
                assert name in names, line
        status, text = get(port, "/metrics/nodes?filter=name%3Dn1")
        assert status == 200 and 'vbmc_node_up{node="n1"} 1' in text
        assert get(port, "/metrics/nodes?filter=(((")[0] == 400
        assert get(port, "/elsewhere")[0] == 404
        assert get(port, "/metrics", "POST")[0] == 405


@pytest.mark.parametrize("config", ["metrics:\n  address: 0.0.0.0\n  port: 9290\n", "metrics: {}\n"])
def test_metrics_stay_on_this_machine(config):
    with pytest.raises(RuntimeError, match="metrics"):
        Daemon(config=config).start()
