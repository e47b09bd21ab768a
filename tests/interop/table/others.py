"""OpenIPMI, pyghmi, pyipmi, fence agents, ipmiutil, powerman, conman, the Prometheus exporter, Ironic."""

from dataclasses import replace

from checks import OPERATOR, USER, Check, Login, Node, Sequence

# The exporter hands the password to freeipmi in a file, where a space would end it.
SCRAPER = Login("scraper", "scraper-passw0rd", "administrator")

OPENIPMI = "lan -p {port} -U {user} -P {password}"
PYGHMI = "{clients}/pyghmi_session.py {ip} {port} {user} {password}"
FENCE = "fence_ipmilan --ip={ip} --ipport={port} --username={user} --password={password} --lanplus"
UTIL = "-N {ip} -U {user} -P {password} -F lan2"

# 0f is the BMC itself, then LUN, netFn, command; the answer has netFn 7 and completion code 00.
DEVICE_ID = r"^0f 07 00 01 00 [0-9a-f]{2} "

OPENIPMICMD = (
    Check(f'openipmicmd -k "0f 00 06 01" {OPENIPMI} -A rmcp+ {{ip}}', DEVICE_ID),
    Check(
        f'openipmicmd -k "0f 00 06 01" {OPENIPMI} -A rmcp+ -Ra rakp_hmac_sha1 -Ri hmac_sha1 -Rc aes_cbc_128 {{ip}}',
        DEVICE_ID,
    ),
    Check(f'openipmicmd -k "0f 00 06 01" {OPENIPMI} -A rmcp+ -Rl {{ip}}', DEVICE_ID),
    Check(
        f'openipmicmd -k "0f 00 06 01" lan -p {{port}} -U {{user}} -P wrong -A rmcp+ {{ip}}',
        "Unable to setup connection",
        code=1,
    ),
    Check("rmcp_ping -p {port} -t 2 {ip}", "IPMI"),
)

# IPv6, and the levels that are not the administrator's.
OPENIPMI_LEVELS = (
    Check(f'openipmicmd -k "0f 00 06 01" {OPENIPMI} -A rmcp+ {{ip}}', DEVICE_ID),
    Check(f'openipmicmd -k "0f 00 06 01" {OPENIPMI} -L operator -A rmcp+ {{ip}}', DEVICE_ID, login=OPERATOR),
    Check(f'openipmicmd -k "0f 00 00 01" {OPENIPMI} -L user -A rmcp+ {{ip}}', r"^0f 01 00 01 00 ", within=5, login=USER),
    Check(f'openipmicmd -k "0f 00 00 02 01" {OPENIPMI} -L user -A rmcp+ {{ip}}', r"^0f 01 00 02 d4", login=USER),
    Check(
        f'openipmicmd -k "0f 00 06 01" {OPENIPMI} -L operator -A rmcp+ {{ip}}',
        "Unable to setup connection",
        code=1,
        login=USER,
    ),
)

KG = b"K_g of twenty bytes."  # openipmicmd takes it as text only
BMC_KEY = tuple(
    Check(f'openipmicmd -k "0f 00 06 01" {OPENIPMI} -A rmcp+ {key} {{ip}}', out, code=code)
    for key, out, code in (
        ("-Rk 'K_g of twenty bytes.'", DEVICE_ID, 0),
        ("-Rk 'another of 20 bytes.'", "Unable to setup connection", 1),
        ("", "Unable to setup connection", 1),
    )
) + (
    Check(f"{PYGHMI.replace('.py', '.py --kg {kg}')} power", "^power: ", within=15, limit=120),
    Check(f"{PYGHMI} power", r"refused: .*wrong Kg", code=1, limit=120),
)

BMCPICK = (
    Check(f'openipmicmd -k "0f 00 06 01" {OPENIPMI} -A rmcp+ -Ra bmcpick -Ri bmcpick -Rc bmcpick {{ip}}', DEVICE_ID),
)

