"""vbmcctl: manifests - apply, diff, dry run, prune; and verbs over many nodes."""

import json
import time

import pytest
import yaml


@pytest.fixture
def fleet(tmp_path):
    """Writes a manifest; returns its path."""

    def write(text, name="fleet.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def manifest_of(name, *lines):
    return "".join(f"{line}\n" for line in (f"- name: {name}", "  backend: sim", *lines))


def test_apply_creates_changes_and_leaves_alone(daemon, name, fleet):
    path = fleet(manifest_of(name, "  labels: {rack: 7}"))
    done = daemon.ctl("apply", "-f", path)
    assert f"node {name} created\n" in done.stdout
    assert "PASSWORD" in done.stdout  # made up, shown once
    assert daemon.ctl("apply", "-f", path).stdout == f"node {name} unchanged\n"
    fleet(manifest_of(name, "  labels: {rack: 8}"))
    assert daemon.ctl("apply", "-f", path).stdout == f"node {name} updated (labels)\n"
    assert json.loads(daemon.ctl("show", name, "-o", "json").stdout)["labels"] == {"rack": "8"}


def test_a_made_up_password_has_its_users_name(daemon, name, fleet):
    done = daemon.ctl("apply", "-f", fleet(manifest_of(name, "  users: [{name: bob}]")))
    row = next(line for line in done.stdout.splitlines() if "bob" in line)
    password = row.split()[-1]
    users = json.loads(daemon.ctl("show", name, "--secrets", "-o", "json").stdout)["users"]
    assert [(user["name"], user["password"]) for user in users] == [("bob", password)]


def test_what_is_pruned_among_many_is_named(daemon, name, fleet):
    label = f"  labels: {{set: {name}}}"
    path = fleet(manifest_of(f"{name}-[01-22]", label))
    daemon.ctl("apply", "-f", path)
    fleet(manifest_of(f"{name}-[02-22]", label))
    for extra, tail in (["--dry-run"], " (dry run)"), ([], ""):
        done = daemon.ctl("apply", "-f", path, "--prune", "-l", f"set={name}", *extra)
        assert f"node {name}-01 pruned{tail}\n" in done.stdout
        assert "21 unchanged, 1 pruned" in done.stdout


def test_diff(daemon, name, fleet):
    path = fleet(manifest_of(name, "  labels: {rack: 7}"))
    done = daemon.ctl("diff", "-f", path, check=False)
    assert done.returncode == 1
    assert f"node {name} would be created ({path}:1)" in done.stdout
    daemon.ctl("apply", "-f", path)
    done = daemon.ctl("diff", "-f", path)
    assert (done.returncode, done.stdout) == (0, "")
    fleet(manifest_of(name, "  labels: {rack: 8}"))
    done = daemon.ctl("diff", "-f", path, check=False)
    assert done.returncode == 1
    assert '-   rack: "7"' in done.stdout and '+   rack: "8"' in done.stdout
    assert daemon.ctl("diff", "-q", "-f", path, check=False).stdout == ""
    fleet("- nam: x\n")
    assert daemon.ctl("diff", "-f", path, check=False).returncode > 1
    fleet(manifest_of(name, "  address: 192.0.2.300"))
    assert daemon.ctl("diff", "-f", path, check=False).returncode > 1


def test_dry_run_with_diff(daemon, name, fleet):
    path = fleet(manifest_of(name))
    done = daemon.ctl("apply", "-f", path, "--dry-run", "--diff")
    assert f"+ name: {name}" in done.stdout
    assert f"node {name} created (dry run)" in done.stdout
    assert daemon.ctl("show", name, check=False).returncode == 3


def test_prune(daemon, name, fleet):
    label = f"  labels: {{set: {name}}}"
    both = manifest_of(name + "a", label) + manifest_of(name + "b", label)
    daemon.ctl("apply", "-f", fleet(both))
    path = fleet(manifest_of(name + "a", label))
    assert daemon.ctl("apply", "-f", path, "--prune", check=False).returncode == 2
    assert daemon.ctl("apply", "-f", path, "-l", "set=x", check=False).returncode == 2
    done = daemon.ctl("diff", "-f", path, "--prune", "-l", f"set={name}", check=False)
    assert f"node {name}b would be pruned" in done.stdout
    done = daemon.ctl("apply", "-f", path, "--prune", "-l", f"set={name}")
    assert done.stdout == f"node {name}a unchanged\nnode {name}b pruned\n"
    assert daemon.ctl("show", name + "b", check=False).returncode == 3


def test_nothing_is_pruned_when_something_failed(daemon, name, fleet):
    label = f"  labels: {{set: {name}}}"
    daemon.ctl("apply", "-f", fleet(manifest_of(name + "a", label)))
    path = fleet(manifest_of(name + "b", label, "  address: 192.0.2.1"))
    done = daemon.ctl("apply", "-f", path, "--prune", "-l", f"set={name}", check=False)
    if done.returncode != 0:  # an address that is not here is refused
        assert "nothing was pruned" in done.stderr
        assert daemon.ctl("show", name + "a").returncode == 0


def test_from_standard_input_and_from_a_folder(daemon, name, fleet, tmp_path):
    daemon.ctl("apply", "-f", "-", stdin=manifest_of(name + "a"))
    fleet(manifest_of(name + "b"), "b.yaml")
    fleet(json.dumps([{"name": name + "c", "backend": {"kind": "sim"}}]), "c.json")
    daemon.ctl("apply", "-f", tmp_path)
    names = daemon.ctl("list", f"{name}*", "-o", "name").stdout.split()
    assert names == [name + "a", name + "b", name + "c"]


def test_what_list_writes_apply_reads(daemon, name):
    daemon.ctl(
        "add", name, "--backend", "sim", "--label", "a=yes", "--speed", "3", "--cipher-suites", "17", "--annotation", "n=x: y"
    )
    text = daemon.ctl("list", name, "-o", "yaml").stdout
    assert daemon.ctl("apply", "-f", "-", stdin=text).stdout == f"node {name} unchanged\n"
    text = daemon.ctl("list", name, "-o", "json").stdout
    assert daemon.ctl("apply", "-f", "-", stdin=text).stdout == f"node {name} unchanged\n"


def test_users_of_a_manifest(daemon, name, fleet, tmp_path):
    (tmp_path / "pw").write_text("password of ops\n")
    path = fleet(manifest_of(name, "  users: [{name: ops, password-file: pw, privilege: operator}]"))
    assert daemon.ctl("apply", "-f", path).stdout == f"node {name} created\n"
    assert daemon.ctl("apply", "-f", path).stdout == f"node {name} unchanged\n"
    (tmp_path / "pw").write_text("a new password\n")
    done = daemon.ctl("diff", "-f", path, check=False)
    assert done.returncode == 1 and "~ users" in done.stdout
    assert daemon.ctl("apply", "-f", path).stdout == f"node {name} updated (users)\n"
    shown = json.loads(daemon.ctl("show", name, "--secrets", "-o", "json").stdout)
    assert shown["users"][0]["password"] == "a new password"


def test_results_as_documents(daemon, name, fleet):
    path = fleet(manifest_of(name))
    rows = json.loads(daemon.ctl("apply", "-f", path, "-o", "json").stdout)
    assert rows[0]["outcome"] == "created" and len(rows[0]["generated_password"]) >= 16
    assert daemon.ctl("apply", "-f", path, "-o", "name").stdout == f"{name}\n"
    assert yaml.safe_load(daemon.ctl("apply", "-f", path, "-o", "yaml").stdout)[0]["outcome"] == "unchanged"


@pytest.mark.parametrize(
    "text, message",
    [
        ("- name: x\n  backend: sim\n  adress: 1\n", "bad.yaml:3: unknown field 'adress' in a node (did you mean 'address'?)"),
        ("- name: x\n- backend: sim\n", "bad.yaml:2: a node needs a 'name'"),
        ("- name: x\n  port: 99999\n  backend: sim\n", "bad.yaml:2: 'port' is 1 to 65535 or auto, not '99999'"),
        ("- name: [\n", "bad.yaml:2: not YAML: "),
        ("- {name: x, backend: sim}\n- {name: x, backend: sim}\n", "bad.yaml:2: node 'x' is already at "),
    ],
)
def test_mistakes_in_yaml_have_their_line(daemon, fleet, text, message):
    path = fleet(text, "bad.yaml")
    done = daemon.ctl("apply", "-f", path, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert daemon.ctl("list", "x", check=False).returncode == 3


def test_what_vbmcd_refuses_has_its_line_too(daemon, name, fleet):
    path = fleet(
        manifest_of(name + "good")
        + manifest_of(name, "  address: 192.0.2.300")
        + f"- name: {name}x\n  labels: {{a: b}}\n  backend: {{kind: sim, options: {{sped: 1}}}}\n"
    )
    done = daemon.ctl("apply", "-f", path, check=False)
    assert done.returncode == 6
    assert f"node {name}good created" in done.stdout
    assert f"{path}:5: node {name}: " in done.stderr
    assert f"{path}:8: node {name}x: " in done.stderr


def test_a_file_that_is_not_there(daemon):
    done = daemon.ctl("apply", "-f", "/nowhere/fleet.yaml", check=False)
    assert done.returncode == 2
    assert done.stderr == "vbmcctl: cannot read /nowhere/fleet.yaml: No such file or directory\n"


def test_a_thousand_nodes_in_seconds(new_daemon, tmp_path):
    daemon = new_daemon()
    daemon.start()
    (tmp_path / "pw").write_text("a password for all\n")
    path = tmp_path / "fleet.yaml"
    path.write_text(
        f"- name: node[0001-1000]\n  address: {daemon.address}\n  port: [20001-21000]\n"
        "  backend: sim\n  labels: {set: bulk, host: '{name}'}\n"
        "  users: [{name: admin, password-file: pw}]\n"
    )
    started = time.monotonic()
    done = daemon.ctl("apply", "-f", path)
    seconds = time.monotonic() - started
    assert done.stdout.startswith("1000 nodes: 1000 created (")
    assert len(done.stderr.splitlines()) == 10 and "1000/1000" in done.stderr  # a line for every tenth
    assert seconds < 60, seconds  # seconds on an idle machine; sanitizers and neighbours are slow
    assert daemon.ctl("list", "-l", "host=node0042", "-o", "csv", "-c", "port", "--no-header").stdout == "20042\n"

    done = daemon.ctl("power", "node[0001-0100]", "on")
    assert done.stdout.startswith("100 nodes powered on in ")
    done = daemon.ctl("stop", "node[0001-0021],node9999", check=False)
    assert done.returncode == 6
    assert done.stdout.startswith("21 nodes stopped in ")
    assert "vbmcctl: node node9999: " in done.stderr
    assert "22/22, 1 failed" in done.stderr
    done = daemon.ctl("-q", "start", "node[0001-0021]")
    assert (done.stdout, done.stderr) == ("", "")
    rows = [json.loads(line) for line in daemon.ctl("restart", "node[0001-0030]", "-o", "jsonl").stdout.splitlines()]
    assert len(rows) == 30 and rows[0] == {"name": "node0001", "result": "restarted"}
    assert daemon.ctl("rm", "--all").stdout.startswith("1000 nodes deleted in ")
    assert daemon.ctl("list", "-o", "name").stdout == ""
