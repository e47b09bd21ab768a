"""freeipmi's tools, as MAAS, powerman, Slurm and the Prometheus exporter run them: no -W anywhere."""

from checks import OPERATOR, USER, Check, Node, Sequence

AUTH = "-h {host} -u {user} -p {password} -D LAN_2_0"
ADMIN = f"{AUTH} -l ADMIN"
MAAS = "-W opensesspriv --driver-type LAN_2_0 -h {host} -u {user} -p {password} -I 3 -l OPERATOR"


def stat(auth, state, **how):
    return Check(f"ipmipower {auth} --stat", f"^\\S+: {state}$", within=20, **how)


# Of this run: what an earlier one saw at the same address is not what is there now.
CACHE = "--sdr-cache-directory={scratch}"


def tools(auth):
    """One pass over every tool with one way to log in."""
    return (
        Check(f"ipmipower {auth} --on", "^\\S+: ok$"),
        stat(auth, "on"),
        Check(f"ipmi-chassis {auth} --get-chassis-status", (r"^System Power +: on$", r"^Power fault +: false$")),
        Check(f"ipmi-chassis {auth} --get-chassis-capabilities", r"^FRU Info Device Address"),
        Check(f"ipmi-chassis {auth} --get-system-restart-cause", "Restart cause"),
        Check(f"ipmi-chassis {auth} --get-power-on-hours-counter", r"\d+ Hours|Power on Hours", never="error|invalid"),
        Check(f"ipmi-chassis {auth} --chassis-identify=5"),
        Check(f"ipmi-chassis {auth} --chassis-identify=turn-off"),
        Check(f"bmc-info {auth}", (r"^IPMI Version +: 2\.0$", r"^System GUID : [0-9a-f-]{36}$", r"^Chassis Device +: supported$", r"802\.3 LAN")),
        Check(f"bmc-info {auth} --get-device-guid", r"^[0-9a-f-]{36}$"),
        Check(f"bmc-device {auth} --get-self-test-results", "^Self Test Result +: No Error"),
        Check(f"bmc-device {auth} --get-acpi-power-state", "System Power State"),
        Check(f"bmc-device {auth} --get-lan-statistics", "IP"),
        Check(f"bmc-device {auth} --get-sel-time", r"SEL Time"),
        Check(f"bmc-device {auth} --get-sdr-repository-time", "SDR Repository Time"),
        Check(f"bmc-device {auth} --get-sel-time-utc-offset"),
        Check(f"bmc-device {auth} --get-bmc-global-enables", never="(?i)invalid"),
        Check(f"bmc-device {auth} --set-system-name=rack8", never="(?i)invalid|error"),
        Check(f"ipmi-sel {CACHE} {auth} --info", (r"^SEL version +: 1\.5$", r"^Number of log entries +: [1-9]")),
        Check(f"ipmi-sel {CACHE} {auth}", (r"^ID +\| Date", r"^\d+ +\|")),
        Check(f"ipmi-sel {CACHE} {auth} --clear"),
        Check(f"ipmi-sensors {CACHE} {auth}", (r"^ID +\| Name", r"^\d+ +\|")),
        Check(f"ipmi-sensors {CACHE} {auth} -v", never="(?i)error"),
        Check(f"ipmi-sensors {CACHE} {auth} --sdr-cache-recreate", r"^\d+ +\|"),
        Check(f"ipmi-fru {CACHE} {auth}", (r"FRU Inventory Device", "(?i)serial number")),
        Check(f"ipmi-dcmi {auth} --get-dcmi-capability-info", "(?i)DCMI Specification"),
        Check(f"ipmi-dcmi {auth} --get-system-power-statistics", r"Current Power +: \d+ [Ww]atts"),
        Check(f"ipmi-dcmi {auth} --set-asset-tag=rack-8"),
        Check(f"ipmi-dcmi {auth} --get-asset-tag", "rack-8"),
        Check(f"ipmi-dcmi {auth} --get-management-controller-identifier-string"),
        Check(f"ipmi-dcmi {auth} --get-dcmi-sensor-info"),
        Check(f"ipmi-raw {auth} 0 6 1", r"^rcvd: 01 00 (?:[0-9A-F]{2} ){12}"),
        Check(f"ipmi-raw {auth} 0 2e 1", r"^rcvd: 01 C1 *$"),
        Check(f"ipmi-chassis-config {auth} --checkout", (r"Boot_Device", r"Power_Restore_Policy +\S+")),
        # 1: parts are not there (no BMC has a serial channel on a LAN); what matters is what it printed.
        Check(
            f"ipmi-config {auth} --checkout --category=core",
            (r"Username +admin", r"Lan_Privilege_Limit +Administrator", r"IP_Address +\S+"),
            never="session timeout|internal IPMI error",
            code=(0, 1),
            limit=60,
        ),
        Check(f"ipmi-config {auth} --checkout --category=core -S Lan_Conf", r"MAC_Address +\S+"),
        Check(f"ipmi-config {auth} --checkout --category=sensors", never="(?i)error", limit=60),
        Check(f"ipmi-config {auth} --checkout --category=pef", never="session timeout|internal IPMI error", code=(0, 1), limit=60),
        Check(f"ipmi-config {auth} --checkout --category=dcmi", r"Asset_Tag +rack-8", code=(0, 1)),
        Check(f"ipmi-chassis {auth} --chassis-control=HARD-RESET"),
        stat(auth, "on"),
        Check(f"ipmipower {auth} --off", "^\\S+: ok$"),
        stat(auth, "off"),
    )


