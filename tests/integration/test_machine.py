"""What belongs to a node: power, boot, users, secrets, sensors, SEL, sessions, backends."""

import subprocess
import time

from api import fails, module

power = module("power")
users = module("users")
sel = module("sel")
sensors = module("sensors")
sessions = module("sessions")
backends = module("backends")


def get_power(api, name):
    return power.PowerState.Name(api.power.GetPower(power.GetPowerRequest(node=name)).state)


def set_power(api, name, action):
    number = power.PowerAction.Value(f"POWER_ACTION_{action}")
    return api.power.SetPower(power.SetPowerRequest(node=name, action=number))


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def secrets_of(api, name):
    return api.users.GetNodeSecrets(users.GetNodeSecretsRequest(node=name))


def test_power_on_and_off(api, name):
    api.create(name, options={"speed": "50"})
    assert get_power(api, name) == "POWER_STATE_OFF"
    set_power(api, name, "ON")
    until(lambda: get_power(api, name) == "POWER_STATE_ON")
    set_power(api, name, "CYCLE")
    until(lambda: get_power(api, name) == "POWER_STATE_ON")
    set_power(api, name, "OFF")
    until(lambda: get_power(api, name) == "POWER_STATE_OFF")
    until(lambda: api.get(name).status.power == power.POWER_STATE_OFF)


def test_power_actions_can_be_wrong(api, name):
    api.create(name)
    with fails("INVALID_ARGUMENT", None, "action"):
        api.power.SetPower(power.SetPowerRequest(node=name))
    with fails("INVALID_ARGUMENT", None, "action"):
        api.power.SetPower(power.SetPowerRequest(node=name, action=77))
    with fails("FAILED_PRECONDITION"):
        set_power(api, name, "RESET")  # it is off


def test_a_backend_that_fails(api, name):
    api.create(name, options={"fail": "power"})
    with fails("UNAVAILABLE") as seen:
        set_power(api, name, "ON")
    assert seen.failure.retry is not None
    assert seen.failure.metadata["node"] == name


def test_boot_device(api, name):
    api.create(name)
    boot = power.Boot(device=power.BOOT_DEVICE_PXE, efi=True)
    answer = api.power.SetBoot(power.SetBootRequest(node=name, boot=boot))
    assert answer.boot == boot
    until(lambda: api.get(name).status.boot == boot)
    with fails("INVALID_ARGUMENT", None, "boot.device"):
        api.power.SetBoot(power.SetBootRequest(node=name, boot=power.Boot(device=12)))


def test_users(api, name):
    api.create(name)

    def listed():
        return {u.name: u for u in api.users.ListUsers(users.ListUsersRequest(node=name)).users}

    assert list(listed()) == ["admin"]
    added = api.users.SetUser(
        users.SetUserRequest(
            node=name, user=users.User(name="ops", password=b"a password", privilege=3, enabled=True)
        )
    )
    assert added.user.id == 3 and added.user.password == b"" and added.warnings
    changed = api.users.SetUser(
        users.SetUserRequest(node=name, user=users.User(name="ops", enabled=False))
    )
    assert changed.user.privilege == 3 and not changed.user.enabled
    assert [u.password for u in secrets_of(api, name).users if u.name == "ops"] == [b"a password"]
    renamed = api.users.SetUser(users.SetUserRequest(node=name, user=users.User(id=3, name="new")))
    assert renamed.user.name == "new" and "ops" not in listed()
    api.users.RemoveUser(users.RemoveUserRequest(node=name, user="new"))
    assert list(listed()) == ["admin"]


def test_users_can_be_wrong(api, name):
    api.create(name)

    def set_user(**fields):
        api.users.SetUser(users.SetUserRequest(node=name, user=users.User(**fields)))

    for field, given in [
        ("user.id", {"id": 1, "name": "x", "password": b"y" * 12}),
        ("user.id", {"id": 17, "name": "x", "password": b"y" * 12}),
        ("user.name", {"password": b"y" * 12}),
        ("user.name", {"name": "x" * 17, "password": b"y" * 12}),
        ("user.password", {"name": "x", "password": b"y" * 21}),
        ("user.password", {"name": "new-without"}),
        ("user.privilege", {"name": "x", "password": b"y" * 12, "privilege": 9}),
    ]:
        with fails("INVALID_ARGUMENT", None, field):
            set_user(**given)
    with fails("NOT_FOUND", "USER_NOT_FOUND"):
        api.users.RemoveUser(users.RemoveUserRequest(node=name, user="nobody"))
    set_user(name="second", password=b"y" * 12)
    with fails("ALREADY_EXISTS", "USER_EXISTS"):
        set_user(id=3, name="admin")


