"""vbmcctl: add, list, show, set, edit, start, stop, restart, rm, wait, as people and scripts use them."""

import csv
import io
import json
import os
import re
import subprocess

import pytest
import yaml


def add(daemon, name, *options):
    return daemon.ctl("add", name, "--backend", "sim", *options)


def show(daemon, name):
    return json.loads(daemon.ctl("show", name, "-o", "json").stdout)


def ipmitool(line, password, folder):
    """Runs a line that vbmcctl printed, with the password from a file instead of a question."""
    secret = folder / "pw"
    secret.write_text(password + "\n")
    secret.chmod(0o600)
    words = [word for word in line.split() if word != "-a"]
    at = words.index("power")
    return subprocess.run(
        [*words[:at], "-f", str(secret), *words[at:]], capture_output=True, text=True, timeout=30
    )


def test_a_first_try_needs_one_line(daemon, name, tmp_path):
    done = add(daemon, name)
    assert re.search(rf"^node {name} is running at {re.escape(daemon.address)}:\d+$", done.stdout, re.M)
    password = re.search(r"^  password  (\S{16,20})$", done.stdout, re.M).group(1)
    line = re.search(r"^  (ipmitool .*)$", done.stdout, re.M).group(1)
    assert password not in line
    answer = ipmitool(line, password, tmp_path)
    assert answer.stdout == "Chassis Power is off\n", answer.stderr
    assert done.stderr == ""


def test_add_as_a_document(daemon, name):
    document = json.loads(add(daemon, name, "-o", "json").stdout)
    assert document["name"] == name
    assert document["username"] == "admin"
    assert len(document["generated_password"]) >= 16
    assert document["status"]["state"] == "running"
    assert add(daemon, name + "x", "-o", "name").stdout == name + "x\n"


def test_add_with_virtualbmc_options(daemon, name, tmp_path):
    done = add(
        daemon, name, "--username", "ops", "--password", "a long password", "--port", "6999", "--address", daemon.address
    )
    assert "warning: --password can be seen" in done.stderr
    assert "a long password" not in done.stdout + done.stderr
    document = show(daemon, name)
    assert (document["address"], document["port"]) == (daemon.address, 6999)
    line = next(row for row in done.stdout.splitlines() if "ipmitool" in row)
    assert "-U ops" in line
    assert ipmitool(line, "a long password", tmp_path).returncode == 0


