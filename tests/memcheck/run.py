#!/usr/bin/python3
"""vbmcd under Valgrind's memcheck: without a build of its own, and what Debian's libraries do is seen as well.

    tests/memcheck/run.py                        the turmoil (tests/run memcheck)
    tests/memcheck/run.py --unit control         a layer's unit tests instead
    tests/memcheck/run.py --integration test_sources.py --integration test_bulk.py
    tests/memcheck/run.py --bin build/dev/bin --logs build/test-logs

A program under it is some thirty times slower. Fails when a test fails and when memcheck has anything
to say, of a process that was killed as well; what it said is printed. Prints "N passed, N failed" last.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"
INTEGRATION = ("test_turmoil.py",)
ROUNDS = "25"  # of the turmoil
SUPPRESSIONS = Path(__file__).resolve().parent / "valgrind.supp"
SHOWN_LINES = 60  # of a program's output or of what memcheck said of a process


def memcheck(logs):
    return [
        "valgrind", "--quiet", "--num-callers=30", f"--suppressions={SUPPRESSIONS}",
        "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
        f"--log-file={logs}/memcheck.%p",
    ]  # fmt: skip


class Run:
    def __init__(self, bin_dir, logs):
        self.bin = bin_dir
        self.logs = logs
        self.passed = self.failed = 0

    def row(self, what, good, output=""):
        self.passed += good
        self.failed += not good
        print(f"{'ok    ' if good else 'FAILED'} {what}", flush=True)
        if not good and output:
            print(output, flush=True)

    def command(self, what, words, environment=None):
        done = subprocess.run(
            [str(word) for word in words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            cwd=ROOT, env={**os.environ, **(environment or {})},
        )  # fmt: skip
        self.row(what, done.returncode == 0, "\n".join(done.stdout.splitlines()[-SHOWN_LINES:]))

    def unit(self, layer):
        self.command(f"unit_{layer}", [*memcheck(self.logs), self.bin / f"unit_{layer}"])

    def integration(self, test):
        environment = {
            "VBMC_BIN_DIR": str(self.bin),
            "VBMC_UNDER": shlex.join(memcheck(self.logs)),
            "VBMC_TURMOIL_ROUNDS": ROUNDS,
        }
        words = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/integration/{test}"]
        self.command(f"integration {test}", words, environment)

    def verdicts(self):
        """Memcheck's own: a process with nothing to its name leaves an empty file."""
        for log in sorted(self.logs.glob("memcheck.*")):
            text = log.read_text(errors="replace")
            said = "\n".join(text.splitlines()[:SHOWN_LINES])  # the first is the cause
            self.row(f"memory of process {log.suffix[1:]}", not said, said)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/dev/bin", help="where the programs are")
    parser.add_argument("--unit", action="append", help="a layer's unit tests")
    parser.add_argument("--integration", action="append", help="a file of tests/integration, or a test of one")
    parser.add_argument("--logs", help="an existing folder for what memcheck says meanwhile")
    options = parser.parse_args(arguments)
    unit = options.unit or ()
    integration = options.integration or (() if unit else INTEGRATION)
    with tempfile.TemporaryDirectory(prefix="vbmc-memcheck-", dir=options.logs) as folder:
        run = Run(Path(options.bin).resolve(), Path(folder))
        for layer in unit:
            run.unit(layer)
        for test in integration:
            run.integration(test)
        run.verdicts()
    print(f"{run.passed} passed, {run.failed} failed")
    return 1 if run.failed or not run.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
