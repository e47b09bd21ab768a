"""A bug in a backend's driver costs its node's service, and nobody else's."""

import time

import pytest
from api import fails, module

events = module("events")
nodes = module("nodes")
power = module("power")
State = nodes.NodeStatus.State


def state(api, name):
    return State.Name(api.get(name).status.state)


def faults_of(api, name):
    listed = api.events.ListEvents(events.ListEventsRequest(nodes=[name])).events
    return [event.fields["fault"] for event in listed if "fault" in event.fields]


def switch_on(api, name):
    return api.power.SetPower(power.SetPowerRequest(node=name, action=power.POWER_ACTION_ON))


def until(test, seconds=10):
    deadline = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def broken(api, name):
    api.create(name, options={"throw": "power"})
    api.create(name + "-other", options={"speed": "20"})
    return name


def test_three_faults_are_a_quarantine_and_a_restart_ends_it(api, daemon, broken):
    for fault in range(1, 4):
        assert state(api, broken) == "RUNNING"
        with fails("FAILED_PRECONDITION", "BACKEND_REFUSED") as seen:
            switch_on(api, broken)
        assert "throws as ordered" in seen.failure.message
        until(lambda: len(faults_of(api, broken)) == fault)
    until(lambda: state(api, broken) == "QUARANTINED")
    shown = daemon.ctl("show", broken).stdout
    assert "quarantined" in shown and f"vbmcctl restart {broken}" in shown
    with fails("FAILED_PRECONDITION", "NODE_NOT_RUNNING"):
        switch_on(api, broken)

    switch_on(api, broken + "-other")  # nobody else noticed
    assert state(api, broken + "-other") == "RUNNING"
    assert not faults_of(api, broken + "-other")

    daemon.ctl("restart", broken)
    assert state(api, broken) == "RUNNING"
    assert not [one for one in api.get(broken).status.conditions if not one.ok]
    daemon.ctl("set", broken, "option.throw=none")
    switch_on(api, broken)


def test_a_quarantine_does_not_outlive_the_daemon(new_daemon):
    """What is wanted is that the node runs; a bug that is still there quarantines it again."""
    daemon = new_daemon().start()
    daemon.ctl("add", "n1", "--backend", "sim", "--throw", "power")
    for _ in range(3):
        daemon.ctl("power", "n1", "on", check=False)
    until(lambda: "quarantined" in daemon.ctl("list", "n1").stdout)
    daemon.restart()
    assert "running" in daemon.ctl("list", "n1").stdout
    assert daemon.ctl("events", "n1").stdout.count("throws as ordered") >= 3  # told, also afterwards
