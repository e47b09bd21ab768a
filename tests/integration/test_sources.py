"""Discovery and sources: what appears is registered, what is gone is retired, what a person made stays."""

import json
import os
import time

import pytest


class Inventory:
    """The machines that the sim backend says there are; a file that only its owner may read."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "inventory.json"
        self.write([])

    def write(self, machines):
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(machines))
        os.chmod(new, 0o600)
        new.rename(self.path)

    @property
    def option(self):
        return f"inventory=file:{self.path}"


def machine(number, role="web", name=None):
    return {"id": f"id-{number}", "name": name or f"vm-{number}", "labels": {"role": role}, "power": "on"}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "credentials"
    folder.mkdir()
    return folder


@pytest.fixture
def inventory(folder):
    return Inventory(folder)


@pytest.fixture
def own(new_daemon, folder):
    return new_daemon(f"credentials:\n  directories: [{folder}]\n").start()


def until(condition, seconds=15, what="it did not happen in time"):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return value


def names(own):
    return sorted(node["name"] for node in json.loads(own.ctl("list", "-o", "json").stdout))


def source(own, name):
    return json.loads(own.ctl("source", "show", name, "-o", "json").stdout)


def add_source(own, inventory, name="lab", *more):
    return own.ctl(
        "source", "add", name, "--backend", "sim", "--option", inventory.option, "--interval", "1s",
        "--grace", "0s", *more,
    )  # fmt: skip


def test_discover(own, inventory):
    inventory.write([machine(2, "db"), machine(1)])
    listed = own.ctl("discover", "--backend", "sim", "--option", inventory.option).stdout
    assert [line.split()[0] for line in listed.splitlines()] == ["NAME", "vm-1", "vm-2"]
    found = json.loads(
        own.ctl("discover", "--backend", "sim", "--option", inventory.option, "--match", "role=d*", "-o", "json").stdout
    )
    assert [(m["name"], m["id"], m["options"]["machine"], m["power"]) for m in found] == [("vm-2", "id-2", "id-2", "on")]
    # Also as --KEY; and the file is read at each look.
    inventory.write([machine(3)])
    again = own.ctl("discover", "--backend", "sim", "--" + inventory.option.split("=")[0], inventory.option.split("=", 1)[1])
    assert "vm-3" in again.stdout and "vm-1" not in again.stdout


def test_discover_can_be_wrong(own, inventory, folder):
    inventory.path.write_text("no JSON")
    wrong = own.ctl("discover", "--backend", "sim", "--option", inventory.option, check=False)
    assert wrong.returncode != 0 and "no list in JSON" in wrong.stderr and "hint:" in wrong.stderr
    wrong = own.ctl("discover", "--backend", "sim", "--option", "inventory=file:/etc/shadow", check=False)
    assert wrong.returncode == 4 and "may not be taken from file /etc/shadow" in wrong.stderr
    os.chmod(inventory.path, 0o644)
    wrong = own.ctl("discover", "--backend", "sim", "--option", inventory.option, check=False)
    assert wrong.returncode != 0 and "other users may read" in wrong.stderr and "chmod" in wrong.stderr


def test_what_appears_is_registered_and_what_is_gone_is_retired(own, inventory):
    inventory.write([machine(1), machine(2), machine(3, "db")])
    own.ctl("add", "by-hand", "--backend", "sim")
    add_source(own, inventory, "lab", "--match", "role=web", "--name-prefix", "lab-", "--label", "made=yes")
    until(lambda: names(own) == ["by-hand", "lab-vm-1", "lab-vm-2"])
    node = json.loads(own.ctl("show", "lab-vm-1", "--secrets", "-o", "json").stdout)
    assert node["labels"] == {"made": "yes", "source": "lab"}
    assert node["backend"]["options"]["machine"] == "id-1"
    assert len(node["users"][0]["password"]) >= 16
    own.ctl("wait", "lab-vm-1", "--for", "running", "--timeout", "10s")

    inventory.write([machine(2), machine(4)])
    until(lambda: names(own) == ["by-hand", "lab-vm-2", "lab-vm-4"])
    said = until(lambda: [e for e in json.loads(own.ctl("events", "-o", "json", "--filter", "kind = SOURCE").stdout)
                          if "retired" in e["message"]])
    assert said[0]["fields"]["source"] == "lab"
    until(lambda: sorted(source(own, "lab")["status"]["nodes"]) == ["lab-vm-2", "lab-vm-4"])


def test_what_a_person_made_is_never_touched(own, inventory):
    own.ctl("add", "vm-1", "--backend", "sim", "--label", "mine=yes")
    inventory.write([machine(1), machine(2)])
    add_source(own, inventory)
    until(lambda: names(own) == ["vm-1", "vm-2"])
    condition = until(lambda: source(own, "lab")["status"]["conditions"])[0]
    assert condition["reason"] == "NAME_TAKEN" and "a person made it" in condition["message"]
    inventory.write([])
    until(lambda: names(own) == ["vm-1"])
    time.sleep(2)
    node = json.loads(own.ctl("show", "vm-1", "-o", "json").stdout)
    assert node["labels"] == {"mine": "yes"} and "machine" not in node["backend"].get("options", {})


def test_grace(own, inventory):
    inventory.write([machine(1)])
    own.ctl("source", "add", "lab", "--backend", "sim", "--option", inventory.option, "--interval", "1s", "--grace", "4s")
    until(lambda: names(own) == ["vm-1"])
    inventory.write([])
    until(lambda: any(c["reason"] == "GONE" for c in source(own, "lab")["status"]["conditions"]))
    assert names(own) == ["vm-1"]
    inventory.write([machine(1)])  # back in time
    time.sleep(5)
    assert names(own) == ["vm-1"]
    inventory.write([])
    begun = time.monotonic()
    until(lambda: names(own) == [])
    assert time.monotonic() - begun > 3


def test_a_failing_backend_retires_nothing(own, inventory):
    inventory.write([machine(1)])
    add_source(own, inventory)
    until(lambda: names(own) == ["vm-1"])
    inventory.path.unlink()
    failing = until(lambda: source(own, "lab")["state"] == "failing" and source(own, "lab"))
    assert "cannot read the credential" in failing["status"]["last_error"]
    time.sleep(3)
    assert names(own) == ["vm-1"]
    inventory.write([machine(1), machine(2)])
    own.ctl("source", "look", "lab")
    until(lambda: names(own) == ["vm-1", "vm-2"])
    assert source(own, "lab")["state"] == "watching"


def test_sources_survive_a_kill(own, inventory):
    inventory.write([machine(number) for number in range(40)])
    add_source(own, inventory)
    until(lambda: len(names(own)) > 3)
    own.kill()  # in the middle of registering
    own.start()
    until(lambda: len(names(own)) == 40, 60)
    nodes = json.loads(own.ctl("list", "-o", "json").stdout)
    endpoints = {(node["address"], node["port"]) for node in nodes}
    assert len(endpoints) == 40  # none twice
    inventory.write([machine(1)])
    until(lambda: names(own) == ["vm-1"], 60)


def test_pause_set_and_remove(own, inventory):
    inventory.write([machine(1)])
    add_source(own, inventory)
    until(lambda: names(own) == ["vm-1"])
    own.ctl("source", "pause", "lab")
    inventory.write([machine(1), machine(2)])
    time.sleep(2.5)
    assert names(own) == ["vm-1"] and source(own, "lab")["state"] == "paused"
    own.ctl("source", "set", "lab", "--match-name", "vm-2", "--grace", "1h")
    own.ctl("source", "resume", "lab")
    until(lambda: names(own) == ["vm-1", "vm-2"])
    own.ctl("source", "rm", "lab")
    assert names(own) == ["vm-1", "vm-2"]
    assert own.ctl("source", "show", "lab", check=False).returncode == 3
    # They are a person's now: a new source leaves them alone.
    add_source(own, inventory, "other")
    until(lambda: len(source(own, "other")["status"]["conditions"]) == 2)
    own.ctl("source", "rm", "other", "--remove-nodes")
    assert names(own) == ["vm-1", "vm-2"]


def test_remove_with_nodes(own, inventory):
    inventory.write([machine(1), machine(2)])
    add_source(own, inventory)
    until(lambda: len(names(own)) == 2)
    own.ctl("add", "by-hand", "--backend", "sim")
    own.ctl("source", "rm", "lab", "--remove-nodes")
    assert names(own) == ["by-hand"]


def test_one_password_for_all(own, inventory, folder):
    inventory.write([machine(1)])
    secret = folder / "password"
    secret.write_text("from-a-file-1234\n")
    os.chmod(secret, 0o400)
    add_source(own, inventory, "lab", "--password-from", f"file:{secret}", "--username", "ops")
    until(lambda: names(own) == ["vm-1"])
    node = json.loads(own.ctl("show", "vm-1", "--secrets", "-o", "json").stdout)
    assert (node["users"][0]["name"], node["users"][0]["password"]) == ("ops", "from-a-file-1234")
    shown = own.ctl("source", "show", "lab").stdout
    assert f"password file:{secret}" in shown and "from-a-file" not in shown


def test_mistakes_are_told(own, inventory):
    def wrong(*words):
        done = own.ctl("source", "add", *words, check=False)
        assert done.returncode != 0
        return done.stderr

    assert "no backend 'smi' (did you mean 'sim'?)" in wrong("a", "--backend", "smi")
    assert "option 'inventory' is required" in wrong("a", "--backend", "sim")
    assert "has no option 'inventri' (did you mean 'inventory'?)" in wrong("a", "--backend", "sim", "--option", "inventri=x")
    good = ("--backend", "sim", "--option", inventory.option)
    assert "--interval is a duration" in wrong("a", *good, "--interval", "soon")
    assert "between one second and one day" in wrong("a", *good, "--interval", "10ms")
    assert "is no IP address" in wrong("a", *good, "--address", "here")
    assert "is no name of a source" in wrong("a b", *good)
    inventory.write([machine(1), machine(2)])
    assert "would register 2 machines" in own.ctl("source", "add", "a", *good, "--dry-run").stderr
    assert own.ctl("source", "list", "-o", "json").stdout.strip() == "[]"
