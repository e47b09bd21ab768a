"""A small cloud of ours that speaks the APIs of the metal backend's providers, on loopback.

Stateful: an action is accepted at once (202, 204 or 200, as each API does) and the machine follows
later. Keeps a journal of what was asked and answered, limits rates, and fails to order:

    with Cloud("equinix") as cloud:
        machine = cloud.add("web1")
        cloud.fault = "hang"        # or reset, slow, 500, 429, garbage, huge
"""

import base64
import http.server
import json
import re
import socket
import ssl
import struct
import threading
import time
import urllib.parse
import uuid

TOKEN = "t0ken-of-the-fake"
CLIENT_ID = "fake-client"
PROJECT = "0e9c7e6a-1111-4222-8333-444455556666"
ZONE = "fr-par-1"

# The API's word of each phase of a machine.
WORDS = {
    "equinix": {"on": "active", "off": "inactive", "going_on": "powering_on", "going_off": "powering_off"},
    "latitude": {"on": "on", "off": "off", "going_on": "off", "going_off": "on"},
    "cherry": {"on": "on", "off": "off", "going_on": "off", "going_off": "on"},
    "scaleway": {"on": "ready", "off": "stopped", "going_on": "starting", "going_off": "stopping"},
    "phoenixnap": {"on": "powered-on", "off": "powered-off", "going_on": "powered-off", "going_off": "powered-on"},
    "vultr": {"on": "active", "off": "active", "going_on": "active", "going_off": "active"},
    "hetzner-cloud": {"on": "running", "off": "off", "going_on": "starting", "going_off": "stopping"},
}


class Refused(Exception):
    def __init__(self, status, text, headers=None):
        super().__init__(text)
        self.status, self.text, self.headers = status, text, headers or {}


class Machine:
    def __init__(self, cloud, name, identity):
        self.cloud, self.name, self.id = cloud, name, identity
        self._phase, self.goes_to, self.there_at = "off", None, 0.0
        self.starts = 0
        self.always_pxe, self.ipxe_script_url = False, ""
        self.iso = None
        self.health = "ok"
        self.tags = ["role=web", "blue"]
        self.number = cloud.next_number()

    def settle(self):
        if self.goes_to and time.monotonic() >= self.there_at:
            self._phase, self.goes_to = self.goes_to, None
            self.starts += self._phase == "on"

    def go(self, where):
        self._phase, self.goes_to = "going_" + where, where
        self.there_at = time.monotonic() + self.cloud.follow_seconds

    def press(self, action):
        """on, off, reset or soft; refused when the state forbids it."""
        if self.cloud.busy > 0:
            self.cloud.busy -= 1
            status = {"hetzner-cloud": 423, "scaleway": 409}.get(self.cloud.provider, 423)
            raise Refused(status, "another action is running")
        if self.cloud.failing_action:
            return
        running = self.phase in ("on", "going_on")
        if action == "reset":
            if not running:
                raise Refused(422, "Device must be powered on")
            self.starts += 1
        elif (action == "on") != running:
            self.go("on" if action == "on" else "off")
        elif self.cloud.strict:
            raise Refused(422, f"Device is already powered {'on' if running else 'off'}")

    @property
    def phase(self):
        """on, off, going_on, going_off"""
        self.settle()
        return self._phase

    @property
    def word(self):
        return WORDS[self.cloud.provider][self.phase]


