"""Rules that look at one line at a time: banned calls, leftovers, header hygiene, file length."""

import re

from layers import IMPURE_BASE_FILES, LAYERS, PURE

FILE_LINES_MAX = 600

# (rule, what, pattern over code without comments and strings, may this file?, why)
_PRODUCT = set(LAYERS) | {"vbmcd"}


def _product(source):
    return source.layer in _PRODUCT


def _pure(source):
    return source.layer in PURE and source.path not in IMPURE_BASE_FILES


def _any_cpp(source):
    return source.is_cpp


BANNED = (
    ("clock", r"\b(?:steady|system|high_resolution)_clock\s*::\s*now\b",
     lambda s: _product(s) and s.layer not in ("net", "vbmcctl") and s.path not in IMPURE_BASE_FILES,
     "only lib/net reads clocks: take the time as an argument"),
    ("clock", r"\b(?:gettimeofday|clock_gettime|localtime)\s*\(|(?<![\w.>:])(?:std::)?time\s*\(\s*(?:nullptr|NULL|0|&)",
     _pure, "the pure layers read no clock"),
    ("pure", r"\bstd\s*::\s*(?:j?thread|async|(?:shared_|recursive_|timed_)?mutex|condition_variable\w*|future|promise)\b",
     _pure, "the pure layers have no threads"),
    ("pure", r"\bboost\s*::\s*(?:asio|beast)\b", _pure, "the pure layers know no Asio"),
    ("mutex", r"\bstd\s*::\s*(?:shared_|recursive_|timed_)?mutex\b",
     lambda s: _product(s) and s.layer != "base", "no mutex outside lib/base: post a message instead"),
    ("random", r"(?<![\w.>])(?:std\s*::\s*)?(?:s?rand|rand_r|random|drand48)\s*\(|\bstd\s*::\s*(?:random_device|mt19937\w*)\b",
     _pure, "randomness comes in through base/entropy.h"),
    ("sleep", r"(?<![\w.>:])(?:::)?(?:sleep|usleep|nanosleep)\s*\(|\bthis_thread\s*::\s*sleep_(?:for|until)\b",
     lambda s: s.is_cpp and s.layer != "vbmcctl", "no thread of the daemon sleeps: wait on a timer"),
    ("parse", r"\b(?:std\s*::\s*)?(?:sto(?:i|l|ll|ul|ull|f|d|ld)|ato(?:i|l|ll|f))\s*\(",
     _product, "throws or ignores errors: use std::from_chars"),
    ("c-string", r"\b(?:std\s*::\s*)?(?:strcpy|strcat|strncpy|strncat|v?sprintf|gets|strtok|alloca)\s*\(",
     _any_cpp, "no bound, or a misleading one"),
    ("shell", r"(?<![\w.>])(?:std\s*::\s*|::\s*)?(?:system|popen)\s*\(",
     _any_cpp, "no shell: argv, never a string"),
    ("cast", r"\breinterpret_cast\b",
     lambda s: _product(s) and s.layer not in ("wire", "net", "base"),
     "reinterpret_cast lives in wire, net and base"),
    ("cast", r"\bconst_cast\b", _product, "const means const"),
    ("singleton", r"::\s*(?:get_?[iI]nstance|instance)\s*\(\s*\)", _product, "no singletons"),
    ("output", r"\bstd\s*::\s*(?:cout|cerr|clog)\b|\b(?:f?printf|puts)\s*\(",
     lambda s: s.path.startswith("lib/") and s.path not in IMPURE_BASE_FILES,
     "lib/ prints nothing: log() or return an error"),
    ("using-namespace", r"^using\s+namespace\b(?!\s+std\s*::\s*(?:\w+\s*::\s*)?\w*literals\b)",
     lambda s: _product(s) or (s.is_header and s.is_cpp), "not at file scope"),
)


def check_banned(source):
    if not source.is_cpp:
        return
    for rule, pattern, applies, why in BANNED:
        if not applies(source):
            continue
        for match in re.finditer(pattern, source.code, re.MULTILINE):
            what = " ".join(match.group(0).split())
            yield source.finding(rule, source.line_at(match.start()), f"{what}: {why}")


_LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\b[Nn]ot implemented\b")
_MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home/(?!you\b|alice\b|USER\b|\$)[a-z_]\w*)/")


def check_leftovers(source):
    if source.path.startswith("tests/lint/"):
        return  # names what it looks for
    for number, line in enumerate(source.lines, 1):
        if found := _LEFTOVER.search(line):
            yield source.finding("leftover", number, f"{found.group(0)}: finish it")
        if found := _MACHINE_PATH.search(line):
            yield source.finding("machine-path", number, f"{found.group(0)} is a path of one machine")


def check_file_length(source):
    count = source.text.count("\n")
    if source.is_cpp or source.path.endswith(".py"):
        if count > FILE_LINES_MAX:
            yield source.finding("file-length", count, f"{count} lines, {FILE_LINES_MAX} at most: split it")


def check_header(source):
    if not source.is_header:
        return
    if source.lines[0] != "#pragma once":
        yield source.finding("header", 1, "must start with #pragma once")
    elif not re.match(r"#pragma once\n\n?//", source.text):
        yield source.finding("header", 2, "must open with a comment: what this is, who owns it, which thread")


def check_whitespace(source):
    for number, line in enumerate(source.lines, 1):
        if line.endswith((" ", "\t", "\r")):
            yield source.finding("whitespace", number, "white space at the end of the line")
    if source.text and not source.text.endswith("\n"):
        yield source.finding("whitespace", len(source.lines), "no newline at the end of the file")


RULES = (check_banned, check_leftovers, check_file_length, check_header, check_whitespace)