def maas_boot(auth):
    """MAAS: PXE on the next start, UEFI, by read-modify-write; every byte must read back."""
    pairs = ("Boot_Flags_Persistent=No", "BIOS_Boot_Type=EFI", "Boot_Device=PXE")
    commit = " ".join(f"-e Chassis_Boot_Flags:{pair}" for pair in pairs)
    return (
        Check(f"ipmi-chassis-config {auth} --commit {commit}", never="(?i)error|fail"),
        Check(
            f"ipmi-chassis-config {auth} --checkout -S Chassis_Boot_Flags",
            (r"Boot_Flags_Persistent +No", r"BIOS_Boot_Type +EFI", r"Boot_Device +PXE"),
        ),
    )


MAAS_POWER = (
    Check(f"ipmipower {MAAS} --cycle --on-if-off", "^\\S+: ok$"),
    stat(MAAS, "on"),
    *maas_boot(MAAS.replace("-W opensesspriv ", "")),
    Check(f"ipmipower {MAAS} --cycle --on-if-off", "^\\S+: ok$"),
    stat(MAAS, "on"),
    Check(f"ipmipower {MAAS} --soft", "^\\S+: ok$"),
    stat(MAAS, "off"),
    Check(f"ipmipower {MAAS} --off", "^\\S+: ok$"),
    stat(MAAS, "off"),
)

POWER = (
    Check(f"ipmipower {ADMIN} --on --wait-until-on", "^\\S+: (?:ok|on)$", limit=40),
    Check(f"ipmipower {ADMIN} --cycle", "^\\S+: ok$"),
    stat(ADMIN, "on"),
    Check(f"ipmipower {ADMIN} --reset", "^\\S+: ok$"),
    Check(f"ipmipower {ADMIN} --pulse", "^\\S+: ok$"),
    stat(ADMIN, "on"),
    Check(f"ipmipower {ADMIN} --off --wait-until-off", "^\\S+: (?:ok|off)$", limit=40),
    stat(ADMIN, "off"),
)

LOGINS = (
    stat(f"{AUTH} -l OPERATOR", "off"),
    stat(f"{AUTH} -l USER", "off"),
    stat(f"{AUTH} -l OPERATOR", "off", login=OPERATOR),
    stat(f"{AUTH} -l USER", "off", login=USER),
    stat(f"{ADMIN} -I 17", "off"),
    stat(f"{ADMIN} -I 3", "off"),
    Check(f"ipmipower {ADMIN} -I 8 --stat", "cipher suite id unavailable", code=(0, 1)),
    Check(f"ipmipower {ADMIN} --stat", "privilege level cannot be obtained for this user", login=OPERATOR, code=(0, 1)),
    Check(f"ipmipower {AUTH} -l OPERATOR --stat", "privilege level cannot be obtained", login=USER, code=(0, 1)),
    Check("ipmipower -h {host} -u {user} -p wrong -D LAN_2_0 -l ADMIN --stat", "password invalid", code=(0, 1)),
    Check("ipmipower -h {host} -u {user} -p wrong -D LAN_2_0 -l ADMIN -I 17 --stat", "password invalid", code=(0, 1)),
    Check("ipmipower -h {host} -u nobody -p {password} -D LAN_2_0 -l ADMIN --stat", "username invalid", code=(0, 1)),
    Check("ipmi-chassis -h {host} -u {user} -p wrong -D LAN_2_0 -l ADMIN --get-chassis-status", "password invalid", code=1),
    Check("ipmi-chassis -h {host} -u nobody -p wrong -D LAN_2_0 -l ADMIN --get-chassis-status", "username invalid", code=1),
    Check(f"ipmipower {ADMIN} -k 0x1122 --stat", "k_g invalid", code=(0, 1)),
    Check(f"bmc-device {AUTH} -l OPERATOR --cold-reset", "(?i)privilege|insufficient", code=1, login=OPERATOR),
)

