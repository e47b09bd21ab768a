"""The metal backend, the whole way: ipmitool -> vbmcd -> a fake cloud of ours on loopback."""

import json
import re
import subprocess
import time
import urllib.error
import urllib.request

import api as api_module
import metal_contract
import pytest
from metal_fake import PROJECT, ZONE, Cloud
from daemon import free_tcp_port

PROVIDERS = "equinix latitude cherry scaleway phoenixnap vultr hetzner-cloud".split()
SOFT = ("phoenixnap", "hetzner-cloud")
# A reply within the confirm window (0.7 s), ipmitool's own start and log-in, and a busy machine.
IN_TIME = 6


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


class Node:
    """A registered node and its IPMI side."""

    def __init__(self, api, name, options, **fields):
        nodes = api_module.module("nodes")
        node = nodes.Node(name=name)
        node.targets.add(kind="metal", options=options)
        created = api.nodes.CreateNode(nodes.CreateNodeRequest(node=node))
        self.api, self.name = api, name
        self.at = created.node.endpoint
        self.password = created.generated_password

    def ipmi(self, *arguments, code=0):
        command = ["ipmitool", "-I", "lanplus", "-C", "17", "-H", self.at.address, "-p", str(self.at.port)]
        done = subprocess.run(
            [*command, "-U", "admin", "-P", self.password, *arguments],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
        )
        assert code is None or done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def is_on(self):
        said = self.ipmi("chassis", "power", "status", code=None)
        return {"Chassis Power is on\n": True, "Chassis Power is off\n": False}.get(said)

    @property
    def status(self):
        return self.api.get(self.name).status


@pytest.fixture(scope="module", params=PROVIDERS)
def place(request, api):
    """A provider's cloud with one machine, and its node."""
    with Cloud(request.param) as cloud:
        machine = cloud.add("web1")
        yield cloud, machine, Node(api, f"metal-{request.param}", cloud.options(machine))


def test_power(place):
    cloud, machine, node = place
    if cloud.provider != "vultr":  # it does not tell before it was told
        until(lambda: node.is_on() is False)
    node.ipmi("chassis", "power", "on")
    until(lambda: machine.phase == "on" and node.is_on() is True)
    starts = machine.starts
    node.ipmi("chassis", "power", "reset")
    until(lambda: machine.starts == starts + 1)
    node.ipmi("chassis", "power", "cycle")
    until(lambda: machine.phase == "on" and machine.starts == starts + 2 and node.is_on() is True)
    node.ipmi("chassis", "power", "off")
    until(lambda: machine.phase == "off" and node.is_on() is False)


def test_off_is_said_only_when_it_is(place):
    cloud, machine, node = place
    if cloud.provider == "vultr":
        pytest.skip("its API does not say")
    node.ipmi("chassis", "power", "on")
    until(lambda: machine.phase == "on" and node.is_on() is True)
    cloud.follow_seconds = 1.5
    try:
        node.ipmi("chassis", "power", "off")
        until(lambda: machine.phase == "going_off")
        while machine.phase == "going_off":
            said = node.is_on()
            assert said is not False or machine.phase == "off"
    finally:
        cloud.follow_seconds = 0.3
    until(lambda: node.is_on() is False)


def test_soft_off(place):
    cloud, machine, node = place
    node.ipmi("chassis", "power", "on")
    until(lambda: machine.phase == "on")
    before = len(cloud.calls("POST"))
    if cloud.provider in SOFT:
        node.ipmi("chassis", "power", "soft")
        until(lambda: machine.phase == "off")
        assert cloud.calls("POST", "/shutdown")
    else:
        assert node.ipmi("chassis", "power", "soft", code=1)
        assert len(cloud.calls("POST")) == before  # no hard off in its place


def test_who_it_is(place):
    cloud, machine, node = place
    until(lambda: "web1" in node.ipmi("fru", "print", "0"))
    fru = node.ipmi("fru", "print", "0")
    assert re.search(r"Product Manufacturer *: \w", fru)
    if cloud.provider in ("equinix", "latitude"):
        assert re.search(r"Product Name *: c[23]\.small\.x86", fru)


