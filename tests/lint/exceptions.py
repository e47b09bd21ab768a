"""What may break a rule, and why: (rule, path pattern, reason). One that excuses nothing is an error."""

EXCEPTIONS = (
    ("output", "lib/base/check.cpp", "the last words of a process that ends"),
    ("cast", "lib/store/*", "SQLite and OpenSSL take bytes as char or unsigned char"),
)