def test_secrets_and_kg(api, name):
    created = api.create(name)
    secrets = secrets_of(api, name)
    assert [(u.name, u.password.decode()) for u in secrets.users] == [
        ("admin", created.generated_password)
    ]
    assert secrets.kg == b""
    kg = bytes(range(1, 21))
    api.users.SetKg(users.SetKgRequest(node=name, kg=kg))
    assert secrets_of(api, name).kg == kg
    api.users.SetKg(users.SetKgRequest(node=name))
    assert secrets_of(api, name).kg == b""
    with fails("INVALID_ARGUMENT", None, "kg"):
        api.users.SetKg(users.SetKgRequest(node=name, kg=b"x" * 21))


def test_no_secret_in_lists_logs_and_events(api, daemon, name):
    created = api.create(name)
    api.users.SetUser(
        users.SetUserRequest(node=name, user=users.User(name="ops", password=b"very-secret-word"))
    )
    secrets_of(api, name)
    events = api.events.ListEvents(module("events").ListEventsRequest())
    for text in (str(api.list()), str(events), daemon.log_text()):
        assert "very-secret-word" not in text
        assert created.generated_password not in text
    read = [e for e in events.events if e.node == name and "secret" in e.message]
    assert read and read[-1].who.startswith("uid:")


def test_sensors(api, name):
    api.create(name, options={"initial-power": "on"})
    until(lambda: api.sensors.ListSensors(sensors.ListSensorsRequest(node=name)).sensors)
    listed = api.sensors.ListSensors(sensors.ListSensorsRequest(node=name)).sensors
    assert len({sensor.number for sensor in listed}) == len(listed)
    assert all(sensor.name and sensor.type for sensor in listed)
    analog = [sensor for sensor in listed if sensor.HasField("value")]
    assert analog and all(sensor.unit for sensor in analog)


def test_sel(api, name):
    api.create(name, options={"speed": "50"})
    set_power(api, name, "ON")
    until(lambda: api.sel.ListSel(sel.ListSelRequest(node=name)).entries)
    log = api.sel.ListSel(sel.ListSelRequest(node=name))
    assert log.capacity >= 512
    assert all(len(entry.raw) == 16 and entry.event for entry in log.entries)
    assert [entry.id for entry in log.entries] == sorted(entry.id for entry in log.entries)
    before = len(log.entries)
    api.sel.ClearSel(sel.ClearSelRequest(node=name))
    assert len(api.sel.ListSel(sel.ListSelRequest(node=name)).entries) <= min(before, 1)


def test_sessions(api, name):
    created = api.create(name)
    node = created.node
    client = subprocess.Popen(
        ["ipmitool", "-I", "lanplus", "-H", node.endpoint.address, "-p", str(node.endpoint.port)]
        + ["-U", "admin", "-P", created.generated_password, "-C", "17", "shell"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        client.stdin.write(b"mc guid\n")
        client.stdin.flush()
        request = sessions.ListSessionsRequest(node=name)
        until(lambda: api.sessions.ListSessions(request).sessions)
        [session] = api.sessions.ListSessions(request).sessions
        assert session.user == "admin"
        assert session.privilege == users.PRIVILEGE_ADMINISTRATOR
        assert session.cipher_suite == 17
        assert session.peer.startswith("127.")
        with fails("NOT_FOUND", "SESSION_NOT_FOUND"):
            api.sessions.CloseSession(sessions.CloseSessionRequest(node=name, id=session.id ^ 1))
        api.sessions.CloseSession(sessions.CloseSessionRequest(node=name, id=session.id))
        until(lambda: not api.sessions.ListSessions(request).sessions)
    finally:
        client.kill()
        client.wait()


def test_backends(api):
    kinds = {kind.name: kind for kind in api.backends.ListKinds(backends.ListKindsRequest()).kinds}
    assert "sim" in kinds
    options = {option.name: option for option in kinds["sim"].options}
    assert options["initial-power"].type == backends.BackendOption.TEXT
    assert list(options["initial-power"].choices) == ["off", "on"]
    assert all(option.help for option in options.values())

    def test(kind, **options):
        request = backends.TestBackendRequest(kind=kind)
        request.options.update({key.replace("_", "-"): value for key, value in options.items()})
        return api.backends.TestBackend(request)

    assert test("sim", initial_power="on").power == power.POWER_STATE_ON
    with fails("INVALID_ARGUMENT", "BACKEND_UNKNOWN", "kind"):
        test("simm")
    with fails("INVALID_ARGUMENT", None, "options.speed"):
        test("sim", speed="fast")
    with fails("UNAVAILABLE"):
        test("sim", fail="state")