@pytest.fixture(scope="module")
def equinix(api):
    with Cloud("equinix") as cloud:
        machine = cloud.add("eq1")
        options = {**cloud.options(machine), "ipxe-url": "https://boot.example/a.ipxe", "boot-settle": "1s"}
        yield cloud, machine, Node(api, "metal-boot", options)
        metal_contract.check(cloud.journal)


def test_network_boot_is_ipxe(equinix):
    cloud, machine, node = equinix
    node.ipmi("chassis", "bootdev", "pxe", "options=persistent")
    until(lambda: machine.always_pxe)
    assert machine.ipxe_script_url == "https://boot.example/a.ipxe"
    bodies = [json.loads(row[4]) for row in cloud.calls("PUT")]
    assert all(set(body) <= {"always_pxe", "ipxe_script_url"} for body in bodies), bodies
    node.ipmi("chassis", "bootdev", "disk", "options=persistent")
    until(lambda: not machine.always_pxe)


def test_one_network_boot(equinix):
    cloud, machine, node = equinix
    node.ipmi("chassis", "bootdev", "pxe")
    node.ipmi("chassis", "power", "on")
    until(lambda: machine.phase == "on")
    assert machine.always_pxe or cloud.calls("PUT", machine.id)
    until(lambda: not machine.always_pxe)  # put back after the start
    until(lambda: "Boot parameter data: 00" in node.ipmi("chassis", "bootparam", "get", "5"))  # used up


def test_a_boot_device_that_it_has_not_is_named(equinix, daemon):
    cloud, machine, node = equinix
    daemon.ctl("power", "off", node.name, "--yes")
    until(lambda: machine.phase == "off")
    daemon.ctl("bootdev", node.name, "bios")
    done = daemon.ctl("power", "on", node.name, check=False)
    assert done.returncode != 0
    assert "cannot boot from bios setup at the next start" in done.stderr
    assert "`vbmcctl bootdev NODE none`" in done.stderr
    failed = "power on failed: cannot boot from bios setup"
    until(lambda: failed in daemon.ctl("events", node.name).stdout)
    daemon.ctl("bootdev", node.name, "none")
    daemon.ctl("power", "on", node.name)
    until(lambda: machine.phase == "on")


def test_virtual_media_is_ipxe(equinix):
    cloud, machine, node = equinix
    url = "https://boot.example/rescue.ipxe"
    node.ipmi("raw", "0x3c", "0x01", *(f"0x{byte:02x}" for byte in url.encode()), "0x00")
    node.ipmi("raw", "0x3c", "0x02")
    until(lambda: machine.always_pxe and machine.ipxe_script_url == url)
    until(lambda: node.ipmi("raw", "0x3c", "0x03").split() == ["00"])
    node.ipmi("raw", "0x3c", "0x00")
    until(lambda: not machine.always_pxe)


def test_health_is_a_sensor(equinix):
    cloud, machine, node = equinix
    until(lambda: "Health" in node.ipmi("sdr", "elist"))
    until(lambda: re.search(r"^Health .*\| ok ", node.ipmi("sdr", "elist"), re.M))


def test_iso_of_hetzner(api):
    with Cloud("hetzner-cloud") as cloud:
        machine = cloud.add("h1")
        node = Node(api, "metal-iso", cloud.options(machine))
        name = "debian-12.iso"
        node.ipmi("raw", "0x3c", "0x01", *(f"0x{byte:02x}" for byte in name.encode()), "0x00")
        node.ipmi("raw", "0x3c", "0x02")
        until(lambda: machine.iso == name)
        node.ipmi("raw", "0x3c", "0x00")
        until(lambda: machine.iso is None)


