"""What may break a rule, and why: (rule, path pattern, reason). One that excuses nothing is an error."""

EXCEPTIONS = (
    ("output", "lib/base/check.cpp", "the last words of a process that ends"),
    ("cast", "lib/net/udp_endpoint.cpp", "an iovec has no const, also where the kernel only reads"),
    ("cast", "vbmcctl/cmd_ipmitool.cpp", "execv takes char* and promises not to write"),
    ("sleep", "tests/unit/net/*", "the sockets are real, and so is the time they take"),
    ("cast", "lib/store/*", "SQLite and OpenSSL take bytes as char or unsigned char"),
)
