"""The contract of all drivers, for a machine of each cloud that the metal backend knows: all at once, a node each."""

import contextlib

import contract
import pytest
from metal_fake import WORDS, Cloud


def faulty(cloud):
    def order(fault):
        @contextlib.contextmanager
        def ordered():
            cloud.fault = fault
            try:
                yield
            finally:
                cloud.fault = None

        return ordered

    return order


def add(daemon, provider, clouds):
    """A node for a machine of its own cloud, which refuses what is so already."""
    cloud = clouds.enter_context(Cloud(provider))
    cloud.strict = True
    machine = cloud.add("contract")
    options = [word for key, value in cloud.options(machine).items() for word in ("--option", f"{key}={value}")]
    daemon.ctl("add", f"contract-{provider}", "--backend", "metal", *options)
    has_states = WORDS[provider]["on"] != WORDS[provider]["off"]
    return contract.Subject(
        daemon,
        f"contract-{provider}",
        # A start that is under way may still fail: it counts as on only when it is there.
        truth=(lambda: machine.phase in ("on", "going_off")) if has_states else None,
        readings=("all", r"^Health .*\| ok "),
        hang_backend=faulty(cloud)("hang"),
        break_backend=faulty(cloud)("500"),
    )


@pytest.fixture(scope="module")
def subjects(daemon):
    with contextlib.ExitStack() as clouds:
        yield [add(daemon, provider, clouds) for provider in WORDS]


@pytest.mark.parametrize("check", contract.CHECKS, ids=contract.name_of)
def test_contract(check, subjects):
    contract.run_all(check, subjects)
