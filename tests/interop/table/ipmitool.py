"""ipmitool: as Ironic, fence agents, CloudStack, bmclib and people run it."""

from checks import OPERATOR, USER, Check, Node, Sequence

PREFIX = "ipmitool -I lanplus -H {ip} -p {port} -U {user} -f {pwfile}"
IRONIC = "ipmitool -I lanplus -H {ip} -L ADMINISTRATOR -p {port} -U {user} -R 1 -N 5 -f {pwfile}"
CLOUDSTACK = "ipmitool -I lanplus -R 1 -v -H {ip} -p {port} -U {user} -P {password}"
BMCLIB = "ipmitool -I lanplus -U {user} -E -N 5 -H {ip} -p {port}"
LAN15 = "ipmitool -I lan -H {ip} -p {port} -U {user} -f {pwfile}"

FAILED_LOGIN = "Unable to establish IPMI v2 / RMCP\\+ session"


def power(state, **how):
    return Check("chassis power status", exact=f"Chassis Power is {state}\n", within=20, **how)


IRONIC_DEPLOY = (
    Check("power status", exact="Chassis Power is off\n", within=20),
    Check("mc info", (r"^Manufacturer Name +: (?!.*[Ss]upermicro)\S", r"^IPMI Version +: 2\.0$")),
    Check("power on", exact="Chassis Power Control: Up/On\n"),
    Check("power status", exact="Chassis Power is on\n", within=20),
    # Boot device, UEFI: the default.
    Check("raw 0x00 0x08 0x03 0x08", exact="\n"),
    Check("raw 0x00 0x08 0x05 0xe0 0x04 0x00 0x00 0x00", exact="\n"),
    Check(
        "chassis bootparam get 5",
        ("Boot parameter data: e004000000", "Options apply to all future boots", "Force PXE", "BIOS EFI boot"),
    ),
    Check("raw 0x00 0x08 0x05 0xa0 0x08 0x00 0x00 0x00", exact="\n"),
    Check(
        "chassis bootparam get 5",
        ("Boot parameter data: a008000000", "apply to only next boot", "Force Boot from default Hard-Drive"),
    ),
    # Boot device, BIOS.
    Check("chassis bootdev pxe options=persistent", exact="Set Boot Device to pxe\n"),
    Check("chassis bootparam get 5", ("Boot parameter data: c004000000", "Options apply to all future boots")),
    Check("chassis bootdev cdrom", exact="Set Boot Device to cdrom\n"),
    Check("chassis bootparam get 5", ("Boot parameter data: 8014000000", "Force Boot from CD/DVD")),
    Check("chassis bootdev bios", exact="Set Boot Device to bios\n"),
    Check("chassis bootparam get 5", ("Boot parameter data: 8018000000", "Force Boot into BIOS Setup")),
    Check("chassis bootdev safe options=persistent", exact="Set Boot Device to safe\n"),
    Check("chassis bootparam get 5", ("Force Boot from default Hard-Drive, request Safe-Mode",)),
    Check("chassis bootdev none", exact="Set Boot Device to none\n"),
    Check("power diag", exact="Chassis Power Control: Diag\n"),
    Check("sol deactivate", code=(0, 1)),
    Check("sdr -v", (r"^ *Sensor Reading +: -?\d", r"^Sensor ID +: ")),
    Check("power off", exact="Chassis Power Control: Down/Off\n"),
    Check("power status", exact="Chassis Power is off\n", within=20),
    Check("power on", exact="Chassis Power Control: Up/On\n"),
    Check("power status", exact="Chassis Power is on\n", within=20),
    Check("power soft", exact="Chassis Power Control: Soft\n"),
    Check("power status", exact="Chassis Power is off\n", within=30),
    Check("bmc reset warm", exact="Sent warm reset command to MC\n"),
    Check("power status", exact="Chassis Power is off\n", within=20),
    Check("bmc reset cold", exact="Sent cold reset command to MC\n", code=(0, 1)),
    Check("power status", exact="Chassis Power is off\n", within=20),
)

