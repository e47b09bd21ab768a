"""The contract of all drivers, for a BMC behind the node: OpenIPMI's ipmi_sim."""

import contextlib
import signal
import sys
from pathlib import Path

import contract
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from ipmi_sim import Simulator  # noqa: E402


@pytest.fixture(scope="module")
def subject(daemon):
    with Simulator() as sim:
        options = ("host=127.0.0.1", f"port={sim.port}", "username=admin", "password=password", "cipher=3")
        arguments = [word for option in options for word in ("--option", option)]
        daemon.ctl("add", "contract", "--backend", "ipmi", *arguments)

        @contextlib.contextmanager
        def hung():
            sim.process.send_signal(signal.SIGSTOP)
            try:
                yield
            finally:
                sim.process.send_signal(signal.SIGCONT)

        yield contract.Subject(
            daemon,
            "contract",
            truth=lambda: sim.power,
            echo=("contract", "CONTRACT"),
            hang_backend=hung,
            break_backend=hung,
        )


@pytest.mark.parametrize("check", contract.CHECKS, ids=contract.name_of)
def test_contract(check, subject):
    contract.run(check, subject)
