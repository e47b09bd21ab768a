"""The contract of all drivers, for machines of each cloud that the metal backend knows."""

import contextlib

import contract
import pytest
from metal_fake import Cloud

# Vultr's API does not say whether a machine is on.
# One that lists, one whose machines are asked for one by one; tests/integration/test_metal.py has all.
PROVIDERS = "equinix phoenixnap".split()


@pytest.fixture(scope="module", params=PROVIDERS)
def subject(request, daemon):
    with Cloud(request.param) as cloud:
        machine = cloud.add("contract")
        name = f"contract-{request.param}"
        options = [word for key, value in cloud.options(machine).items() for word in ("--option", f"{key}={value}")]
        daemon.ctl("add", name, "--backend", "metal", *options)

        @contextlib.contextmanager
        def faulty(fault):
            cloud.fault = fault
            try:
                yield
            finally:
                cloud.fault = None

        yield contract.Subject(
            daemon,
            name,
            truth=lambda: machine.phase != "off",  # powering_on counts as on, powering_off not yet as off
            readings=("all", r"^Health .*\| ok "),
            hang_backend=lambda: faulty("hang"),
            break_backend=lambda: faulty("500"),
        )
        daemon.ctl("rm", name, "--yes", check=False)


@pytest.mark.parametrize("check", contract.CHECKS, ids=contract.name_of)
def test_contract(check, subject):
    contract.run(check, subject)