EVERYTHING = (
    Check("power on", "Up/On"),
    power("on"),
    Check("mc info", (r"^Device Available +: yes", "SEL Device", "Chassis Device", "FRU Inventory Device")),
    Check("mc guid", (r"^System GUID +: [0-9a-f-]{36}$",)),
    Check("mc selftest", "Selftest: passed"),
    Check("mc getenables", r"System Event Logging +: enabled"),
    Check("mc watchdog get", "Watchdog Timer Is: +Stopped"),
    Check("mc watchdog off", "Shutoff successful"),
    Check("mc getsysinfo system_name"),
    Check("mc setsysinfo system_name rack7-node3"),
    Check("mc getsysinfo system_name", "rack7-node3"),
    Check("chassis status", (r"^System Power +: on$", r"^Power Restore Policy +: ", r"^Cooling/Fan Fault +: false")),
    Check("chassis poh", r"^POH Counter +: "),
    Check("chassis policy list", "Supported chassis power policy: +always-off always-on previous"),
    Check("chassis policy always-on", "Set chassis power restore policy to always-on"),
    Check("chassis status", r"^Power Restore Policy +: always-on$"),
    Check("chassis policy previous"),
    Check("chassis restart_cause", "System restart cause: "),
    Check("chassis identify 15", r"Chassis identify interval: 15 seconds"),
    Check("chassis identify 0", r"Chassis identify interval: off"),
    Check("chassis identify force", r"Chassis identify interval: indefinite"),
    Check("chassis identify 0"),
    Check("chassis selftest", "Self Test Results +: passed"),
    Check("sel info", (r"^Version +: 1\.5", r"^Entries +: [1-9]", r"'Delete'", "'Reserve'"), within=5),
    Check("sel list", "Power|power|System ACPI|Boot"),
    Check("sel elist", never="SEL has no entries"),
    Check("sel time get", r"^\d\d/\d\d/\d\d \d\d:\d\d:\d\d"),
    Check('sel time set "01/02/31 03:04:05"'),
    Check("sel time get", r"^01/02/31 03:0"),
    Check('sel time set now'),
    Check("event 1", "Temperature"),
    Check("sel list", "Temperature"),
    Check("sel get 1", r"^SEL Record ID +: 0001"),
    Check("sel delete 1", "Deleted entry 0x0001|Deleted entry"),
    Check("sel clear", "Clearing SEL"),
    Check("fru print", (r"^FRU Device Description : Builtin FRU Device \(ID 0\)", r"Product Name +: \S", r"Product Serial +: \S")),
    Check("sdr list", (r"\| (?:ok|ns|0x)",), never="erased|failed"),
    Check("sdr elist all", never="erased|failed"),
    Check("sdr elist mcloc", never="erased|failed"),
    Check("sdr info", (r"^Record Count +: [1-9]", r"^Reserve SDR repository supported +: yes")),
    Check("sdr type list", "Temperature"),
    Check('sdr type "Watchdog 2"', never="erased|failed"),
    Check("sensor list", r"^.+\|", never="erased"),
    Check("lan print 1", (r"^IP Address +: 127\.", r"^MAC Address +: (?!00:00:00:00:00:00)", r"^Cipher Suite Priv Max +: ")),
    Check("lan stats get 1", "IP Rx Packet"),
    Check("user list 1", (r"^2 +admin +\S+ +\S+ +true +ADMINISTRATOR", r"^3 +operator .*OPERATOR")),
    Check("user summary 1", (r"^Maximum IDs\s*: 16$", r"^Enabled User Count\s*: 3$")),
    Check("channel info 1", (r"^Channel 0x1 info:", r"802\.3 LAN", "multi-session")),
    Check("channel getaccess 1 2", (r"^User Name +: admin", r"^Privilege Level +: ADMINISTRATOR")),
    Check("channel getciphers ipmi 1", (r"^3 +N/A +hmac_sha1 +hmac_sha1_96 +aes_cbc_128", r"^17 ")),
    Check("session info active", (r"^privilege level +: ADMINISTRATOR", "IPMIv2/RMCP")),
    Check("sol info 1", (r"^Enabled +: true", r"^Payload Port +: \d+")),
    Check("sol set volatile-bit-rate 115.2 1", never="[Ee]rror"),
    Check("sol payload status 1 2", "User 2 on channel 1 is enabled"),
    Check("dcmi discover", "Supported DCMI capabilities|DCMI"),
    Check("dcmi power reading", r"Instantaneous power reading: +\d+ Watts"),
    Check("dcmi set_asset_tag rack-7", "rack-7"),
    Check("dcmi asset_tag", "rack-7"),
    Check("dcmi set_mc_id_string bmc-7", "bmc-7"),
    Check("dcmi get_mc_id_string", "bmc-7"),
    Check("pef info", never="[Ff]ailed"),
    Check("raw 0x06 0x01", exact=None, out=r"^ [0-9a-f ]{44}"),
    Check("raw 0x2e 0x01", "rsp=0xc1", code=1, slowest=5),
    Check("raw 0x06 0x3f", "rsp=0xc1", code=1),
    Check("raw 0x06 0x01 0x00", "rsp=0xc7", code=1),
    Check("raw 0x00 0x09 0x60 0x00 0x00", "rsp=0x80", code=1),
    Check("raw 0x0c 0x02 0x01 0xf0 0x00 0x00", "rsp=0x80", code=1),
    Check("-t 0x72 -b 0 mc info", code=1, slowest=12),
    Check("picmg addrinfo", code=(0, 1), slowest=10),
    Check("chassis power cycle", exact="Chassis Power Control: Cycle\n"),
    power("on"),
    Check("chassis power reset", exact="Chassis Power Control: Reset\n"),
    power("on"),
    Check("chassis power off"),
    power("off"),
    Check("chassis power reset", code=1, out="Set Chassis Power Control to Reset failed"),
)