# Suites 7, 8 and 12 are not in its table: with HMAC-MD5 it repeats the constants of K1 and K2 16 times, where
# ipmitool, freeipmi and IPMI 2.0 section 13.32 have 20 bytes, and keys the integrity code with the SIK.
OPENIPMI_SUITES = tuple(
    Check(
        f'openipmicmd -k "0f 00 06 01" {OPENIPMI} -A rmcp+ -Ra rakp_hmac_{auth} -Ri {integrity} -Rc {secrecy} {{ip}}',
        DEVICE_ID,
        title=f"suite {suite}",
    )
    for suite, auth, integrity, secrecy in (
        (1, "sha1", "none", "none"),
        (2, "sha1", "hmac_sha1", "none"),
        (3, "sha1", "hmac_sha1", "aes_cbc_128"),
        (6, "md5", "none", "none"),
        (11, "md5", "md5", "none"),
    )
)

PYGHMI_CHECKS = (
    Check(f"{PYGHMI} power", "^power: off$", within=15),
    Check(f"{PYGHMI} set-power on", "'powerstate': 'on'"),
    Check(f"{PYGHMI} power", "^power: on$"),
    Check(f"{PYGHMI} bootdev", "'bootdev': 'default'"),
    Check(f"{PYGHMI} set-bootdev network", "'bootdev': 'network'"),
    Check(f"{PYGHMI} bootdev", ("'bootdev': 'network'", "'uefimode': True")),
    Check(f"{PYGHMI} set-bootdev-persist hd"),
    Check(f"{PYGHMI} bootdev", ("'bootdev': 'hd'", "'persistent': True")),
    Check(f"{PYGHMI} raw 1", "'code': 0"),
    Check(f"{PYGHMI} users", r"\(2, 'admin'\)"),
    Check(f"{PYGHMI} sensors", r"\('"),
    Check(f"{PYGHMI} health", "^health: "),
    Check(f"{PYGHMI} inventory", "Serial"),
    Check(f"{PYGHMI} firmware"),
    Check(f"{PYGHMI} net", "'ipv4_address': '127"),
    Check(f"{PYGHMI} sel", "timestamp"),
    Check(f"{PYGHMI} clear-sel"),
    Check(f"{PYGHMI} identify"),
    Check(f"{PYGHMI} set-mci rack9"),
    Check(f"{PYGHMI} mci", "rack9"),
    Check(f"{PYGHMI} diagnose"),
    Check(f"{PYGHMI} set-power boot"),
    Check(f"{PYGHMI} set-power shutdown", "'powerstate': 'off'", limit=60),
    Check(f"{PYGHMI} set-power off", "'powerstate': 'off'"),
    Check(f"{PYGHMI} power", "^power: off$", login=OPERATOR),
    Check(f"{PYGHMI.replace('.py', '.py --level 2')} power", "^power: off$", login=USER),
    Check(f"{PYGHMI.replace('.py', '.py --level 2')} set-power on", "refused: Insufficient privilege", code=1, login=USER),
    Check("{clients}/pyghmi_session.py {ip} {port} {user} wrong power", "Incorrect password", code=1),
    Check("{clients}/pyghmi_session.py {ip} {port} nobody wrong power", "refused: ", code=1, slowest=15),
    Check(f"{PYGHMI} reset-bmc", code=(0, 1)),
    Check(f"{PYGHMI} power", "^power: off$", within=15),
)

# On a busy machine pyghmi misses its own wake-ups and sleeps up to a second over an answer that is there.
PYGHMI_CHECKS = tuple(replace(check, limit=120) for check in PYGHMI_CHECKS)

PYIPMI = (
    Check(
        "{clients}/pyipmi_session.py {ip} {port} {user} {password}",
        ("^device: ", "^power: True", r"^sdr: [1-9]", "^lan: 7f"),
    ),
    Check("{clients}/pyipmi_session.py {ip} {port} {user} wrong", never="^device", code=1, limit=40),
    Check("ipmitool.py -I rmcp -H {ip} -p {port} -U {user} -P {password} bmc info", "IPMI Version: +2.0"),
    Check("ipmitool.py -I rmcp -H {ip} -p {port} -U {user} -P {password} chassis status", "Power ON: +True"),
    Check("ipmitool.py -I rmcp -H {ip} -p {port} -U {user} -P {password} sdr list", r"\S"),
    Check("ipmitool.py -I rmcp -H {ip} -p {port} -U {user} -P {password} sel list"),
)