class Cloud:
    def __init__(self, provider, follow_seconds=0.3, tls=None, page_size=None):
        self.provider = provider
        self.follow_seconds = follow_seconds
        self.page_size = page_size  # smaller pages than asked for
        self.strict = False  # refuses what is so already
        self.busy = 0  # so many power actions are refused because another one is under way
        self.failing_action = ""  # why the next action fails after it was taken (hetzner-cloud)
        self.actions = {}  # id -> (machine, why it fails)
        self.machines = {}
        self.events = []
        self.journal = []  # (time, method, path, status, request body, reply body)
        self.token = TOKEN
        self.access_tokens = {}  # OAuth2: token -> end of life
        self.token_seconds = 300
        self.fault = None  # of every call; or a function of (method, path) that returns one
        self.limited_until = 0.0
        self.remaining = None  # calls left before 429, when limited at all
        self.limit_seconds = 2
        self.slow_seconds = 30
        self.connections = 0
        self._numbers = 1000
        self._lock = threading.Lock()
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.cloud = self
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.scheme = "https" if tls else "http"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def next_number(self):
        self._numbers += 1
        return self._numbers

    @property
    def base(self):
        return f"{self.scheme}://127.0.0.1:{self.server.server_address[1]}"

    def add(self, name):
        numeric = self.provider in ("cherry", "hetzner-cloud")
        identity = str(self.next_number()) if numeric else str(uuid.uuid4())
        self.machines[identity] = Machine(self, name, identity)
        return self.machines[identity]

    def options(self, machine=None):
        """What a node of this cloud is registered with."""
        options = {"provider": self.provider, "url": self.base, "token": self.token}
        if machine:
            options["uuid"] = machine.id
        if self.provider == "scaleway":
            options["zone"] = ZONE
        if self.provider == "vultr":  # tells no power: the tests know that nobody else touches it
            options["state-as-told"] = "true"
        if self.provider == "phoenixnap":
            options.update({"client-id": CLIENT_ID, "token-url": self.base + "/oauth/token"})
        return options

    def calls(self, method=None, pattern=""):
        with self._lock:
            return [
                row for row in self.journal
                if (method is None or row[1] == method) and re.search(pattern, row[2])
            ]

    def note(self, row):
        with self._lock:
            self.journal.append(row)

    def happen(self, machine, kind, state="succeeded"):
        """Something that the cloud's own people did: stands among the project's events."""
        self.events.insert(0, {
            "id": str(uuid.uuid4()), "type": kind, "state": state, "body": kind,
            "interpolated": f"{machine.name}: {kind}", "created_at": "2026-01-01T00:00:00Z",
            "relationships": [{"href": f"/metal/v1/devices/{machine.id}"}],
        })

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *trouble):
        self.close()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.server.cut_all()

    # What each API says. A handler returns (status, body or None).

    def answer(self, method, path, query, body, headers):
        if path == "/oauth/token" and self.provider == "phoenixnap":
            return self.grant(body, headers)
        self.check_token(headers)
        self.check_rate()
        parts = [part for part in path.split("/") if part]
        return getattr(self, "answer_" + self.provider.replace("-", "_"))(method, parts, query, body)

    def grant(self, body, headers):
        wanted = "Basic " + base64.b64encode(f"{CLIENT_ID}:{self.token}".encode()).decode()
        if headers.get("Authorization") != wanted:
            raise Refused(401, "invalid client credentials")
        if urllib.parse.parse_qs(body or "").get("grant_type") != ["client_credentials"]:
            raise Refused(400, "unsupported grant type")
        token = "access-" + uuid.uuid4().hex
        self.access_tokens[token] = time.monotonic() + self.token_seconds
        return 200, {"access_token": token, "expires_in": self.token_seconds, "token_type": "Bearer"}

    def check_token(self, headers):
        given = {
            "equinix": headers.get("X-Auth-Token"),
            "scaleway": headers.get("X-Auth-Token"),
            "latitude": headers.get("Authorization"),
        }.get(self.provider, (headers.get("Authorization") or "").removeprefix("Bearer "))
        if self.provider == "phoenixnap":
            if self.access_tokens.get(given, 0) < time.monotonic():
                raise Refused(401, "Token is expired or unknown")
        elif given != self.token:
            raise Refused(401, "Invalid authentication token")

    def check_rate(self):
        if self.remaining is None:
            return
        now = time.time()
        with self._lock:
            if now >= self.limited_until and self.remaining <= 0 and self.limited_until:
                self.remaining, self.limited_until = 1000, 0.0
            if self.remaining > 0:
                self.remaining -= 1
                return
            if not self.limited_until:
                self.limited_until = float(int(now) + 1 + self.limit_seconds)
        reset = str(int(self.limited_until))
        names = {"equinix": "X-RateLimit-Reset", "hetzner-cloud": "RateLimit-Reset"}
        name = names.get(self.provider, "Retry-After")
        raise Refused(429, "Too many requests", {name: reset if name in names.values() else str(self.limit_seconds)})

    def machine(self, identity):
        if identity not in self.machines:
            raise Refused(404, "Not found")
        return self.machines[identity]

    def page(self, query, size_name, page_name, default):
        size = int(query.get(size_name, default))
        size = min(size, self.page_size or size)
        number = int(query.get(page_name, 1))
        everything = list(self.machines.values())
        return everything[(number - 1) * size:number * size], number, -(-len(everything) // size) or 1

    def answer_equinix(self, method, parts, query, body):
        parts = parts[2:] if parts[:2] == ["metal", "v1"] else parts
        if parts[0] == "projects" and method == "GET":
            if parts[1] != PROJECT:
                raise Refused(404, "Not found")
            if parts[2] == "events":
                return 200, {"events": self.events[:int(query.get("per_page", 10))], "meta": self.meta(1, 1)}
            found, number, last = self.page(query, "per_page", "page", 10)
            return 200, {"devices": [self.device(m) for m in found], "meta": self.meta(number, last)}
        machine = self.machine(parts[1])
        if parts[2:] == ["actions"] and method == "POST":
            action = {"power_on": "on", "power_off": "off", "reboot": "reset"}.get(
                body.get("type") if isinstance(body, dict) else query.get("type"))
            if not action:
                raise Refused(422, "type is not included in the list")
            machine.press(action)
            return 202, None
        if parts[2:] == ["diagnostics", "health", "rollup"]:
            return 200, {"health_rollup": machine.health, "updated_at": "2026-01-01T00:00:00Z"}
        if parts[2:] == ["events"]:
            mine = [e for e in self.events if e["relationships"][0]["href"].endswith(machine.id)]
            return 200, {"events": mine, "meta": self.meta(1, 1)}
        if method == "PUT":
            known = {"always_pxe": bool, "ipxe_script_url": str}
            for name, value in body.items():
                if not isinstance(value, known.get(name, ())):
                    raise Refused(422, f"{name} is invalid")
                setattr(machine, name, value)
        elif method != "GET":
            raise Refused(405, "Method not allowed")
        return 200, self.device(machine)

    @staticmethod
    def meta(number, last):
        return {"total": 0, "current_page": number, "last_page": last}

    @staticmethod
    def device(machine):
        return {
            "id": machine.id, "short_id": machine.id[:8], "hostname": machine.name,
            "state": machine.word, "always_pxe": machine.always_pxe,
            "ipxe_script_url": machine.ipxe_script_url, "tags": machine.tags, "locked": False,
            "href": f"/metal/v1/devices/{machine.id}", "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z", "ip_addresses": [], "spot_instance": False,
            "billing_cycle": "hourly", "description": "", "user": "root",
            "actions": [{"type": "power_on", "name": "Power On"}],
            "project": {"href": f"/metal/v1/projects/{PROJECT}"},
            "plan": {"id": str(uuid.UUID(int=1)), "name": "c3.small.x86", "slug": "c3.small.x86",
                     "description": "small", "line": "baremetal", "pricing": {"hour": 1.5},
                     "specs": {"cpus": [{"count": 1, "type": "fake"}], "memory": {"total": "32GB"},
                               "drives": [{"count": 1, "size": "480GB", "type": "SSD"}]}},
            "metro": {"id": str(uuid.UUID(int=2)), "code": "da", "name": "Dallas", "country": "US"},
            "facility": {"id": str(uuid.UUID(int=3)), "code": "da11", "name": "DA11"},
            "operating_system": {"id": str(uuid.UUID(int=4)), "slug": "debian_12", "name": "Debian 12",
                                 "distro": "debian", "version": "12"},
            "sos": "sos.da11.platformequinix.com",
        }

    def answer_latitude(self, method, parts, query, body):
        if parts == ["servers"]:
            found, _, _ = self.page(query, "page[size]", "page[number]", 20)
            return 200, {"data": [self.latitude_server(m) for m in found], "meta": {}}
        machine = self.machine(parts[1])
        if parts[2:] == ["actions"] and method == "POST":
            data = body["data"]
            action = {"power_on": "on", "power_off": "off", "reboot": "reset"}.get(data["attributes"]["action"])
            if data["type"] != "actions" or not action:
                raise Refused(422, "action is invalid")
            machine.press(action)
            return 201, {"data": {"type": "actions", "attributes": {"status": "success"}}}
        return 200, {"data": self.latitude_server(machine), "meta": {}}

    @staticmethod
    def latitude_server(machine):
        return {"id": machine.id, "type": "servers", "attributes": {
            "hostname": machine.name, "status": machine.word, "ipmi_status": "Normal", "site": "ASH",
            "plan": {"id": "plan_1", "name": "c2.small.x86", "slug": "c2-small-x86"},
            "project": {"id": PROJECT, "name": "fake"}}}

    def answer_cherry(self, method, parts, query, body):
        if parts[0] == "projects":
            return 200, [self.cherry_server(m, None) for m in self.machines.values()]
        machine = self.machine(parts[1])
        if parts[2:] == ["actions"] and method == "POST":
            action = {"power_on": "on", "power_off": "off", "reboot": "reset"}.get(body["type"])
            if not action:
                raise Refused(400, "unknown action")
            machine.press(action)
            return 200, self.cherry_server(machine, None)
        return 200, self.cherry_server(machine, query.get("fields"))

    @staticmethod
    def cherry_server(machine, fields):
        if fields:
            return {"power": machine.word}
        return {"id": int(machine.id), "name": "E5-1620v4", "hostname": machine.name, "state": "active",
                "region": {"id": 1, "name": "EU-Nord-1"}, "tags": {"role": "web"},
                "project": {"id": 42, "name": "fake"}}

    def answer_scaleway(self, method, parts, query, body):
        if parts[:4] != ["baremetal", "v1", "zones", ZONE]:
            raise Refused(404, "unknown zone")
        if len(parts) == 5:
            found, _, _ = self.page(query, "page_size", "page", 20)
            return 200, {"total_count": len(self.machines), "servers": [self.scaleway_server(m) for m in found]}
        machine = self.machine(parts[5])
        if method == "POST":
            action = {"start": "on", "stop": "off", "reboot": "reset"}[parts[6]]
            if action != "off" and body.get("boot_type") != "normal":
                raise Refused(400, "invalid boot_type")
            machine.press(action)
        return 200, self.scaleway_server(machine)

    @staticmethod
    def scaleway_server(machine):
        return {"id": machine.id, "name": machine.name, "status": machine.word, "offer_name": "EM-A210R-HDD",
                "zone": ZONE, "project_id": PROJECT, "tags": ["role=web", "blue"]}

    def answer_phoenixnap(self, method, parts, query, body):
        if parts == ["servers"]:
            return 200, [self.phoenixnap_server(m) for m in self.machines.values()]
        machine = self.machine(parts[1])
        if method == "POST":
            action = {"power-on": "on", "power-off": "off", "reboot": "reset", "shutdown": "soft"}.get(parts[3])
            if not action:
                raise Refused(404, "unknown action")
            machine.press(action)
            return 200, {"result": "done"}
        return 200, self.phoenixnap_server(machine)

    @staticmethod
    def phoenixnap_server(machine):
        return {"id": machine.id, "hostname": machine.name, "status": machine.word, "type": "s1.c1.small",
                "location": "PHX", "tags": [{"id": "1", "name": "role", "value": "web"}]}

    def answer_vultr(self, method, parts, query, body):
        if parts == ["bare-metals"]:
            size = self.page_size or int(query.get("per_page", 100))
            start = int(query.get("cursor") or 0)
            everything = list(self.machines.values())
            more = str(start + size) if start + size < len(everything) else ""
            return 200, {"bare_metals": [self.vultr_server(m) for m in everything[start:start + size]],
                         "meta": {"total": len(everything), "links": {"next": more, "prev": ""}}}
        machine = self.machine(parts[1])
        if method == "POST":
            machine.press({"start": "on", "halt": "off", "reboot": "reset"}[parts[2]])
            return 204, None
        return 200, {"bare_metal": self.vultr_server(machine)}

    @staticmethod
    def vultr_server(machine):
        return {"id": machine.id, "label": machine.name, "status": machine.word, "plan": "vbm-4c-32gb",
                "region": "ams", "tags": ["role=web", "blue"]}

    def answer_hetzner_cloud(self, method, parts, query, body):
        if parts == ["servers"]:
            found, number, last = self.page(query, "per_page", "page", 25)
            return 200, {"servers": [self.hetzner_server(m) for m in found],
                         "meta": {"pagination": {"page": number, "last_page": last}}}
        if parts[0] == "actions":
            return 200, {"action": self.hetzner_action(int(parts[1]))}
        machine = self.machine(parts[1])
        if method == "POST":
            name = parts[3]
            if name == "attach_iso":
                machine.iso = body["iso"]
            elif name == "detach_iso":
                machine.iso = None
            else:
                machine.press({"poweron": "on", "poweroff": "off", "reset": "reset", "shutdown": "soft"}[name])
            number = self.next_number()
            self.actions[number] = (machine, self.failing_action)
            self.failing_action = ""
            return 201, {"action": {"id": number, "command": name, "status": "running", "progress": 0, "error": None}}
        return 200, {"server": self.hetzner_server(machine)}

    def hetzner_action(self, number):
        machine, failure = self.actions[number]
        if failure:
            return {"id": number, "status": "error", "error": {"code": "action_failed", "message": failure}}
        status = "running" if machine.phase.startswith("going") else "success"
        return {"id": number, "status": status, "error": None}

    @staticmethod
    def hetzner_server(machine):
        return {"id": int(machine.id), "name": machine.name, "status": machine.word, "labels": {"role": "web"},
                "server_type": {"id": 1, "name": "cpx11"}, "datacenter": {"id": 1, "name": "fsn1-dc8"}}

    def refusal(self, trouble):
        if self.provider == "hetzner-cloud":
            code = "locked" if trouble.status == 423 else "refused"
            return {"error": {"code": code, "message": trouble.text}}
        if self.provider == "scaleway" and trouble.status == 409:
            return {"type": "transient_state", "message": trouble.text}
        if self.provider == "latitude":
            return {"errors": [{"status": str(trouble.status), "detail": trouble.text}]}
        if self.provider == "equinix":
            return {"errors": [trouble.text]} if trouble.status == 422 else {"error": trouble.text}
        return {"message": trouble.text}


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.open = set()

    def process_request(self, request, address):
        self.cloud.connections += 1
        self.open.add(request)
        super().process_request(request, address)

    def shutdown_request(self, request):
        self.open.discard(request)
        super().shutdown_request(request)

    def cut_all(self):
        for request in list(self.open):
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def handle_error(self, request, address):
        pass  # clients that hang up are part of the tests


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def handle_any(self):
        cloud = self.server.cloud
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        fault = cloud.fault(self.command, url.path) if callable(cloud.fault) else cloud.fault
        if self.disturb(fault, cloud, raw):
            return
        is_form = "form" in (self.headers.get("Content-Type") or "")
        try:
            body = raw if is_form else json.loads(raw) if raw else None
            if is_form and url.path != "/oauth/token":
                body = dict(urllib.parse.parse_qsl(raw))
            status, reply = cloud.answer(self.command, url.path, query, body, self.headers)
            headers = {}
        except Refused as trouble:
            status, reply, headers = trouble.status, cloud.refusal(trouble), trouble.headers
        except (KeyError, ValueError, IndexError, TypeError) as trouble:
            status, reply, headers = 400, {"message": f"bad request: {trouble!r}"}, {}
        self.reply(status, None if reply is None else json.dumps(reply), headers, raw)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def reply(self, status, text, headers, raw=""):
        data = (text or "").encode()
        self.server.cloud.note((time.time(), self.command, self.path, status, raw, text))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def disturb(self, fault, cloud, raw):
        """The ordered trouble; true when it took the place of an answer."""
        if not fault:
            return False
        cloud.note((time.time(), self.command, self.path, fault, raw, None))
        if fault in ("hang", "slow"):
            end = time.monotonic() + (3600 if fault == "hang" else cloud.slow_seconds)
            while time.monotonic() < end and cloud.fault is not None:
                time.sleep(0.05)
            if fault == "slow":
                return False
            self.close_connection = True
        elif fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif fault == "garbage":
            self.reply(200, "<html>not the API</html>", {})
        elif fault == "huge":
            self.reply(200, '{"id":"' + "x" * (40 << 20) + '"}', {})
        else:
            self.reply(int(fault), json.dumps(cloud.refusal(Refused(int(fault), "ordered"))), {})
        return True
