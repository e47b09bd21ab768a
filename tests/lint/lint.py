#!/usr/bin/env python3
"""The project's rules as a test: layers, banned calls, the coroutine rule, lengths, format, event ids.

    tests/lint/lint.py              the whole project
    tests/lint/lint.py PATH...      only findings in these files or folders

A rule is a function that yields findings; exceptions.py lists what is excused, each with its reason.
"""

import fnmatch
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import layers
import project_rules
import shape_rules
import text_rules
from exceptions import EXCEPTIONS
from source import Finding, load, repository, tracked_paths

TEXT_SUFFIXES = {
    ".h", ".cpp", ".py", ".sh", ".md", ".proto", ".cmake", ".txt", ".yaml", ".yml", ".json", ".service",
    ".conf", ".1", ".5", ".8", ".in", ".ts", ".html", ".css", "",
}
FILE_RULES = (*layers.RULES, *text_rules.RULES, *shape_rules.RULES)


def text_sources(root):
    for name in tracked_paths(root):
        path = root / name
        if path.suffix not in TEXT_SUFFIXES or "/corpus/" in name or path.is_symlink():
            continue
        if b"\0" in path.read_bytes()[:4096]:
            continue
        yield load(root, name)


def excused(finding, used):
    for exception in EXCEPTIONS:
        rule, pattern, _ = exception
        if rule == finding.rule and fnmatch.fnmatch(finding.path, pattern):
            used.add(exception)
            return True
    return False


def run_rules(root, sources):
    """(name of the rule's function, its findings) for every rule."""
    for rule in FILE_RULES:
        yield rule.__name__, [finding for source in sources for finding in rule(source)]
    for rule in project_rules.RULES:
        yield rule.__name__, list(rule(root, sources))


def main(arguments):
    root = repository()
    sources = list(text_sources(root))
    used = set()
    passed = failed = 0
    for name, findings in run_rules(root, sources):
        findings = [finding for finding in findings if not excused(finding, used)]
        if arguments:
            findings = [
                finding
                for finding in findings
                if any(finding.path == a or finding.path.startswith(a.rstrip("/") + "/") for a in arguments)
            ]
        passed, failed = (passed, failed + 1) if findings else (passed + 1, failed)
        print(f"{'FAIL' if findings else 'ok  '} {name}")
        for finding in findings:
            print(f"  {finding}")
    unused = [exception for exception in EXCEPTIONS if exception not in used]
    for rule, pattern, _ in unused:
        print("  " + str(Finding("exceptions", "tests/lint/exceptions.py", 1, f"{rule} {pattern}: unused")))
    passed, failed = (passed, failed + 1) if unused else (passed + 1, failed)
    print(f"{len(sources)} files")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