def fence(options, login=None):
    how = {"login": login} if login else {}
    return (
        Check(f"{FENCE} {options} --action=monitor", **how),
        Check(f"{FENCE} {options} --action=off", "Success: Powered OFF|Already OFF", limit=60, **how),
        Check(f"{FENCE} {options} --action=status", "Status: OFF", code=2, **how),
        Check(f"{FENCE} {options} --action=on", "Success: Powered ON|Already ON", limit=60, **how),
        Check(f"{FENCE} {options} --action=status", "Status: ON", **how),
        Check(f"{FENCE} {options} --action=reboot", "Success: Rebooted", limit=60, **how),
        Check(f"{FENCE} {options} --action=reboot --method=cycle", "Success: Rebooted", limit=60, **how),
        Check(f"{FENCE} {options} --action=diag", limit=60, **how),
        Check(f"{FENCE} {options} --action=status", "Status: ON", within=10, **how),
    )


FENCE_BAD = (
    Check(
        "fence_ipmilan --ip={ip} --ipport={port} --username={user} --password=wrong --lanplus --action=status",
        "(?i)unable to connect|failed",
        code=1,
        limit=60,
    ),
)
FENCE_15 = tuple(
    Check(
        "fence_ipmilan --ip={ip} --ipport={port} --username={user} --password={password} --action=" + action,
        out,
        code=code,
        limit=60,
    )
    for action, out, code in (("on", "ON", 0), ("status", "Status: ON", 0), ("off", "OFF", 0), ("status", "Status: OFF", 2))
)

IPMIUTIL = (
    Check(f"ipmiutil power {UTIL} -u", "(?i)power up|completed"),
    Check(f"ipmiutil health {UTIL}", (r"BMC version +=", "(?i)power on|power state|Power State")),
    Check(f"ipmiutil sensor {UTIL}", "(?i)SDR"),
    Check(f"ipmiutil sel {UTIL}", "(?i)SEL"),
    Check(f"ipmiutil fru {UTIL}", "(?i)product"),
    Check(f"ipmiutil wdt {UTIL}", "(?i)watchdog"),
    Check(f"ipmiutil lan {UTIL} -r", "(?i)lan"),
    Check(f"ipmiutil cmd {UTIL} 00 20 18 01", "(?i)respData|completion code|resp"),
    Check(f"ipmiutil power {UTIL} -d", "(?i)power down|completed"),
    Check("ipmiutil health -N {ip} -U {user} -P wrong -F lan2", never="BMC version +=", code=tuple(range(1, 256)), limit=60),
)

# Ironic's driver as its conductor runs it, in its order of commands and with its own retries.
IRONIC = (
    Check(
        "{clients}/ironic_session.py {ip} {port} {user} {password}",
        (
            r"^vendor: unknown \(",
            r"^power state: power off \(",
            r"^on: power on, seen power on \(",
            r"^boot once, UEFI: \{'boot_device': 'pxe', 'persistent': False\}",
            r"^boot always, UEFI: \{'boot_device': 'disk', 'persistent': True\}",
            r"^reboot: power on, seen power on \(",
            r"^boot once, BIOS: \{'boot_device': 'cdrom', 'persistent': False\}",
            r"^boot always, BIOS: \{'boot_device': 'pxe', 'persistent': True\}",
            r"^sensors: \{.*'Temperature': [1-9]",
            r"^NMI: None \(",
            r"^raw: None \(",
            r"^soft off: power off, seen power off \(",
            r"^on again: power on, seen power on \(",
            r"^off: power off, seen power off \(",
        ),
        limit=240,
        title="a node's life under Ironic's ipmi driver",
    ),
)