def test_an_action_that_fails_behind_its_reply(api):
    with Cloud("hetzner-cloud") as cloud:
        machine = cloud.add("h2")
        node = Node(api, "metal-action", cloud.options(machine))
        until(lambda: node.is_on() is False)
        cloud.failing_action = "no host has room"
        node.ipmi("chassis", "power", "on", code=None)
        events = api_module.module("events")

        def told():
            found = api.events.ListEvents(events.ListEventsRequest()).events
            return [event for event in found if event.node == node.name and "no host has room" in str(event)]

        until(told)
        assert machine.phase == "off" and node.is_on() is False


@pytest.mark.parametrize("provider", ["hetzner-cloud", "scaleway"])
def test_a_machine_in_other_hands_is_tried_again(api, provider):
    with Cloud(provider) as cloud:
        machine = cloud.add("b1")
        node = Node(api, f"metal-busy-{provider}", cloud.options(machine))
        until(lambda: node.is_on() is False)
        cloud.busy = 1
        node.ipmi("chassis", "power", "on", code=None)
        until(lambda: machine.phase == "on" and node.is_on() is True)
        assert cloud.busy == 0


def test_a_start_under_way_is_neither_on_nor_off(api, daemon):
    with Cloud("equinix", follow_seconds=4) as cloud:
        machine = cloud.add("c1")
        node = Node(api, "metal-changing", cloud.options(machine))
        until(lambda: node.is_on() is False)
        machine.press("on")  # by somebody else
        time.sleep(2.1)  # what was seen is not fresh any more
        assert node.is_on() is None and machine.phase == "going_on"
        assert "power is changing" in daemon.ctl("events", node.name).stdout
        assert daemon.ctl("power", "status", node.name).stdout.split()[-1] == "unknown"
        until(lambda: node.is_on() is True)
        assert machine.phase == "on"


def test_what_an_api_does_not_tell_is_not_told(api):
    with Cloud("vultr") as cloud:
        machine = cloud.add("v1")
        options = cloud.options(machine)
        del options["state-as-told"]
        node = Node(api, "metal-silent", options)
        node.ipmi("chassis", "power", "on")
        until(lambda: machine.phase == "on")
        assert node.is_on() is None  # taken, not seen
        assert node.ipmi("chassis", "power", "cycle", code=1)  # the off in between could not be seen
        assert machine.phase == "on"
        node.ipmi("chassis", "power", "off")
        until(lambda: machine.phase == "off")
        assert node.is_on() is None
        until(lambda: "v1" in node.ipmi("fru", "print", "0"))


