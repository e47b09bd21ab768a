"""Secrets that are references: shown as such, limited to what the operator named, rotated without a restart."""

import json
import os
import time

import pytest


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "credentials"
    folder.mkdir()
    return folder


@pytest.fixture
def own(new_daemon, folder):
    daemon = new_daemon(f"credentials:\n  directories: [{folder}]\n  variables: [VBMC_SECRET_*]\n")
    return daemon.start(environment={"VBMC_SECRET_LIST": '[{"id": "e", "name": "from-env"}]', "OTHER": "[]"})


def discovered(own, reference, check=True):
    return own.ctl("discover", "--backend", "sim", "--option", f"inventory={reference}", "-o", "json", check=check)


def write(path, text, mode=0o400):
    new = path.with_suffix(".new")
    new.write_text(text)
    os.chmod(new, mode)
    new.rename(path)


def test_rotation_without_a_restart(own, folder):
    secret = folder / "secret"
    for name in ("first", "second"):
        write(secret, json.dumps([{"id": "1", "name": name}]))
        assert [m["name"] for m in json.loads(discovered(own, f"file:{secret}").stdout)] == [name]


def test_the_environment(own):
    assert json.loads(discovered(own, "env:VBMC_SECRET_LIST").stdout)[0]["name"] == "from-env"
    for name in ("OTHER", "HOME"):
        refused = discovered(own, f"env:{name}", check=False)
        assert refused.returncode == 4 and "credentials.variables" in refused.stderr


@pytest.mark.parametrize(
    "reference", ["file:/etc/hostname", "file:{state}/vbmcd.key", "file:{folder}/../state/vbmcd.key", "credential:vbmcd.key"]
)
def test_nothing_else_can_be_named(own, folder, reference):
    reference = reference.format(state=own.state_dir, folder=folder)
    refused = discovered(own, reference, check=False)
    assert refused.returncode == 4, refused.stderr
    refused = own.ctl(
        "source", "add", "s", "--backend", "sim", "--option", f"inventory={reference}", check=False
    )
    assert refused.returncode == 4, refused.stderr


def test_rules_are_read_again_on_sighup(new_daemon, folder):
    """For what is asked from then on, and for the nodes that are there."""
    write(folder / "secret", "[]")
    allowed = f"credentials:\n  directories: [{folder}]\n"
    own = new_daemon("credentials:\n  directories: [/nowhere]\n").start()
    assert discovered(own, f"file:{folder}/secret", check=False).returncode == 4
    own.configure(allowed)
    own.reload()
    deadline = time.monotonic() + 10
    while discovered(own, f"file:{folder}/secret", check=False).returncode != 0:
        assert time.monotonic() < deadline
    write(folder / "password", "secret")
    own.ctl("add", "n1", "--backend", "ipmi", "--option", "host=127.0.0.1", "--option", "port=9", "--option", "username=u",
            "--option", f"password=file:{folder}/password")
    own.configure("credentials:\n  directories: []\n")
    own.reload()
    while "secrets may not be taken" not in own.ctl("show", "n1").stdout:
        assert time.monotonic() < deadline + 30
        own.ctl("power", "n1", "status", check=False)
    own.configure(allowed)
    own.reload()
    while "secrets may not be taken" in own.ctl("show", "n1").stdout:
        assert time.monotonic() < deadline + 60
        own.ctl("power", "n1", "status", check=False)


def test_references_are_shown_values_are_not(own, folder):
    write(folder / "list", "[]")
    own.ctl("source", "add", "named", "--backend", "sim", "--option", f"inventory=file:{folder}/list")
    own.ctl("source", "add", "given", "--backend", "sim", "--option", 'inventory=[{"id":"1","name":"hidden"}]', "--paused")
    own.ctl("source", "add", "literal", "--backend", "sim", "--option", "inventory=literal:env:HIDDEN", "--paused")
    assert f"inventory=file:{folder}/list" in own.ctl("source", "show", "named").stdout
    for name in ("given", "literal"):
        for form in ("table", "json", "yaml"):
            shown = own.ctl("source", "show", name, "-o", form).stdout
            assert "hidden" not in shown.lower() and "inventory" in shown
    assert "hidden" not in own.log_text().lower()
    database = (own.state_dir / "vbmcd.db").read_bytes() + (own.state_dir / "vbmcd.db-wal").read_bytes()
    assert b"hidden" not in database.lower()
