"""The contract of all drivers, for a host that works a machine by commands over a real sshd."""

import contextlib
import os
import signal

import contract
import pytest
from sshd import Sshd


@pytest.fixture(scope="module")
def subject(daemon, tmp_path_factory):
    with Sshd(tmp_path_factory.mktemp("sshd")) as server:
        flag = server.folder / "machine-is-on"
        options = server.options(
            command_on=f"touch {flag}",
            command_off=f"rm -f {flag}",
            command_status=f"test -e {flag} && echo on || echo off",
            command_soft=f"rm -f {flag}",
            command_reset="true",
        )
        key = server.folder / "contract_key"
        key.write_text(options.pop("key"))
        key.chmod(0o400)
        words = [word for name, value in options.items() for word in ("--option", f"{name}={value}")]
        daemon.ctl("add", "by-ssh", "--backend", "ssh", *words, "--option", f"key=@{key}")

        @contextlib.contextmanager
        def hung():
            stopped = server.children()
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            try:
                yield
            finally:
                for pid in stopped:
                    os.kill(pid, signal.SIGCONT)

        @contextlib.contextmanager
        def refused():
            server.stop()
            try:
                yield
            finally:
                server.start()

        yield contract.Subject(
            daemon,
            "by-ssh",
            truth=flag.exists,
            hang_backend=hung,
            break_backend=refused,
        )
        daemon.ctl("rm", "by-ssh", "--yes", check=False)


@pytest.mark.parametrize("check", contract.CHECKS, ids=contract.name_of)
def test_contract(check, subject):
    contract.run(check, subject)
