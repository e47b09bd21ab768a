"""The contract of all drivers, for the simulated machine."""

import re

import contract
import pytest


@pytest.fixture(scope="module")
def subject(daemon):
    node = "contract"
    daemon.ctl("add", node, "--backend", "sim", "--speed", "20")

    def booted_from():
        printed = daemon.ctl("console", node, "--force", stdin="").stdout
        return re.findall(r"boot=(\w+)", printed)[-1]

    # The scroll-back has what was printed while somebody watched: the starts too.
    import subprocess

    watcher = subprocess.Popen(
        [daemon.binaries / "vbmcctl", "--socket", daemon.socket, "console", node, "--view"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    yield contract.Subject(
        daemon,
        node,
        booted_from=booted_from,
        echo=("\recho $((6*7))\r", r"^42\s*$|\n42\s"),
        follow_seconds=20,
        break_backend=lambda: contract.other_options(daemon, node, fail="power"),
        hang_backend=lambda: contract.other_options(daemon, node, hang="all"),
    )
    watcher.terminate()
    watcher.wait()


@pytest.mark.parametrize("check", contract.CHECKS, ids=contract.name_of)
def test_contract(check, subject):
    contract.run(check, subject)


@pytest.mark.parametrize("capability", ["soft", "power"])
def test_who_does_what(daemon, capability):
    node = f"two-{capability}"
    daemon.ctl(
        "add", node, "--backend", "sim", "--target", "host=sim:speed=10,initial-power=on",
        "--route", f"{capability}=host,sensors=host",
    )  # fmt: skip
    shown = daemon.ctl("show", node).stdout
    host = re.search(r"host does +(.*)", shown).group(1).split(", ")
    assert capability in host and "sensors" in host
    assert ("reset" in host) == (capability == "power")  # goes with power
    assert "console" in re.search(r"main does +(.*)", shown).group(1)
    assert re.search(r"cannot +nmi", shown) is None or "nmi" in shown


def test_routes_are_checked_when_they_are_set(daemon):
    daemon.ctl("add", "routed", "--backend", "sim")
    refused = daemon.ctl("set", "routed", "routes.soft=nowhere", check=False)
    assert refused.returncode == 2 and "names no target" in refused.stderr
    refused = daemon.ctl("set", "routed", "routes.teleport=main", check=False)
    assert refused.returncode == 2 and "there is no capability" in refused.stderr