def test_password_from_a_file_and_from_standard_input(daemon, name, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("password of a file\n")
    secret.chmod(0o600)
    done = add(daemon, name, "--username", "ops", "--password-file", secret)
    assert "password  " not in done.stdout and done.stderr == ""
    done = daemon.ctl("show", name, "--secrets", "-o", "json")
    assert json.loads(done.stdout)["users"][0]["password"] == "password of a file"
    secret.chmod(0o644)
    assert "others may read" in add(daemon, name + "b", "--password-file", secret).stderr
    daemon.ctl("add", name + "c", "--backend", "sim", "--password-stdin", stdin="from stdin 123\n")
    done = daemon.ctl("show", name + "c", "--secrets", "-o", "json")
    assert json.loads(done.stdout)["users"][0]["password"] == "from stdin 123"


def test_backend_options_under_their_own_names(daemon, name):
    add(daemon, name, "--speed", "5", "--latency=3ms", "--option", "error-rate=0", "--ignore-soft")
    options = show(daemon, name)["backend"]["options"]
    assert options["speed"] == "5"
    assert options["latency"] == "3ms"
    assert options["ignore-soft"] == "true"


def test_a_boolean_option_before_the_name(daemon, name):
    daemon.ctl("add", "--backend", "sim", "--ignore-soft=true", name, "--stopped")
    assert show(daemon, name)["backend"]["options"]["ignore-soft"] == "true"


def test_labels_policy_and_a_stopped_node(daemon, name):
    add(
        daemon, name, "--label", "rack=7", "--label", "role=db", "--annotation", "note=a b", "--stopped",
        "--cipher-suites", "17", "--allow", "127.0.0.0/8", "--hide-users", "--ipmi15", "--privilege-max", "operator",
    )
    document = show(daemon, name)
    assert document["labels"] == {"rack": "7", "role": "db"}
    assert document["annotations"] == {"note": "a b"}
    assert document["enabled"] is False
    assert document["status"]["state"] == "stopped"
    policy = document["policy"]
    assert policy["cipher_suites"] == [17]
    assert policy["allow"] == ["127.0.0.0/8"]
    assert policy["hide_users"] and policy["ipmi15"]
    assert policy["privilege_max"] == "operator"


def test_several_targets(daemon, name):
    daemon.ctl(
        "add", name, "--target", "hard=sim:speed=2,latency=1ms", "--target", "soft=sim", "--route", "soft=soft"
    )
    document = show(daemon, name)
    assert [target["name"] for target in document["targets"]] == ["hard", "soft"]
    assert document["targets"][0]["options"]["speed"] == "2"
    assert document["routes"] == {"soft": "soft"}
    daemon.ctl("set", name, "option.hard.speed=3")
    assert show(daemon, name)["targets"][0]["options"]["speed"] == "3"


def test_dry_run_adds_nothing(daemon, name):
    assert "could be added" in add(daemon, name, "--dry-run").stderr
    assert daemon.ctl("show", name, check=False).returncode == 3


@pytest.fixture(scope="module")
def rack(daemon):
    """Three nodes with labels, for everything that only looks."""
    for number in (1, 2, 10):
        add(daemon, f"rack{number}", "--label", "set=rack", "--label", f"n={number}")
    return daemon


def listed(daemon, *arguments):
    return daemon.ctl("list", *arguments, "-o", "name").stdout.split()


def test_selection(rack):
    assert listed(rack, "rack[1-2]") == ["rack1", "rack2"]
    assert listed(rack, "rack1,rack10") == ["rack1", "rack10"]
    assert sorted(listed(rack, "rack?")) == ["rack1", "rack2"]
    assert sorted(listed(rack, "-l", "set=rack")) == ["rack1", "rack10", "rack2"]
    assert listed(rack, "-l", "set=rack,n!=1", "rack1*") == ["rack10"]
    assert listed(rack, "-l", "n in (1,2)", "-l", "set") and len(listed(rack, "-l", "n in (1,2)")) == 2
    assert sorted(listed(rack, "-l", "set=rack,n notin (1,2)")) == ["rack10"]
    assert "rack1" not in listed(rack, "-l", "!set")
    assert sorted(listed(rack, "--filter", 'name = "rack*" AND status.power = OFF')) == ["rack1", "rack10", "rack2"]
    assert set(listed(rack, "--all")) >= {"rack1", "rack2", "rack10"}
    assert listed(rack, "-l", "set=nothing") == []


def test_every_format(rack):
    arguments = ("list", "-l", "set=rack", "--sort", "name")
    table = rack.ctl(*arguments).stdout.splitlines()
    assert table[0].split() == ["NAME", "ENDPOINT", "BACKEND", "POWER", "STATE", "LABELS"]
    assert [row.split()[0] for row in table[1:]] == ["rack1", "rack2", "rack10"]
    assert table[1].split()[2:5] == ["sim", "off", "running"]
    wide = rack.ctl(*arguments, "-o", "wide").stdout.splitlines()[0]
    assert "UID" in wide and "SESSIONS" in wide
    documents = json.loads(rack.ctl(*arguments, "-o", "json").stdout)
    assert [row["name"] for row in documents] == ["rack1", "rack2", "rack10"]
    lines = rack.ctl(*arguments, "-o", "jsonl").stdout.splitlines()
    by_line = [json.loads(line) for line in lines]
    for document in [*documents, *by_line]:
        document["status"].pop("power_age_s", None)  # time went by
    assert by_line == documents
    loaded = yaml.safe_load(rack.ctl(*arguments, "-o", "yaml").stdout)
    assert [row["name"] for row in loaded] == ["rack1", "rack2", "rack10"]
    assert loaded[0]["labels"] == {"set": "rack", "n": "1"}
    rows = list(csv.DictReader(io.StringIO(rack.ctl(*arguments, "-o", "csv").stdout)))
    assert rows[0]["name"] == "rack1" and rows[0]["address"] == rack.address
    assert rack.ctl(*arguments, "-o", "name").stdout == "rack1\nrack2\nrack10\n"


def test_columns_sort_and_header(rack):
    done = rack.ctl("list", "-l", "set=rack", "-c", "name,power", "--sort", "-name", "--no-header")
    assert [row.split() for row in done.stdout.splitlines()] == [
        ["rack10", "off"], ["rack2", "off"], ["rack1", "off"],
    ]


def test_colour_only_when_asked_for(rack):
    assert "\x1b[" not in rack.ctl("list").stdout
    assert "\x1b[" in rack.ctl("list", "--color", "always").stdout
    assert "\x1b[" not in rack.ctl("list", "--color", "never", environment={"NO_COLOR": ""}).stdout


def test_show(rack):
    text = rack.ctl("show", "rack1").stdout
    assert text.splitlines()[0] == "rack1"
    for word in ("endpoint", "running", "off", "sim", "set=rack", "17,3"):
        assert word in text
    assert "password" not in text
    both = json.loads(rack.ctl("show", "rack[1-2]", "-o", "json").stdout)
    assert [document["name"] for document in both] == ["rack1", "rack2"]


def test_set(daemon, name):
    add(daemon, name, "--label", "old=1", "--speed", "2")
    done = daemon.ctl("set", name, "labels.rack=9", "labels.old-", "policy.cipher_suites=17", "option.latency=2ms")
    assert done.stdout == f"node {name} changed\n"
    document = show(daemon, name)
    assert document["labels"] == {"rack": "9"}
    assert document["policy"]["cipher_suites"] == [17]
    assert document["backend"]["options"] == {"speed": "2", "latency": "2ms"}
    daemon.ctl("set", name, "option.latency-", "policy.cipher_suites-", "--label", "a=b", "--ipmi15")
    document = show(daemon, name)
    assert document["backend"]["options"] == {"speed": "2"}
    assert document["policy"]["cipher_suites"] == [17, 3]
    assert document["policy"]["ipmi15"] is True
    assert document["labels"] == {"rack": "9", "a": "b"}


def test_set_a_port_moves_the_endpoint(daemon, name):
    add(daemon, name)
    daemon.ctl("set", name, "port=6998")
    document = show(daemon, name)
    assert document["port"] == 6998
    assert document["status"]["state"] == "running"


def test_set_kg(daemon, name, tmp_path):
    add(daemon, name)
    key = tmp_path / "kg"
    key.write_text("twenty bytes of key!\n")
    key.chmod(0o600)
    daemon.ctl("set", name, "--kg-file", key)
    assert json.loads(daemon.ctl("show", name, "--secrets", "-o", "json").stdout)["kg"] == "twenty bytes of key!"
    daemon.ctl("set", name, "--no-kg")
    assert json.loads(daemon.ctl("show", name, "--secrets", "-o", "json").stdout)["kg"] == ""


def test_edit(daemon, name, tmp_path):
    add(daemon, name, "--label", "a=1")
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/a: \"1\"/a: \"2\"/' \"$1\"\n")
    editor.chmod(0o755)
    environment = {"VISUAL": "", "EDITOR": str(editor), "TMPDIR": str(tmp_path)}
    assert daemon.ctl("edit", name, environment=environment).stdout == f"node {name} changed\n"
    assert show(daemon, name)["labels"] == {"a": "2"}
    done = daemon.ctl("edit", name, environment=environment)
    assert "nothing was changed" in done.stderr
    assert not list(tmp_path.glob("vbmcctl-*"))


