"""Nodes through gRPC: create, look, change, delete, start, stop, and every way to get them wrong."""

import re
import socket

from api import fails, module

nodes = module("nodes")
State = nodes.NodeStatus.State


def state(node):
    return State.Name(node.status.state)


def answers(node):
    """True when something answers an ASF presence ping at the node's endpoint."""
    ping = bytes.fromhex("0600ff06 000011be 80000000")
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        client.sendto(ping, (node.endpoint.address, node.endpoint.port))
        try:
            return client.recv(64)[8] == 0x40
        except (TimeoutError, ConnectionError):
            return False


def test_a_name_and_a_backend_are_all_it_takes(api, daemon, name):
    created = api.create(name)
    node = created.node
    assert node.name == name
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", node.uid)
    assert node.etag
    assert node.endpoint.address == daemon.address
    assert node.endpoint.port >= 6230
    assert state(node) == "RUNNING"
    assert node.enabled
    assert 16 <= len(created.generated_password) <= 20
    assert answers(node)
    assert api.get(name).uid == node.uid


def test_given_users_replace_the_generated_password(api, name):
    user = module("users").User(name="ops", password=b"short", privilege=3)
    created = api.create(name, users=[user])
    assert created.generated_password == ""
    assert len(created.warnings) == 1 and "ops" in created.warnings[0]
    listed = api.users.ListUsers(module("users").ListUsersRequest(node=name)).users
    assert [(u.name, u.privilege, u.password) for u in listed] == [("ops", 3, b"")]


def test_validate_only_changes_nothing(api, name):
    api.create(name, validate_only=True)
    assert api.names(name) == []
    with fails("INVALID_ARGUMENT"):
        api.create(name, options={"no-such-option": "1"}, validate_only=True)


def test_name_taken(api, name):
    api.create(name)
    with fails("ALREADY_EXISTS", "NODE_EXISTS", "node.name") as seen:
        api.create(name)
    assert seen.failure.domain == "vbmcd"
    assert seen.failure.metadata["node"] == name
    assert seen.failure.metadata["hint"]
    assert seen.failure.resource.resource_name == name


def test_endpoint_taken(api, name):
    first = api.create(name).node
    endpoint = nodes.Endpoint(address=first.endpoint.address, port=first.endpoint.port)
    with fails("ALREADY_EXISTS", "ENDPOINT_IN_USE") as seen:
        api.create(name + "b", endpoint=endpoint)
    assert name in seen.failure.message
    assert api.names(name + "b") == []


def test_port_held_by_another_program(api, daemon, name):
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind((daemon.address, 0))
        port = other.getsockname()[1]
        with fails("ALREADY_EXISTS", "ENDPOINT_IN_USE", "node.endpoint.port") as seen:
            api.create(name, endpoint=nodes.Endpoint(port=port))
        assert str(port) in seen.failure.message


def test_address_that_the_machine_does_not_have(api, name):
    with fails("FAILED_PRECONDITION"):
        api.create(name, endpoint=nodes.Endpoint(address="192.0.2.77", port=6230))


def test_backend_unknown(api, name):
    target = nodes.Target(kind="simm")
    with fails("INVALID_ARGUMENT", "BACKEND_UNKNOWN", "node.targets.kind") as seen:
        api.create(name, targets=[target])
    assert "sim" in seen.failure.metadata["hint"]


def test_bad_option(api, name):
    with fails("INVALID_ARGUMENT", None, "node.targets.options.speed"):
        api.create(name, options={"speed": "fast"})


def test_bad_fields_are_named(api, name):
    cases = [
        ("node.name", "", {}),
        ("node.name", "../victim", {}),
        ("node.name", "a" * 64, {}),
        ("node.endpoint.address", name, {"endpoint": nodes.Endpoint(address="bmc.example")}),
        ("node.endpoint.address", name, {"endpoint": nodes.Endpoint(address="224.0.0.1", port=7000)}),
        ("node.endpoint.port", name, {"endpoint": nodes.Endpoint(port=70000)}),
        ("node.labels", name, {"labels": {"a b": "x"}}),
        ("node.policy.cipher_suites", name, {"policy": nodes.Policy(cipher_suites=[0])}),
        ("node.policy.cipher_suites", name, {"policy": nodes.Policy(cipher_suites=[3, 3])}),
        ("node.policy.allow", name, {"policy": nodes.Policy(allow=["10.0.0.0/64"])}),
        ("node.targets[0].kind", name, {"targets": [nodes.Target(name="x")]}),
        ("users[0].name", name, {"users": [module("users").User(name="x" * 17, password=b"y" * 12)]}),
        ("users[0].password", name, {"users": [module("users").User(name="x", password=b"y" * 21)]}),
    ]
    for field, node_name, given in cases:
        with fails("INVALID_ARGUMENT", None, field):
            api.create(node_name, **given)
    assert api.names(name) == []