SEQUENCES = (
    # First: it takes longest, for Ironic waits between two commands to one address.
    Sequence("ironic's driver", Node("ironic", "127.0.22.15", 623), IRONIC, login=OPERATOR),
    Sequence("openipmicmd", Node("oi-cmd", "127.0.22.1", 623), OPENIPMICMD),
    Sequence("openipmicmd, port", Node("oi-port", "127.0.22.2", 16230), OPENIPMICMD),
    Sequence("openipmicmd ipv6", Node("oi-6", "::1", 16237), OPENIPMI_LEVELS),
    Sequence("K_g of others", Node("oi-kg", "127.0.22.17", 623, kg=KG), BMC_KEY),
    # It knows no SHA-256: a BMC that is asked to pick has to pick suite 3 for it.
    Sequence("openipmicmd bmcpick", Node("oi-pick", "127.0.22.14", 623), BMCPICK),
    Sequence("openipmicmd suites", Node("oi-suites", "127.0.22.16", 623, suites=(17, 3, 1, 2, 6, 11)), OPENIPMI_SUITES),
    Sequence(
        "openipmish",
        Node("oi-sh", "127.0.22.3", 623),
        (
            Check(
                "{clients}/openipmish_session.py {ip} {port} {user} {password}",
                ("Domain fully up", r"^    Name: n1\(0\.20\)$"),
                limit=60,
            ),
        ),
        login=OPERATOR,
    ),
    Sequence("pyghmi", Node("py-ghmi", "127.0.22.4", 623), PYGHMI_CHECKS),
    Sequence("pyghmi ipv6", Node("py-ghmi6", "::1", 16235), PYGHMI_CHECKS[:13]),
    Sequence("pyipmi (1.5)", Node("py-ipmi", "127.0.22.5", 623, ipmi15=True), PYIPMI),
    Sequence("fence_ipmilan", Node("fence", "127.0.22.6", 623), fence("")),
    Sequence("fence_ipmilan operator", Node("fence-op", "127.0.22.7", 16236), fence("--privlvl=operator", OPERATOR) + FENCE_BAD),
    Sequence("fence_ipmilan -C 17", Node("fence-17", "127.0.22.8", 623), fence("--cipher=17")),
    Sequence("fence_ipmilan ipv6", Node("fence-6", "::1", 16238), fence("")[:5]),
    Sequence("fence_ipmilan (1.5)", Node("fence-15", "127.0.22.9", 623, ipmi15=True), FENCE_15),
    Sequence("ipmiutil", Node("ipmiutil", "127.0.22.10", 623), IPMIUTIL),
    Sequence(
        "powerman",
        Node("powerman", "127.0.22.11", 623),
        (
            Check(
                "{clients}/powerman_session.py {host} {ip} {user} {password}",
                (r"^-1 n1: Command completed successfully", r"^-Q n1: on: n1", r"^-Q n1: on: off: n1"),
                limit=90,
            ),
        ),
        login=OPERATOR,
    ),
    Sequence(
        "conman",
        Node("conman", "127.0.22.12", 623),
        (
            Check("ipmitool -I lanplus -H {ip} -p {port} -U {user} -f {pwfile} -L OPERATOR power on", "Up/On"),
            Check("{clients}/conman_session.py {host} {user} {password}", "vbmc-42", limit=60),
        ),
        login=OPERATOR,
    ),
    Sequence(
        "ipmi_exporter",
        Node("exporter", "127.0.22.13", 623, logins=(SCRAPER,)),
        (
            Check(
                "{clients}/exporter_session.py {host} {user} {password}",
                (
                    r'^ipmi_up\{collector="bmc"\} 1',
                    r'^ipmi_up\{collector="ipmi"\} 1',
                    r'^ipmi_up\{collector="chassis"\} 1',
                    r'^ipmi_up\{collector="dcmi"\} 1',
                    r'^ipmi_up\{collector="sel"\} 1',
                    r"^ipmi_chassis_power_state [01]",
                    r"^ipmi_bmc_info\{",
                ),
                limit=90,
            ),
        ),
        login=SCRAPER,
    ),
)