USER_MANAGEMENT = (
    Check("user set name 6 tester"),
    Check("user set password 6 first-Passw0rd", "Set User Password command successful"),
    Check("user priv 6 4 1", "Set Privilege Level command successful"),
    Check("user enable 6"),
    Check("channel setaccess 1 6 callin=on ipmi=on link=on privilege=4"),
    Check("user test 6 16 first-Passw0rd", "Success"),
    Check("user test 6 16 wrong-Passw0rd", "password incorrect", code=1),
    Check("user list 1", r"^6 +tester .*ADMINISTRATOR"),
    Check("user set password 6 second-20-bytes-pw-x 20", "successful"),
    Check("user test 6 20 second-20-bytes-pw-x", "Success"),
    Check("user disable 6"),
    Check("user set name 1 root", code=1),
)

LOGINS = (
    Check("power status", "^Chassis Power is "),
    Check("-C 3 power status", "^Chassis Power is "),
    Check("-C 17 power status", "^Chassis Power is "),
    Check("-C 0 power status", FAILED_LOGIN, code=1),
    Check("-v -C 1 power status", ("no matching cipher suite", FAILED_LOGIN), code=1),
    Check("-v -C 2 power status", FAILED_LOGIN, code=1),
    Check("-v -C 8 power status", FAILED_LOGIN, code=1),
    Check("-L OPERATOR power status", "^Chassis Power is "),
    Check("-L USER power status", "^Chassis Power is "),
    Check("-L USER power on", "Insufficient privilege level", code=1),
    Check("-L OPERATOR user set name 7 x", "Insufficient privilege|0xd4", code=1),
    Check("-L OPERATOR power status", "^Chassis Power is ", login=OPERATOR),
    Check("-L OPERATOR power on", "Up/On", login=OPERATOR),
    Check("-L OPERATOR raw 0x06 0x02", "rsp=0xd4", code=1, login=OPERATOR),
    Check("-v -L ADMINISTRATOR power status", FAILED_LOGIN, code=1, login=OPERATOR),
    Check("-L USER power status", "^Chassis Power is ", login=USER),
    Check("-L USER chassis bootparam get 5", "Insufficient privilege|failed", code=1, login=USER),
    Check("-v -L OPERATOR power status", FAILED_LOGIN, code=1, login=USER),
)