def test_edit_keeps_a_text_that_is_wrong(daemon, name, tmp_path):
    add(daemon, name)
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\necho 'bakend: x' >> \"$1\"\n")
    editor.chmod(0o755)
    environment = {"VISUAL": str(editor), "TMPDIR": str(tmp_path)}
    done = daemon.ctl("edit", name, environment=environment, check=False)
    assert done.returncode == 2
    assert "unknown field 'bakend' in a node (did you mean 'backend'?)" in done.stderr
    kept = re.search(r"your text is kept in (\S+)", done.stderr).group(1)
    assert "bakend: x" in open(kept).read()
    assert os.stat(kept).st_mode & 0o777 == 0o600


def test_stop_start_restart(daemon, name):
    add(daemon, name)
    assert daemon.ctl("stop", name).stdout == f"node {name} stopped\n"
    assert show(daemon, name)["status"]["state"] == "stopped"
    assert daemon.ctl("start", name).stdout == f"node {name} started\n"
    assert show(daemon, name)["status"]["state"] == "running"
    assert daemon.ctl("restart", name).stdout == f"node {name} restarted\n"
    assert daemon.ctl("-q", "restart", name).stdout == ""
    assert daemon.ctl("restart", name, "-o", "name").stdout == f"{name}\n"
    document = json.loads(daemon.ctl("restart", name, "-o", "json").stdout)
    assert document == [{"name": name, "result": "restarted"}]


def test_rm(daemon, name):
    add(daemon, name)
    assert daemon.ctl("rm", name).stdout == f"node {name} deleted\n"
    assert daemon.ctl("delete", name, check=False).returncode == 3
    assert daemon.ctl("rm", name, "--missing-ok").returncode == 0


def test_wait(daemon, name):
    add(daemon, name, "--speed", "50")
    assert daemon.ctl("wait", name, "--for", "running").returncode == 0
    daemon.ctl("power", name, "on")
    assert daemon.ctl("wait", name, "--for", "power=on", "--timeout", "20s").returncode == 0
    late = daemon.ctl("wait", name, "--for", "power=off", "--timeout", "300ms", check=False)
    assert late.returncode == 8
    assert f"node {name}: not power=off after 300ms: power is on" in late.stderr
    daemon.ctl("rm", name)
    assert daemon.ctl("wait", name, "--for", "deleted").returncode == 0
    assert daemon.ctl("wait", name, "--for", "running", "--timeout", "1s", check=False).returncode == 3
