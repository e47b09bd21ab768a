"""Which folder may include which, and which third-party headers belong where (docs/architecture.md)."""

import re

# Every layer may use base and itself. The order is bottom to top.
LAYERS = {
    "base": (),
    "wire": (),
    "crypto": (),
    "bmc": (),
    "rmcp": ("wire", "crypto"),
    "ipmi": ("bmc",),
    "endpoint": ("rmcp", "ipmi", "bmc", "wire", "crypto"),
    "client": ("wire", "crypto"),
    "net": (),
    "media": ("net",),
    "store": (),
    "backend": ("bmc", "client", "crypto", "net", "media"),
    # rmcp: only the session pool that the nodes of a shard share.
    "fleet": ("endpoint", "backend", "bmc", "rmcp", "net", "store", "media"),
    "control": ("fleet", "proto"),
    "vbmcctl": ("proto",),
}
PURE = ("base", "wire", "crypto", "bmc", "rmcp", "ipmi", "endpoint", "client")
COMPOSITION_ROOT = "vbmcd"  # the only place that may name everything

# Third-party headers (and standard ones that start threads): where they may be included at all.
THIRD_PARTY = (
    (r"SQLiteCpp/|sqlite3", ("store",)),
    (r"grpc|google/protobuf", ("control", "vbmcctl", "vbmcd")),
    (r"spdlog/|fmt/", ("base",)),
    (r"yaml-cpp/", ("vbmcd", "vbmcctl")),
    (r"CLI/", ("vbmcd", "vbmcctl")),
    (r"systemd/", ("vbmcd", "base")),
    (r"openssl/", ("base", "crypto", "store", "net", "backend")),
    (r"libvirt/|pugixml", ("backend",)),
    (r"boost/beast", ("net", "vbmcd")),
    (r"boost/asio", ("net", "backend", "media", "store", "fleet", "control", "vbmcd")),
    (r"nlohmann/", ("backend", "media", "store", "net", "fleet", "control", "vbmcd", "vbmcctl")),
    (r"(thread|future|condition_variable|semaphore|latch|barrier)$",
     ("base", "net", "store", "control", "vbmcd", "vbmcctl")),
    (r"(mutex|shared_mutex)$", ("base",)),
)

# What only lib/base/log.* and the like may hold although base is pure.
IMPURE_BASE_FILES = ("lib/base/log.h", "lib/base/log.cpp", "lib/base/commons.h")

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def includes(source):
    """(line, is quoted, path) of every #include; commented-out ones are not."""
    blanked = source.code
    for match in _INCLUDE.finditer(source.text):
        if blanked[match.start(1)] in '<"':
            yield source.line_at(match.start(1)), match.group(1) == '"', match.group(2)


def check_layers(source):
    if not source.is_cpp or source.layer not in LAYERS:
        return
    allowed = {"base", source.layer, *LAYERS[source.layer]}
    for line, quoted, path in includes(source):
        if not quoted:
            continue
        target = path.split("/")[0] if "/" in path else ""
        if path.startswith(("vbmc/v1/", "google/rpc/")):
            target = "proto"
        if target not in allowed:
            yield source.finding(
                "layer", line, f'{source.layer} may not include "{path}" (allowed: {sorted(allowed)})'
            )


def check_third_party(source):
    if not source.is_cpp or not (source.layer in LAYERS or source.layer == COMPOSITION_ROOT):
        return
    for line, quoted, path in includes(source):
        if quoted:
            continue
        for pattern, places in THIRD_PARTY:
            if re.match(pattern, path) and source.layer not in places:
                yield source.finding("third-party", line, f"<{path}> does not belong in {source.layer}")
        if source.layer == "base" and source.path not in IMPURE_BASE_FILES:
            if re.match(r"spdlog/|systemd/|thread$|mutex$", path):
                yield source.finding("third-party", line, f"<{path}>: base is pure but for the log")
        if path in ("boost/asio.hpp", "boost/beast.hpp", "spdlog/spdlog.h") and source.is_header:
            yield source.finding("third-party", line, f"<{path}> is too heavy for a header")
        if path.startswith("nlohmann/") and source.is_header and source.path.startswith("lib/"):
            if path == "nlohmann/json_fwd.hpp":
                continue
            yield source.finding("third-party", line, "JSON stays in .cpp files: it is slow to compile")


def check_pure_log(source):
    if source.layer in PURE and source.path not in IMPURE_BASE_FILES:
        for line, _, path in includes(source):
            if path == "base/log.h":
                yield source.finding("pure", line, "the pure layers do not log")


def check_own_header_first(source):
    """x.cpp includes x.h first: that proves the header stands alone (lint's CMake file does the rest)."""
    if not source.path.endswith(".cpp") or source.layer not in LAYERS:
        return
    own = source.path[:-4] + ".h"
    own = own[len("lib/"):] if own.startswith("lib/") else own
    listed = [path for _, quoted, path in includes(source) if quoted]
    if own in listed and listed[0] != own:
        yield source.finding("own-header-first", 1, f'"{own}" must be the first include')


RULES = (check_layers, check_third_party, check_pure_log, check_own_header_first)