KG = (
    stat(f"{ADMIN} -k 0x{{kg}}", "off"),
    stat(f"{ADMIN} -k 0x{{kg}} -I 17", "off"),
    Check(f"ipmipower {ADMIN} --stat", "k_g invalid", code=(0, 1)),
    Check(f"ipmipower {ADMIN} -k 0x1122334455 --stat", "k_g invalid", code=(0, 1)),
)

LAN15 = (
    Check("ipmipower -h {host} -u {user} -p {password} -D LAN -l ADMIN --stat", "^\\S+: off$"),
    Check("ipmipower -h {host} -u {user} -p {password} -D LAN -l ADMIN -a MD5 --on", "^\\S+: ok$"),
    Check("ipmipower -h {host} -u {user} -p {password} -D LAN -l ADMIN -a STRAIGHT_PASSWORD_KEY --stat", ": on$", within=20),
    Check("bmc-info -h {host} -u {user} -p {password} -D LAN -l ADMIN", r"IPMI Version +: 2\.0"),
    Check(f"ipmi-sel {CACHE} -h {{host}} -u {{user}} -p {{password}} -D LAN -l ADMIN", r"^ID +\|"),
    Check("ipmipower -h {host} -u {user} -p wrong -D LAN -l ADMIN --stat", "password (?:invalid|verification timeout)", code=(0, 1), limit=40),
    Check("ipmipower -h {host} -u nobody -p wrong -D LAN -l ADMIN --stat", "username invalid", code=(0, 1)),
)

SUITE_BY_SUITE = tuple(stat(f"{ADMIN} -I {suite}", "off") for suite in (1, 2, 3, 6, 7, 8, 11, 12, 15, 16, 17))

PINGS = (
    Check("ipmiping -c 3 {ip}", (r"3 responses received in time, 0\.0% packet loss",)),
    Check("ipmiping -r 2.0 -v -c 2 {ip}", "0.0% packet loss"),
    Check("rmcpping -c 3 {ip}", r"3 pongs received in time, 0\.0% packet loss"),
)

SOL = "-h {host} -u {user} -p {password} -l ADMIN"

CONSOLE = (
    Check(f"ipmipower {ADMIN} --on", ": ok"),
    stat(ADMIN, "on"),
    *(
        Check(
            f"ipmiconsole {SOL} {suite}",
            terminal=(
                (r"\[SOL established\]", "\r"),
                ("# ", "echo vbmc-$((40+2))\r"),
                ("vbmc-42", "&."),
                (r"\[closing the connection\]", ""),
            ),
        )
        for suite in ("", "-I 17")
    ),
    Check(f"ipmiconsole {SOL} --deactivate", code=(0, 1)),
)

SEQUENCES = (
    Sequence("freeipmi", Node("fi-all", "127.0.21.1", 623), tools(ADMIN)),
    Sequence("freeipmi -I 17", Node("fi-all17", "127.0.21.2", 16230), tools(ADMIN + " -I 17")),
    Sequence("freeipmi ipv6", Node("fi-all6", "::1", 16231), tools(ADMIN)[:24]),
    Sequence("ipmipower", Node("fi-power", "127.0.21.3", 623), POWER),
    Sequence("maas", Node("fi-maas", "127.0.21.4", 623), MAAS_POWER, login=OPERATOR),
    Sequence("maas, ADMIN", Node("fi-maas-admin", "127.0.21.5", 16232), maas_boot(ADMIN)),
    Sequence("freeipmi log-ins", Node("fi-logins", "127.0.21.6", 623), LOGINS),
    Sequence("freeipmi K_g", Node("fi-kg", "127.0.21.7", 623, kg=bytes(range(0x80, 0x94))), KG),
    Sequence(
        "freeipmi suites",
        Node("fi-suites", "127.0.21.11", 623, suites=(17, 3, 1, 2, 6, 7, 8, 11, 12, 15, 16)),
        SUITE_BY_SUITE,
    ),
    Sequence("freeipmi 1.5", Node("fi-lan15", "127.0.21.8", 623, ipmi15=True), LAN15),
    Sequence("freeipmi ping", Node("fi-ping", "127.0.21.9", 623), PINGS),
    Sequence("ipmiconsole", Node("fi-console", "127.0.21.10", 623), CONSOLE),
)
