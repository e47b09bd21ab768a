"""A source file as the rules see it: its text, and its code with comments and strings blanked out."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

CPP = {".h", ".cpp"}


class Finding(NamedTuple):
    rule: str
    path: str
    line: int
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: [{self.rule}] {self.message}"


# Comments, raw strings, strings, character literals (not the ' of 1'000), in the order they must be tried.
_LEXEMES = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)"""
    r"""|(?P<raw>(?:u8|u|U|L)?R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)")"""
    r"""|(?P<string>"(?:\\.|[^"\\\n])*")"""
    r"""|(?P<char>(?<![0-9A-Fa-f])'(?:\\.[^'\n]*|[^'\\\n])')""",
    re.DOTALL | re.VERBOSE,
)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def blank_comments_and_strings(text):
    """The same text, every offset kept: comments become spaces, literals keep only their quotes."""

    def replace(match):
        whole = match.group(0)
        if match.group("comment"):
            return _blank(whole)
        return whole[0] + _blank(whole[1:-1]) + whole[-1]

    return _LEXEMES.sub(replace, text)


class Source:
    def __init__(self, path, text):
        self.path = path  # relative to the repository, with /
        self.text = text
        self.lines = text.split("\n")
        self._code = None

    @property
    def code(self):
        if self._code is None:
            self._code = blank_comments_and_strings(self.text)
        return self._code

    @property
    def is_cpp(self):
        return Path(self.path).suffix in CPP

    @property
    def is_header(self):
        return self.path.endswith(".h")

    @property
    def layer(self):
        """"wire" for lib/wire/..., "vbmcd", "vbmcctl", "tests" or "" for the rest."""
        parts = self.path.split("/")
        if parts[0] == "lib" and len(parts) > 2:
            return parts[1]
        return parts[0] if len(parts) > 1 else ""

    def line_at(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def finding(self, rule, line, message):
        return Finding(rule, self.path, line, message)


def repository():
    return Path(__file__).resolve().parents[2]


def tracked_paths(root):
    """Every file of the project: what git knows or would add, else what is there outside build/."""
    if (root / ".git").exists():
        command = ["git", "-c", f"safe.directory={root}", "-C", str(root), "ls-files", "-z"]
        command += ["--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, capture_output=True, check=True).stdout.decode()
        paths = [name for name in listed.split("\0") if name]
    else:
        paths = [
            str(path.relative_to(root))
            for path in root.rglob("*")
            if path.is_file() and path.relative_to(root).parts[0] != "build"
        ]
    return sorted(set(name for name in paths if (root / name).is_file()))


def load(root, name):
    return Source(name, (root / name).read_text(encoding="utf-8", errors="replace"))
