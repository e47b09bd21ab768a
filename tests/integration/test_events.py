"""The watch stream: what there is, what happens, and readers that are slow."""

import threading
import time

from api import connect, fails, module

events = module("events")
nodes = module("nodes")
Kind = events.Event.Kind


def watch(api, **fields):
    return api.events.WatchEvents(events.WatchEventsRequest(**fields))


def read_until(stream, test, seconds=20):
    """Items up to and with the first that passes; the stream is cancelled when none does in time."""
    timer = threading.Timer(seconds, stream.cancel)
    timer.start()
    seen = []
    try:
        for item in stream:
            seen.append(item)
            if test(item):
                return seen
    finally:
        timer.cancel()
    raise AssertionError("the stream ended")


def synced(item):
    return item.HasField("synced")


def kind_of(item):
    return Kind.Name(item.event.kind) if item.HasField("event") else None


def test_initial_nodes_then_synced_then_changes(api, name):
    api.create(name)
    stream = watch(api, send_initial=True, nodes=[name, name + "b"], include_nodes=True)
    first = read_until(stream, synced)
    assert [item.node.name for item in first[:-1]] == [name]
    api.create(name + "b")
    api.update(name, ["labels"], labels={"a": "b"})
    api.delete(name + "b")
    seen = read_until(stream, lambda item: kind_of(item) == "NODE_REMOVED")
    stream.cancel()
    kinds = [(item.event.node, kind_of(item)) for item in seen]
    assert (name + "b", "NODE_ADDED") in kinds
    assert (name, "NODE_CHANGED") in kinds
    changed = next(item for item in seen if kind_of(item) == "NODE_CHANGED")
    assert dict(changed.node.labels) == {"a": "b"}
    sequences = [item.event.sequence for item in seen]
    assert sequences == sorted(sequences) and len(set(sequences)) == len(sequences)


def test_a_watch_can_be_filtered(api, name):
    stream = watch(api, filter=f'kind = NODE_REMOVED AND node = "{name}*"')
    read_until(stream, synced)
    for suffix in "ab":
        api.create(name + suffix)
        api.delete(name + suffix)
    seen = read_until(stream, lambda item: item.event.node == name + "b")
    stream.cancel()
    assert [kind_of(item) for item in seen] == ["NODE_REMOVED", "NODE_REMOVED"]
    with fails("INVALID_ARGUMENT", "BAD_FILTER", "filter"):
        next(watch(api, filter="colour = red"))


def test_power_is_told(api, name):
    api.create(name, options={"speed": "50"})
    stream = watch(api, nodes=[name])
    read_until(stream, synced)
    power = module("power")
    api.power.SetPower(power.SetPowerRequest(node=name, action=power.POWER_ACTION_ON))
    seen = read_until(stream, lambda item: kind_of(item) == "POWER")
    stream.cancel()
    asked = [item.event for item in seen if kind_of(item) == "ACTION"]
    assert asked and asked[0].who.startswith("uid:")


def test_recent_events(api, name):
    before = time.time()
    api.create(name)
    api.delete(name)
    listed = api.events.ListEvents(events.ListEventsRequest(nodes=[name])).events
    kinds = [Kind.Name(event.kind) for event in listed]
    assert "NODE_ADDED" in kinds and kinds[-1] == "NODE_REMOVED"
    newest = api.events.ListEvents(events.ListEventsRequest(nodes=[name], page_size=1)).events
    assert [Kind.Name(event.kind) for event in newest] == ["NODE_REMOVED"]
    request = events.ListEventsRequest(nodes=[name], filter="kind = node_added")
    request.since.FromSeconds(int(before) - 1)
    assert len(api.events.ListEvents(request).events) == 1
    request.since.FromSeconds(int(before) + 3600)
    assert not api.events.ListEvents(request).events
    with fails("INVALID_ARGUMENT", "BAD_PAGE_SIZE"):
        api.events.ListEvents(events.ListEventsRequest(page_size=-1))


def test_a_slow_reader_is_told_to_list_again(new_daemon):
    daemon = new_daemon().start()
    slow = connect(daemon.socket)
    quick = connect(daemon.socket)
    stream = watch(slow, include_nodes=True)
    read_until(stream, synced)
    items = []
    for number in range(500):  # each event carries its node: the stream's window is soon full
        node = nodes.Node(name=f"n{number}", annotations={"big": "x" * 8000}, enabled=False)
        node.targets.add(kind="sim")
        items.append(nodes.ApplyItem(node=node))
    for turn in range(11):
        for item in items:
            item.node.labels["turn"] = str(turn)
        _, summary = quick.apply(items, parallelism=250)
        assert summary.failed == 0
    seen = read_until(stream, lambda item: item.HasField("resync"), seconds=60)
    assert len(seen) < 8000
    quick.delete("n0")  # from here on nothing is missed
    seen = read_until(stream, lambda item: kind_of(item) == "NODE_REMOVED")
    assert seen[-1].event.node == "n0"
    stream.cancel()
    slow.close()
    quick.close()


def test_streams_end_when_the_daemon_does(new_daemon):
    daemon = new_daemon().start()
    client = connect(daemon.socket)
    stream = watch(client)
    read_until(stream, synced)
    began = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began < 10
    with fails("UNAVAILABLE", "SHUTTING_DOWN"):
        for _ in stream:
            pass
    client.close()


def test_a_watcher_that_vanishes_is_forgotten(api, name):
    for _ in range(300):  # more than may be open at a time
        stream = watch(api)
        next(stream)
        stream.cancel()
    api.create(name)
