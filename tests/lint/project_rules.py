"""Rules over the whole project: formatting, event ids and their documentation, man pages, scripts."""

import ast
import re
import shutil
import subprocess

from source import Finding

EVENTS_PAGE = "docs/events.md"
_LOG_CALL = re.compile(r"(?<![\w.>])(?:vbmc::)?log\s*\(\s*(?:[^\s(),\"]|\([^()]*\)|\s)+,\s*(\"[^\"]*\")?")
_EVENT_ROW = re.compile(r"^\|\s*`([a-z0-9_.-]+)`\s*\|", re.MULTILINE)


def _run(command):
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def check_format(root, sources):
    """clang-format-14 over every C++ file, many a call."""
    tool = shutil.which("clang-format-14")
    if not tool:
        yield Finding("format", ".clang-format", 1, "clang-format-14 is not installed")
        return
    paths = [source.path for source in sources if source.is_cpp]
    for start in range(0, len(paths), 40):
        batch = [str(root / path) for path in paths[start:start + 40]]
        errors = _run([tool, "--style=file", "--dry-run", "-Werror", *batch]).stderr
        seen = set()
        for match in re.finditer(r"^(\S+?):(\d+):\d+: error:", errors, re.MULTILINE):
            path = match.group(1).removeprefix(f"{root}/")
            if path not in seen:
                seen.add(path)
                yield Finding("format", path, int(match.group(2)), f"run clang-format-14 -i {path}")


def logged_events(sources):
    """{event id: (path, line)} of every log(...) call in the product."""
    found = {}
    for source in sources:
        if not source.is_cpp or not re.match(r"lib/|vbmcd/", source.path):
            continue
        if source.path.startswith("lib/base/log"):
            continue
        for match in _LOG_CALL.finditer(source.text):
            if match.group(1) and source.code[match.start(1)] == '"':
                found.setdefault(match.group(1)[1:-1], (source.path, source.line_at(match.start())))
    return found


def check_events(root, sources):
    """What the code logs and what docs/events.md explains are the same ids."""
    page = root / EVENTS_PAGE
    documented = {}
    if page.exists():
        text = page.read_text()
        for match in _EVENT_ROW.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            if match.group(1) in documented:
                yield Finding("events", EVENTS_PAGE, line, f"{match.group(1)} stands here twice")
            documented[match.group(1)] = line
    logged = logged_events(sources)
    for event, (path, line) in sorted(logged.items()):
        if not re.fullmatch(r"[a-z0-9]+(?:[._][a-z0-9]+)+", event):
            yield Finding("events", path, line, f'"{event}" is no event id (subject.what_happened)')
        elif event not in documented:
            yield Finding("events", path, line, f"{event} is not explained in {EVENTS_PAGE}")
    for event, line in sorted(documented.items()):
        if event not in logged:
            yield Finding("events", EVENTS_PAGE, line, f"{event} is logged nowhere")


def check_man_pages(root, sources):
    for source in sources:
        if not re.match(r"docs/man/.*\.[1-8]$", source.path):
            continue
        if not shutil.which("mandoc"):
            yield source.finding("man", 1, "mandoc is not installed")
            return
        # STYLE: "Mdocdate missing" and the like belong to BSD's own tree; warnings and worse count.
        for line in _run(["mandoc", "-Tlint", "-Wwarning", str(root / source.path)]).stdout.splitlines():
            match = re.match(r"mandoc: .*?:(\d+):\d+: (.*)", line)
            yield source.finding("man", int(match.group(1)) if match else 1, match.group(2) if match else line)


def check_scripts(root, sources):
    for source in sources:
        first = source.lines[0]
        if first.startswith("#!") and ("bash" in first or re.search(r"/sh\b", first)) or (
            source.path.endswith(".sh")
        ):
            result = _run(["bash", "-n", str(root / source.path)])
            if result.returncode:
                yield source.finding("script", 1, result.stderr.strip())
        if source.path.endswith(".py") or (first.startswith("#!") and "python" in first):
            try:
                ast.parse(source.text)
            except SyntaxError as error:
                yield source.finding("script", error.lineno or 1, f"Python: {error.msg}")
        if first.startswith("#!") and not (root / source.path).stat().st_mode & 0o111:
            yield source.finding("script", 1, "starts with #! but is not executable")


RULES = (check_format, check_events, check_man_pages, check_scripts)