BAD_LOGINS = tuple(
    Check(f"ipmitool -v -I lanplus -H {{ip}} -p {{port}} {arguments} power status", out, code=1, title=arguments)
    for arguments, out in (
        ("-U {user} -P wrong -C 3", ("RAKP 2 HMAC is invalid", FAILED_LOGIN)),
        ("-U {user} -P wrong -C 17", ("RAKP 2 HMAC is invalid", FAILED_LOGIN)),
        ("-U {user} -P ''", FAILED_LOGIN),
        ("-U nobody -P {password} -C 3", ("unauthorized name", FAILED_LOGIN)),
        ("-U nobody -P {password} -C 17", ("unauthorized name", FAILED_LOGIN)),
        ("-U '' -P ''", FAILED_LOGIN),
        ("-U '' -P {password}", FAILED_LOGIN),
        ("-U Admin -P {password}", FAILED_LOGIN),
        ("-U {user} -P {password} -k wrong-bmc-key", FAILED_LOGIN),
    )
) + (Check("ipmitool -I lanplus -H {ip} -p {port} -U {user} -f {pwfile} power status", "^Chassis Power is "),)

CONSOLE = (
    Check("sol deactivate", code=(0, 1)),
    Check("power on", "Up/On"),
    power("on"),
    Check(
        "sol activate",
        terminal=(
            (r"\[SOL Session operational", "\r"),
            ("# ", "echo vbmc-$((40+2))\r"),
            ("vbmc-42", "\r~."),
            ("terminated ipmitool", ""),
        ),
    ),
    # A second session while one is active; then its payload taken away from a session of its own.
    Check(
        "sol activate",
        terminal=((r"\[SOL Session operational", "\r"), ("# ", "\r~."), ("terminated ipmitool", "")),
    ),
    Check("sol deactivate", "already de-activated", code=(0, 1)),
)

KG = tuple(
    Check(f"-C {suite} {arguments} power status", out, code=code)
    for suite in (3, 17)
    for arguments, out, code in (
        ("-y {kg}", "^Chassis Power is ", 0),
        ("-y 0102030405060708090a0b0c0d0e0f1011121314", FAILED_LOGIN, (0, 1)),
        ("", FAILED_LOGIN, 1),
    )
)

# 11 and 12 (MD5-128 integrity) make ipmitool itself abort; freeipmi's rows have them.
SUITE_BY_SUITE = tuple(
    Check(f"-C {suite} mc info", "IPMI Version +: 2.0") for suite in (1, 2, 3, 6, 7, 8, 15, 16, 17)
)

ONLY_17 = (
    Check("-C 17 power status", "^Chassis Power is "),
    Check("power status", "^Chassis Power is "),
    Check("-v -C 3 power status", ("no matching cipher suite", FAILED_LOGIN), code=1),
)

IPMI_15 = (
    Check("power status", "^Chassis Power is "),
    Check("-A MD5 power status", "^Chassis Power is "),
    Check("-A PASSWORD power status", "^Chassis Power is "),
    Check("-A NONE power status", code=1),
    Check("-A MD2 power status", code=1),
    Check("-L OPERATOR power on", "Up/On"),
    Check("power status", exact="Chassis Power is on\n", within=20),
    Check("-L USER power off", "Insufficient privilege level", code=1),
    Check("mc info", "IPMI Version +: 2.0"),
    Check("sel list", never="Error"),
    Check("fru print", "Product Serial"),
    Check("sdr list", never="erased"),
    Check("lan print 1", "IP Address"),
    Check("power off", "Down/Off"),
    Check("ipmitool -I lan -H {ip} -p {port} -U {user} -P wrong power status", code=1, title="wrong password"),
    Check("ipmitool -I lan -H {ip} -p {port} -U nobody -P wrong power status", code=1, title="wrong name"),
)

