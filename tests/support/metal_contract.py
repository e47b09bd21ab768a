"""Holds the fake Equinix Metal API, and what vbmcd sends to it, to the official description.

metal/equinix-schemas.json is the machine-readable part of that API's OpenAPI 3 description (the
schemas that are needed here, without their prose).
"""

import json
import re
import urllib.parse
from pathlib import Path

import jsonschema

_SCHEMAS = json.loads((Path(__file__).parent / "metal" / "equinix-schemas.json").read_text())

# (method, path, schema of the request's body, status of success, schema of the reply)
CALLS = (
    ("GET", r"/projects/[^/]+/devices", None, 200, "DeviceList"),
    ("GET", r"/projects/[^/]+/events", None, 200, "EventList"),
    ("GET", r"/devices/[^/]+", None, 200, "Device"),
    ("PUT", r"/devices/[^/]+", "DeviceUpdateInput", 200, "Device"),
    ("POST", r"/devices/[^/]+/actions", "DeviceActionInput", 202, None),
    ("GET", r"/devices/[^/]+/events", None, 200, "EventList"),
    ("GET", r"/devices/[^/]+/diagnostics/health/rollup", None, 200, "DeviceHealthRollup"),
)


def validate(name, text):
    schema = {**_SCHEMAS["definitions"][name], "definitions": _SCHEMAS["definitions"]}
    if name.endswith("Input"):
        schema["additionalProperties"] = False  # the description leaves it open, a typo is none
    jsonschema.validate(json.loads(text), schema, format_checker=jsonschema.FormatChecker())


def check(journal):
    """Every call of the journal; how many there were of each kind of answer."""
    seen = {}
    for _, method, path, status, request, reply in journal:
        if not isinstance(status, int):
            continue  # an ordered fault
        path = urllib.parse.urlsplit(path).path.removeprefix("/metal/v1")
        row = next((r for r in CALLS if r[0] == method and re.fullmatch(r[1], path)), None)
        assert row, f"{method} {path} is no call of the API"
        if status >= 400:
            validate("Error", reply)
            seen["Error"] = seen.get("Error", 0) + 1
            continue
        assert status == row[3], f"{method} {path} answers {row[3]}, not {status}"
        if row[2] and request:
            validate(row[2], request)
        if row[4]:
            validate(row[4], reply)
            device_ids = [] if row[4] != "DeviceList" else [d["id"] for d in json.loads(reply)["devices"]]
            assert len(device_ids) == len(set(device_ids))
        kind = row[4] or "accepted"
        seen[kind] = seen.get(kind, 0) + 1
    return seen