def test_a_missing_node_is_not_found_everywhere(api):
    power, users = module("power"), module("users")
    calls = [
        lambda: api.get("nobody"),
        lambda: api.update("nobody", ["labels"]),
        lambda: api.delete("nobody"),
        lambda: api.nodes.StartNode(nodes.StartNodeRequest(name="nobody")),
        lambda: api.nodes.StopNode(nodes.StopNodeRequest(name="nobody")),
        lambda: api.nodes.RestartNode(nodes.RestartNodeRequest(name="nobody")),
        lambda: api.power.GetPower(power.GetPowerRequest(node="nobody")),
        lambda: api.power.SetPower(power.SetPowerRequest(node="nobody", action=1)),
        lambda: api.power.SetBoot(power.SetBootRequest(node="nobody")),
        lambda: api.sessions.ListSessions(module("sessions").ListSessionsRequest(node="nobody")),
        lambda: api.sessions.CloseSession(module("sessions").CloseSessionRequest(node="nobody", id=1)),
        lambda: api.sel.ListSel(module("sel").ListSelRequest(node="nobody")),
        lambda: api.sel.ClearSel(module("sel").ClearSelRequest(node="nobody")),
        lambda: api.sensors.ListSensors(module("sensors").ListSensorsRequest(node="nobody")),
        lambda: api.users.ListUsers(users.ListUsersRequest(node="nobody")),
        lambda: api.users.SetUser(
            users.SetUserRequest(node="nobody", user=users.User(name="a", password=b"b" * 12))
        ),
        lambda: api.users.RemoveUser(users.RemoveUserRequest(node="nobody", user="a")),
        lambda: api.users.SetKg(users.SetKgRequest(node="nobody", kg=b"x" * 20)),
        lambda: api.users.GetNodeSecrets(users.GetNodeSecretsRequest(node="nobody")),
    ]
    for call in calls:
        with fails("NOT_FOUND", "NODE_NOT_FOUND") as seen:
            call()
        assert seen.failure.metadata["node"] == "nobody"


def test_update_by_mask(api, name):
    before = api.create(name, labels={"rack": "r1", "row": "4"}).node
    node = api.update(name, ["labels.rack", "labels.new"], labels={"rack": "r2", "new": "x"})
    assert dict(node.labels) == {"rack": "r2", "row": "4", "new": "x"}
    assert node.etag != before.etag and node.uid == before.uid
    node = api.update(name, ["labels.row"])
    assert dict(node.labels) == {"rack": "r2", "new": "x"}
    node = api.update(name, ["annotations"], annotations={"note": "grün"}, labels={"not": "masked"})
    assert dict(node.annotations) == {"note": "grün"} and "not" not in node.labels
    node = api.update(name, labels={"only": "this"})  # without a mask: what is populated
    assert dict(node.labels) == {"only": "this"}
    node = api.update(name, ["policy.cipher_suites"], policy=nodes.Policy(cipher_suites=[17]))
    assert list(node.policy.cipher_suites) == [17]
    assert node.policy.fresh_for.seconds == 2


def test_update_moves_the_endpoint(api, daemon, name):
    before = api.create(name).node
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind((daemon.address, 0))
        port = probe.getsockname()[1]
    node = api.update(name, ["endpoint.port"], endpoint=nodes.Endpoint(port=port))
    assert node.endpoint.port == port
    assert answers(node)
    assert not answers(before)


def test_update_can_be_wrong(api, name):
    api.create(name)
    other = api.create(name + "b").node
    for path in ["name", "uid", "etag", "status", "status.power", "colour", "policy.colour", "labels."]:
        with fails("INVALID_ARGUMENT", "BAD_MASK", "update_mask"):
            api.update(name, [path])
    with fails("INVALID_ARGUMENT", "BAD_MASK"):
        api.update(name)
    with fails("ABORTED", "ETAG_MISMATCH"):
        api.update(name, ["labels"], etag="stale")
    with fails("ALREADY_EXISTS", "ENDPOINT_IN_USE"):
        api.update(name, ["endpoint"], endpoint=other.endpoint)
    with fails("INVALID_ARGUMENT", "BACKEND_UNKNOWN"):
        api.update(name, ["targets"], targets=[nodes.Target(kind="simm")])
    with fails("INVALID_ARGUMENT"):
        api.update(name, ["targets"])
    assert api.get(name).endpoint != other.endpoint


def test_update_validate_only(api, name):
    api.create(name)
    api.update(name, ["labels"], labels={"a": "b"}, validate_only=True)
    assert not api.get(name).labels