@pytest.mark.parametrize("status, word", [(401, "token"), (404, "uuid"), (403, "right"), (500, "fails")])
def test_errors_say_what_to_do(daemon, status, word):
    with Cloud("equinix") as cloud:
        machine = cloud.add("e1")
        cloud.fault = str(status)
        options = [f"{key}={value}" for key, value in cloud.options(machine).items() if key != "token"]
        token = daemon.folder / "token"
        token.write_text(cloud.token)
        done = daemon.ctl(
            "backend", "test", "metal", *(part for o in options for part in ("--option", o)),
            "--option", f"token=@{token}", check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode != 0 and word in said and "Equinix Metal" in said, said
        assert cloud.token not in said


def test_token_and_uuid_from_the_environment(new_daemon):
    with Cloud("equinix") as cloud:
        machine = cloud.add("env1")
        daemon = new_daemon()
        daemon.start(environment={"METAL_AUTH_TOKEN": cloud.token, "METAL_INSTANCE_UUID": machine.id})
        daemon.ctl("add", "env", "--backend", "metal", "--url", cloud.base)
        daemon.ctl("power", "on", "env")
        until(lambda: machine.phase == "on")
        other = new_daemon()
        other.start()
        done = other.ctl("add", "env", "--backend", "metal", "--url", cloud.base, check=False)
        assert done.returncode != 0 and "METAL_AUTH_TOKEN" in done.stdout + done.stderr


def test_oauth_token_is_renewed(api):
    with Cloud("phoenixnap") as cloud:
        machine = cloud.add("p1")
        node = Node(api, "metal-oauth", cloud.options(machine))
        until(lambda: node.is_on() is False)
        assert len(cloud.calls("POST", "/oauth/token")) == 1
        cloud.access_tokens.clear()  # revoked
        node.ipmi("chassis", "power", "on")
        until(lambda: machine.phase == "on")
        assert len(cloud.calls("POST", "/oauth/token")) == 2
        cloud.access_tokens.clear()
        cloud.token_seconds = 1
        for _ in range(2):
            time.sleep(2.2)
            node.is_on()
        assert len(cloud.calls("POST", "/oauth/token")) >= 3


def test_tls(api, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-keyout", key, "-out", certificate, "-subj", "/CN=fake", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )
    with Cloud("equinix", tls=(certificate, key)) as cloud:
        machine = cloud.add("s1")
        unknown = Node(api, "metal-tls-unknown", cloud.options(machine))
        until(lambda: "not trusted" in unknown.status.last_error)
        trusted = Node(api, "metal-tls", {**cloud.options(machine), "ca-file": str(certificate)})
        until(lambda: trusted.is_on() is False)
        told = subprocess.run(
            ["openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha256"], check=True, capture_output=True, text=True
        ).stdout
        print_ = told.strip().split("=")[1]
        pinned = Node(api, "metal-tls-pinned", {**cloud.options(machine), "fingerprint": print_})
        until(lambda: pinned.is_on() is False)
        other = Node(api, "metal-tls-other", {**cloud.options(machine), "fingerprint": print_[:-2] + ("00" if print_[-2:] != "00" else "01")})
        until(lambda: other.status.last_error)
        assert other.is_on() is None
        careless = Node(api, "metal-tls-off", {**cloud.options(machine), "insecure": "true"})
        until(lambda: careless.is_on() is False)


# The fake itself: held to the official description, and driven by a client that is not ours.


def call(cloud, method, path, body=None, token=None):
    request = urllib.request.Request(
        cloud.base + path, method=method, data=None if body is None else json.dumps(body).encode(),
        headers={"X-Auth-Token": token or cloud.token, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code


def test_the_fake_keeps_the_contract():
    with Cloud("equinix") as cloud:
        machine = cloud.add("c1")
        cloud.happen(machine, "provisioning.104")
        at = f"/devices/{machine.id}"
        assert call(cloud, "GET", at) == 200
        assert call(cloud, "GET", at, token="wrong") == 401
        assert call(cloud, "GET", at[:-4] + "0000") == 404
        assert call(cloud, "PUT", at, {"always_pxe": True, "ipxe_script_url": "http://a/"}) == 200
        assert call(cloud, "PUT", at, {"always_pxe": "yes"}) == 422
        assert call(cloud, "POST", at + "/actions", {"type": "explode"}) == 422
        assert call(cloud, "POST", at + "/actions", {"type": "reboot"}) == 422  # it is off
        assert call(cloud, "POST", at + "/actions", {"type": "power_on"}) == 202
        for path in (f"/projects/{PROJECT}/devices", f"/projects/{PROJECT}/events", at + "/events",
                     at + "/diagnostics/health/rollup"):
            assert call(cloud, "GET", path) == 200
        ok = [row for row in cloud.journal if row[3] < 400 or row[1] == "GET"]
        bad = [(*row[:4], "", row[5]) for row in cloud.journal if row not in ok]  # wrong on purpose
        assert set(metal_contract.check(ok + bad)) == {
            "Device", "Error", "accepted", "DeviceList", "EventList", "DeviceHealthRollup"}


def test_libcloud_drives_the_fake():
    from libcloud.compute.providers import get_driver
    from libcloud.compute.types import NodeState, Provider

    with Cloud("equinix", follow_seconds=0) as cloud:
        machine = cloud.add("lib1")
        driver = get_driver(Provider.EQUINIXMETAL)(cloud.token)
        connection = driver.connection
        connection.secure = False
        connection.host, connection.port = cloud.server.server_address
        connection.connect()  # to the fake, not to the service that it was made for
        [node] = driver.list_nodes(ex_project_id=PROJECT)
        assert (node.id, node.name, node.state) == (machine.id, "lib1", NodeState.STOPPED)
        driver.start_node(node)
        [node] = driver.list_nodes(ex_project_id=PROJECT)
        assert node.state == NodeState.RUNNING
        driver.reboot_node(node)
        assert machine.starts == 2
        driver.stop_node(node)
        assert machine.phase == "off"


# Many nodes, one account.


def test_many_nodes_share_a_listing(new_daemon):
    with Cloud("equinix") as cloud:
        daemon = new_daemon()
        daemon.start()
        api = api_module.connect(daemon.socket)
        machines = [cloud.add(f"m{number}") for number in range(24)]
        nodes = [Node(api, m.name, {**cloud.options(m), "project": PROJECT}) for m in machines]
        until(lambda: all(node.status.power for node in nodes))
        began = time.time()
        seconds = 4
        while time.time() - began < seconds:
            for node in nodes[::5]:
                assert node.is_on() is False
        calls = [row for row in cloud.calls("GET") if row[0] >= began]
        alone = [row for row in calls if "/devices/" in row[2]]
        listings = [row for row in calls if "/projects/" in row[2]]
        # Two shards, each lists once a second at most; 24 nodes each on its own would be 12 a second.
        assert len(listings) <= 2 * (seconds + 8) and len(alone) <= len(nodes), (len(listings), len(alone))
        machines[7].press("on")
        until(lambda: nodes[7].is_on() is True)
        assert nodes[8].is_on() is False
        assert metal_contract.check(cloud.journal)["DeviceList"] >= 2
        api.close()


def test_pages_are_followed(api):
    with Cloud("vultr", page_size=3) as cloud:
        for number in range(8):
            cloud.add(f"v{number}")
        machine = list(cloud.machines.values())[7]
        node = Node(api, "metal-pages", cloud.options(machine))
        node.ipmi("chassis", "power", "on")
        until(lambda: machine.phase == "on")


def test_a_source_registers_what_has_a_tag(new_daemon):
    with Cloud("equinix") as cloud:
        daemon = new_daemon().start()
        web, database = cloud.add("web1"), cloud.add("db1")
        database.tags = ["role=db"]
        options = {**cloud.options(), "project": PROJECT}
        words = [word for key, value in options.items() for word in ("--option", f"{key}={value}")]
        daemon.ctl("source", "add", "lab", "--backend", "metal", *words, "--match", "role=web", "--match-name", "web*",
                   "--name-prefix", "c-", "--interval", "1s", "--grace", "1s")

        def names():
            return sorted(node["name"] for node in json.loads(daemon.ctl("list", "-o", "json").stdout))

        until(lambda: names() == ["c-web1"])
        daemon.ctl("power", "on", "c-web1")
        until(lambda: web.phase == "on")
        late = cloud.add("web2")
        until(lambda: names() == ["c-web1", "c-web2"])
        del cloud.machines[late.id]
        until(lambda: names() == ["c-web1"])
        metal_contract.check(cloud.journal)


# Slow and dying APIs.


def measure(action):
    began = time.monotonic()
    action()
    return time.monotonic() - began


@pytest.mark.parametrize("fault", ["hang", "slow", "reset", "429", "500", "garbage", "huge"])
def test_trouble_delays_nobody(api, daemon, fault, name):
    with Cloud("equinix") as cloud:
        machine = cloud.add("bad")
        bad = Node(api, f"bad-{fault}", cloud.options(machine))
        api.create(f"good-{fault}", options={"initial-power": "on"})
        until(lambda: bad.is_on() is False)
        cloud.fault = fault
        time.sleep(2.1)  # what was seen is not fresh any more
        assert measure(bad.is_on) < IN_TIME
        assert measure(lambda: bad.ipmi("chassis", "power", "on", code=None)) < IN_TIME
        assert measure(lambda: bad.ipmi("mc", "info")) < IN_TIME
        assert measure(lambda: daemon.ctl("power", "status", f"good-{fault}")) < IN_TIME
        cloud.fault = None
        if fault in ("reset", "500", "garbage", "huge"):
            until(lambda: bad.is_on() is not None, 30)
        api.delete(f"bad-{fault}")


def test_rate_limit_is_obeyed(api):
    with Cloud("equinix") as cloud:
        machines = [cloud.add(f"r{number}") for number in range(3)]
        nodes = [Node(api, f"metal-rate-{m.name}", cloud.options(m)) for m in machines]
        until(lambda: all(node.is_on() is False for node in nodes))
        cloud.limit_seconds = 4
        cloud.remaining = 0
        time.sleep(2.1)
        assert measure(nodes[0].is_on) < IN_TIME  # learns of the limit
        until(lambda: cloud.calls()[-1][3] == 429)
        reset = cloud.limited_until
        for node in nodes:  # also those on another shard
            node.ipmi("chassis", "power", "on")
            assert measure(node.is_on) < IN_TIME
        until(lambda: all(machine.phase == "on" for machine in machines))
        early = [row for row in cloud.calls() if row[0] < reset and row[3] == 429]
        assert len(early) == 1, early  # one call learned it; no other came before its time


def test_a_hanging_api_does_not_hold_up_the_end(new_daemon):
    with Cloud("equinix") as cloud:
        machine = cloud.add("h1")
        daemon = new_daemon()
        daemon.start()
        daemon_api = api_module.connect(daemon.socket)
        node = Node(daemon_api, "hangs", cloud.options(machine))
        until(lambda: node.is_on() is False)
        cloud.fault = "hang"
        node.ipmi("chassis", "power", "on")
        daemon_api.close()
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < 10


def test_what_the_cloud_reports_is_logged(api):
    with Cloud("equinix") as cloud:
        machine, other = cloud.add("e1"), cloud.add("e2")
        cloud.happen(machine, "provisioning.old")
        node = Node(api, "metal-events", {**cloud.options(machine), "event-interval": "1s"})
        until(lambda: node.is_on() is False and cloud.calls("GET", "/events"))
        time.sleep(1)
        cloud.happen(other, "instance.failed", "failed")
        cloud.happen(machine, "instance.failed", "failed")
        cloud.happen(machine, "network.changed")

        def logged():
            node.is_on()
            return [line for line in node.ipmi("sel", "elist").splitlines() if "System Event" in line or "Cloud Events" in line]

        until(lambda: len(logged()) >= 2, 30)
        lines = logged()
        assert len(lines) == 2 and "hardware failure" in lines[0], lines  # once each, not the old, not the other's


def test_a_dead_api_is_said_and_comes_back(api):
    port = free_tcp_port()
    with Cloud("equinix") as cloud:
        machine = cloud.add("d1")
        options = cloud.options(machine)
        dead = Node(api, "metal-dead", {**options, "url": f"http://127.0.0.1:{port}"})
        until(lambda: "refused" in dead.status.last_error)
        assert measure(lambda: dead.is_on()) < IN_TIME
        assert dead.is_on() is None  # not a guess


def test_zones_and_client_ids_are_asked_for(api):
    with api_module.fails("INVALID_ARGUMENT"):
        Node(api, "bad-zone", {"provider": "scaleway", "token": "x", "uuid": "a"})
    with api_module.fails("INVALID_ARGUMENT"):
        Node(api, "bad-client", {"provider": "phoenixnap", "token": "x", "uuid": "a"})
    with api_module.fails("INVALID_ARGUMENT"):
        Node(api, "bad-uuid", {"token": "x", "uuid": "../a"})
    with api_module.fails("INVALID_ARGUMENT"):
        Node(api, "no-uuid", {"token": "x"})
    assert ZONE