SEQUENCES = (
    Sequence("ironic", Node("it-ironic", "127.0.20.1", 623), IRONIC_DEPLOY, IRONIC),
    Sequence("ironic -C 17", Node("it-ironic17", "127.0.20.2", 16230), IRONIC_DEPLOY, IRONIC + " -C 17"),
    Sequence("ironic ipv6", Node("it-ironic6", "::1", 623), IRONIC_DEPLOY, IRONIC),
    Sequence("ipmitool", Node("it-all", "127.0.20.3", 623), EVERYTHING, PREFIX),
    Sequence("ipmitool -C 3", Node("it-all3", "127.0.20.4", 16231), EVERYTHING[:30], PREFIX + " -C 3"),
    Sequence("ipmitool users", Node("it-users", "127.0.20.5", 623), USER_MANAGEMENT, PREFIX),
    Sequence("ipmitool log-ins", Node("it-logins", "127.0.20.6", 623), LOGINS, PREFIX),
    Sequence("ipmitool bad log-ins", Node("it-bad", "127.0.20.7", 623), BAD_LOGINS),
    Sequence("ipmitool sol", Node("it-sol", "127.0.20.8", 623), CONSOLE, PREFIX),
    Sequence("ipmitool K_g", Node("it-kg", "127.0.20.9", 623, kg=bytes(range(0xC0, 0xD4))), KG, PREFIX),
    Sequence(
        "ipmitool suites",
        Node("it-suites", "127.0.20.10", 623, suites=(17, 3, 1, 2, 6, 7, 8, 15, 16)),
        SUITE_BY_SUITE,
        PREFIX,
    ),
    Sequence("ipmitool only 17", Node("it-only17", "127.0.20.11", 623, suites=(17,)), ONLY_17, PREFIX),
    Sequence("ipmitool lan (1.5)", Node("it-lan15", "127.0.20.12", 623, ipmi15=True), IPMI_15, LAN15),
    Sequence(
        "ipmitool lan, 1.5 off",
        Node("it-lan15off", "127.0.20.13", 623),
        (Check("power status", code=1, slowest=15),),
        LAN15,
    ),
    Sequence(
        "cloudstack",
        Node("it-cloudstack", "127.0.20.14", 623),
        (
            Check("chassis power status", "^Chassis Power is off$", slowest=2, within=5),
            Check("chassis power on", "^Chassis Power Control: Up/On$", slowest=2),
            Check("chassis power status", "^Chassis Power is on$", slowest=2, within=20),
            Check("chassis power cycle", "^Chassis Power Control: Cycle$", slowest=2),
            Check("chassis power status", "^Chassis Power is on$", slowest=2, within=20),
            Check("chassis power reset", "^Chassis Power Control: Reset$", slowest=2),
            Check("chassis power soft", "^Chassis Power Control: Soft$", slowest=2),
            Check("chassis power status", "^Chassis Power is off$", slowest=2, within=30),
            Check("user list", "^2 +admin", slowest=3),
            Check("user set password 3 new-operator-pw", "successful", slowest=2),
        ),
        CLOUDSTACK,
    ),
    Sequence(
        "bmclib",
        Node("it-bmclib", "127.0.20.15", 623),
        tuple(
            Check(f"{suite} {command}", out, env=(("IPMI_PASSWORD", "Adm1n: pa$$ word"),))
            for suite in ("-C 3", "-C 17")
            for command, out in (
                ("chassis power on", "Chassis Power Control: Up/On"),
                ("chassis bootdev pxe options=persistent,efiboot", "Set Boot Device to pxe"),
                ("chassis power status", "Chassis Power is "),
                ("user list", "^2 +admin"),
                ("sel elist", ""),
                ("sel clear", "Clearing SEL"),
                ("mc reset warm", "Sent warm reset"),
            )
        ),
        BMCLIB,
    ),
)
