"""One vbmcd a test file, so that files do not disturb each other; fresh names inside a file."""

import itertools
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import api as api_module  # noqa: E402
from daemon import Daemon  # noqa: E402

_numbers = itertools.count(1)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if report.failed:  # a failed test's daemons keep their folders
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Daemon):
                value.failed = True


def end(daemon):
    """Whatever a test made of it, it ends cleanly: without a fault and, under a sanitizer, without a leak."""
    process = daemon.process
    if process is None or process.returncode is not None:  # the test saw its end, and judged it
        daemon.close()
        return
    died = process.poll() is not None
    code = daemon.stop()
    daemon.failed = daemon.failed or died or code != 0
    words = daemon.log_tail()
    daemon.close()
    assert not died and code == 0, f"vbmcd {'had died of' if died else 'ended with'} {code}\n{words}"


@pytest.fixture(scope="module")
def daemon():
    running = Daemon().start()
    yield running
    end(running)


@pytest.fixture
def new_daemon():
    """Makes daemons of this test alone; started by the test."""
    made = []

    def make(config=""):
        made.append(Daemon(config=config))
        return made[-1]

    yield make
    for one in made:
        end(one)


@pytest.fixture(scope="module")
def api(daemon):
    client = api_module.connect(daemon.socket)
    yield client
    client.close()


@pytest.fixture
def name():
    """A node name that no other test uses."""
    return f"t{next(_numbers):04d}"
