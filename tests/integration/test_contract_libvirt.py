"""The contract of all drivers, for a domain of libvirt's own test host (no guest runs: tests/machines has those)."""

import contextlib

import contract
import pytest


@contextlib.contextmanager
def another_domain(daemon):
    daemon.ctl("set", "virtual", "option.domain=nobody")
    try:
        yield
    finally:
        daemon.ctl("set", "virtual", "option.domain=test")


@pytest.fixture(scope="module")
def subject(daemon):
    daemon.ctl("add", "virtual", "--backend", "libvirt", "--uri", "test:///default", "--domain", "test")
    return contract.Subject(
        daemon,
        "virtual",
        follow_seconds=10,
        break_backend=lambda: another_domain(daemon),
    )


@pytest.mark.parametrize("check", contract.CHECKS, ids=contract.name_of)
def test_contract(check, subject):
    contract.run(check, subject)
