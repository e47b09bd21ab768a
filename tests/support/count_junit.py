#!/usr/bin/env python3
"""Prints "PASSED FAILED" for a JUnit file of CTest or pytest.

CTest sees one test a Catch2 program; the program's own closing line tells how many test cases it had,
and those are what is counted.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree

ALL_PASSED = re.compile(r"All tests passed \(.*? in (\d+) test cases?\)")
SOME_FAILED = re.compile(r"test cases:\s*(\d+)\s*\|(?:\s*(\d+) passed\s*\|)?\s*(\d+) failed")


def count_case(case):
    failed = any(case.find(tag) is not None for tag in ("failure", "error")) or (
        case.get("status") in ("fail", "notrun", "disabled")
    )
    if case.find("skipped") is not None and not failed:
        return 0, 0
    output = "".join(node.text or "" for node in case.iter("system-out"))
    if not failed:
        return sum(int(n) for n in ALL_PASSED.findall(output)) or 1, 0
    summary = SOME_FAILED.search(output)
    if summary:
        return int(summary.group(2) or 0), int(summary.group(3))
    return 0, 1


def main():
    passed = failed = 0
    for case in ElementTree.parse(sys.argv[1]).iter("testcase"):
        case_passed, case_failed = count_case(case)
        passed += case_passed
        failed += case_failed
    print(passed, failed)


if __name__ == "__main__":
    main()
