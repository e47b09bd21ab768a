"""ApplyNodes and BatchNodes: many nodes in one call, with partial failure."""

import time

import pytest
from api import Failure, connect, fails, module

nodes = module("nodes")
Outcome = nodes.ApplyResult.Outcome


def item(name, options=None, users=(), **fields):
    node = nodes.Node(name=name, **fields)
    node.targets.add(kind="sim", options=options or {})
    return nodes.ApplyItem(node=node, users=users)


def outcomes(results):
    return {result.name: Outcome.Name(result.outcome) for result in results}


@pytest.fixture
def own(new_daemon):
    daemon = new_daemon().start()
    client = connect(daemon.socket)
    yield client
    client.close()


def test_apply_creates_then_leaves_alone_then_updates(own):
    items = [item(f"n{i}", labels={"rack": "r1"}) for i in range(20)]
    results, summary = own.apply(items)
    assert summary.created == 20 and summary.failed == 0
    assert all(result.generated_password for result in results)
    assert sorted(result.id for result in results) == list(range(1, 21))
    before = {node.name: node for node in own.list().nodes}

    results, summary = own.apply(items)
    assert summary.unchanged == 20 and summary.updated == 0
    assert {node.name: node.etag for node in own.list().nodes} == {n: b.etag for n, b in before.items()}

    items[3].node.labels["rack"] = "r2"
    items[4].node.policy.cipher_suites.append(17)
    results, summary = own.apply(items)
    assert (summary.updated, summary.unchanged) == (2, 18)
    changed = {r.name: list(r.changed_fields) for r in results if r.changed_fields}
    assert changed == {"n3": ["labels"], "n4": ["policy"]}
    assert own.get("n3").endpoint == before["n3"].endpoint


def test_apply_is_declarative(own):
    own.create("n1", labels={"a": "1", "b": "2"}, annotations={"x": "y"}, enabled=False)
    results, _ = own.apply([item("n1", labels={"a": "1"})])
    assert outcomes(results) == {"n1": "UPDATED"}
    node = own.get("n1")
    assert dict(node.labels) == {"a": "1"} and not node.annotations
    assert not node.enabled  # not mentioned: stays


def test_apply_sets_users_once(own):
    user = module("users").User(name="ops", password=b"correct horse battery"[:20])
    results, _ = own.apply([item("n1", users=[user])])
    assert outcomes(results) == {"n1": "CREATED"} and not results[0].generated_password
    results, _ = own.apply([item("n1", users=[user])])
    assert outcomes(results) == {"n1": "UNCHANGED"}
    user.password = b"another password"
    results, _ = own.apply([item("n1", users=[user])])
    assert outcomes(results) == {"n1": "UPDATED"} and list(results[0].changed_fields) == ["users"]
    secrets = own.users.GetNodeSecrets(module("users").GetNodeSecretsRequest(node="n1"))
    assert [(u.name, u.password) for u in secrets.users] == [("ops", b"another password")]


def test_apply_reports_what_fails_and_goes_on(own):
    taken = own.create("taken").node
    items = [
        item("good1"),
        item("no/name"),
        item("bad-kind"),
        item("thief", endpoint=taken.endpoint),
        item("good1"),
        item("stale"),
        item("good2"),
    ]
    items[2].node.targets[0].kind = "simm"
    own.create("stale")
    items[5].node.etag = "old"
    items[5].node.labels["a"] = "b"
    results, summary = own.apply(items)
    by_id = {result.id: result for result in results}
    assert (summary.created, summary.failed) == (2, 5)
    reasons = {i: Failure(by_id[i].error) for i in (2, 3, 4, 5, 6)}
    assert reasons[2].code == "INVALID_ARGUMENT" and reasons[2].fields == ["node.name"]
    assert reasons[3].reason == "BACKEND_UNKNOWN"
    assert reasons[4].reason == "ENDPOINT_IN_USE"
    assert reasons[5].reason == "DUPLICATE_NAME"
    assert reasons[6].reason == "ETAG_MISMATCH"
    assert own.names("good*") == ["good1", "good2"]


def test_validate_only_touches_nothing(own):
    own.create("old", labels={"managed": "yes"})
    results, summary = own.apply(
        [item("new"), item("bad", options={"no-such": "1"})],
        validate_only=True,
        prune=True,
        prune_filter="labels.managed = yes",
    )
    assert outcomes(results) == {"new": "CREATED", "bad": "ERROR"}
    assert summary.prune_skipped
    results, summary = own.apply(
        [item("new")], validate_only=True, prune=True, prune_filter="labels.managed = yes"
    )
    assert outcomes(results) == {"new": "CREATED", "old": "PRUNED"}
    assert own.names() == ["old"]