def test_etag_that_fits(api, name):
    etag = api.create(name).node.etag
    etag = api.update(name, ["labels"], labels={"a": "b"}, etag=etag).etag
    with fails("ABORTED", "ETAG_MISMATCH"):
        api.delete(name, etag="stale")
    api.delete(name, etag=etag)


def test_delete(api, name):
    node = api.create(name).node
    assert answers(node)
    api.delete(name)
    assert not answers(node)
    with fails("NOT_FOUND", "NODE_NOT_FOUND"):
        api.delete(name)
    api.delete(name, allow_missing=True)
    assert api.create(name).node.uid != node.uid


def test_stop_start_restart(api, name):
    node = api.create(name).node
    stopped = api.nodes.StopNode(nodes.StopNodeRequest(name=name))
    assert state(stopped) == "STOPPED" and not stopped.enabled
    assert not answers(node)
    started = api.nodes.StartNode(nodes.StartNodeRequest(name=name))
    assert state(started) == "RUNNING" and started.enabled
    assert answers(node)
    assert state(api.nodes.RestartNode(nodes.RestartNodeRequest(name=name))) == "RUNNING"
    assert answers(node)


def test_created_stopped(api, name):
    node = api.create(name, enabled=False).node
    assert state(node) == "STOPPED" and not node.enabled
    assert not answers(node)


def test_pages_and_filters(api, name):
    names = [f"{name}-{i:02d}" for i in range(25)]
    for i, one in enumerate(names):
        api.create(one, labels={"even": "yes" if i % 2 == 0 else "no"}, enabled=False)
    prefix = f'name = "{name}-*"'
    seen, token, pages = [], "", 0
    while True:
        page = api.list(filter=prefix, page_size=7, page_token=token)
        assert page.total_size == 25
        seen += [node.name for node in page.nodes]
        pages += 1
        token = page.next_page_token
        if not token:
            break
    assert seen == names and pages == 4
    assert len(api.names(f"{prefix} AND labels.even = yes")) == 13
    assert len(api.names(f"{prefix} AND NOT labels.even = yes")) == 12
    assert len(api.names(f"{prefix} labels:even status.state = STOPPED backend = sim")) == 25
    assert api.names(f"{name}-03 OR {name}-05") == [f"{name}-03", f"{name}-05"]
    assert len(api.names(f"{prefix} AND enabled = false AND labels.odd != x")) == 25


def test_lists_can_be_wrong(api, name):
    api.create(name + "a")
    api.create(name + "b")
    for bad in ["colour = red", "name =", "(name = x", "name = \"x", "a ; b", "x" * 9000]:
        with fails("INVALID_ARGUMENT", "BAD_FILTER", "filter"):
            api.list(filter=bad)
    with fails("INVALID_ARGUMENT", "BAD_PAGE_SIZE", "page_size"):
        api.list(page_size=-1)
    with fails("INVALID_ARGUMENT", "BAD_PAGE_TOKEN", "page_token"):
        api.list(page_token="garbage")
    token = api.list(page_size=1).next_page_token
    with fails("INVALID_ARGUMENT", "BAD_PAGE_TOKEN"):
        api.list(page_token=token, filter="backend = sim")


def test_a_request_that_is_too_long(api, name):
    with fails("RESOURCE_EXHAUSTED"):
        api.create(name, annotations={"x": "y" * (5 << 20)})


def test_nodes_outlive_the_daemon(new_daemon):
    from api import connect

    daemon = new_daemon().start()
    client = connect(daemon.socket)
    before = client.create("kept", labels={"a": "b"}).node
    client.create("stopped", enabled=False)
    client.close()
    assert daemon.stop() == 0
    assert not daemon.socket.exists()
    daemon.start()
    client = connect(daemon.socket)
    node = client.get("kept")
    assert (node.uid, node.etag, dict(node.labels)) == (before.uid, before.etag, {"a": "b"})
    assert node.endpoint == before.endpoint
    assert state(client.get("stopped")) == "STOPPED"
    assert answers(node)
    client.close()


def test_all_addresses(api, name):
    """"::" answers on every address, of both families; what a node has there, no other can have."""
    node = api.create(name, endpoint=nodes.Endpoint(address="::")).node
    assert node.endpoint.address == "::"
    port = node.endpoint.port
    for address in ("127.0.0.1", "127.9.8.7", "::1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.sendto(bytes.fromhex("0600ff06000011be80070000"), (address, port))  # a presence ping
            pong, source = client.recvfrom(100)
        assert source[:2] == (address, port) and pong[8] == 0x40
    with fails("ALREADY_EXISTS", "ENDPOINT_IN_USE", "node.endpoint.port") as seen:
        api.create(name + "b", endpoint=nodes.Endpoint(address="127.0.0.1", port=port))
    assert name in seen.failure.message