def test_prune(own):
    for name in ("a", "b", "c"):
        own.create(name, labels={"managed": "yes"})
    own.create("mine")
    with fails("INVALID_ARGUMENT", None, "header.prune_filter"):
        own.apply([item("a")], prune=True)
    with fails("INVALID_ARGUMENT", "BAD_FILTER", "header.prune_filter"):
        own.apply([item("a")], prune=True, prune_filter="colour = red")
    kept = item("a", labels={"managed": "yes"})
    _, summary = own.apply([kept], end=False, prune=True, prune_filter="labels.managed = yes")
    assert summary.prune_skipped and len(own.names()) == 4
    results, summary = own.apply([kept], prune=True, prune_filter="labels.managed = yes")
    assert summary.pruned == 2 and not summary.prune_skipped
    assert own.names() == ["a", "mine"]


def test_a_stream_can_be_wrong(own):
    def send(*parts):
        return list(own.nodes.ApplyNodes(iter(parts)))

    header = nodes.ApplyNodesRequest(header=nodes.ApplyHeader())
    one = nodes.ApplyNodesRequest(item=item("n1"))
    with fails("INVALID_ARGUMENT", "BAD_STREAM"):
        send()
    with fails("INVALID_ARGUMENT", "BAD_STREAM"):
        send(one)
    with fails("INVALID_ARGUMENT", "BAD_STREAM"):
        send(header, header)
    with fails("INVALID_ARGUMENT", "BAD_STREAM"):
        send(header, nodes.ApplyNodesRequest(end=nodes.ApplyEnd(items=3)))


def test_a_thousand_nodes_in_seconds(own):
    began = time.monotonic()
    results, summary = own.apply([item(f"m{i:04d}") for i in range(1000)])
    took = time.monotonic() - began
    assert summary.created == 1000
    endpoints = {(r.node.endpoint.address, r.node.endpoint.port) for r in results}
    assert len(endpoints) == 1000
    assert took < 60, f"{took:.1f} s"
    total, results, summary = own.batch(filter="m*", set_power=1)
    assert total == 1000 and summary.done == 1000
    total, _, summary = own.batch(filter="*", delete=nodes.BatchNodesRequest.Delete())
    assert total == 1000 and summary.done == 1000
    assert own.names() == []


def test_batch_with_partial_failure(own):
    for i in range(5):
        own.create(f"ok{i}")
    own.create("broken", options={"fail": "power"})
    total, results, summary = own.batch(
        names=["ok0", "broken", "missing", "ok1", "ok0"], set_power=module("power").POWER_ACTION_ON
    )
    assert total == 4  # a name twice counts once
    assert (summary.done, summary.failed) == (2, 2)
    assert not results["ok0"].HasField("error")
    assert Failure(results["missing"].error).reason == "NODE_NOT_FOUND"
    assert results["broken"].HasField("error")


def test_batch_verbs(own):
    own.create("n1")
    request = nodes.BatchNodesRequest
    verbs = [
        {"stop": request.Stop()},
        {"start": request.Start()},
        {"restart": request.Restart()},
        {"get_power": request.GetPower()},
        {"set_boot": module("power").Boot(device=1)},
        {"clear_sel": request.SelClear()},
        {"delete": request.Delete()},
    ]
    for verb in verbs:
        _, results, summary = own.batch(names=["n1"], **verb)
        assert summary.done == 1, (verb, results)
    assert own.names() == []


def test_batch_can_be_wrong(own):
    own.create("n1")
    with fails("INVALID_ARGUMENT", None, "names"):
        own.batch(set_power=1)
    with fails("INVALID_ARGUMENT", None, "names"):
        own.batch(names=["n1"], filter="*", set_power=1)
    with fails("INVALID_ARGUMENT", None, "verb"):
        own.batch(names=["n1"])
    with fails("INVALID_ARGUMENT", None, "set_power"):
        own.batch(names=["n1"], set_power=99)
    with fails("INVALID_ARGUMENT", "BAD_FILTER", "filter"):
        own.batch(filter="colour = red", set_power=1)


def test_a_client_that_goes_away_stops_a_batch(own):
    for i in range(40):
        own.create(f"n{i}", options={"latency": "200ms"})
    request = nodes.BatchNodesRequest(filter="*", parallelism=1)
    request.get_power.SetInParent()
    stream = own.nodes.BatchNodes(request)
    next(stream)
    next(stream)
    stream.cancel()
    began = time.monotonic()
    own.get("n1")  # the daemon is not stuck in it
    assert time.monotonic() - began < 2
