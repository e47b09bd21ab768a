#pragma once
// Which host keys a machine may show: pinned by fingerprint, by a known_hosts line or in a
// known_hosts file. Nothing is trusted on first use. Pure but for reading that file.

#include "base/bytes.h"
#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace vbmc::backend::ssh {

/// SHA-256 of a public key's blob, as `ssh-keygen -l` shows it in base64.
using Fingerprint = ByteArray<32>;

/// "SHA256:..." without padding.
std::string to_text(const Fingerprint& print);

struct Pin {
    std::string type; // "ssh-ed25519"; empty: not told
    Fingerprint print{};

    friend bool operator==(const Pin&, const Pin&) = default;
};

struct Pins {
    std::vector<Pin> trusted;
    std::vector<Pin> revoked;
};

enum class KeyVerdict { pinned, unknown, changed, revoked };

/// `unknown`: nothing is pinned for this host at all; `changed`: something else is.
KeyVerdict judge(const Pins& pins, const Fingerprint& shown);

/// The option `host-key`: "SHA256:..." (several with commas), or one line as `ssh-keyscan` or a
/// .pub file has it.
Result<Pins> parse_host_key(std::string_view text);

/// The lines of a known_hosts text that speak of this host: plain, [host]:port, patterns, hashed
/// names and @revoked. Lines that are none of that are passed over.
Pins read_known_hosts(std::string_view text, const std::string& host, unsigned port);

/// The same from a file of this machine.
Result<Pins> load_known_hosts(const std::string& path, const std::string& host, unsigned port);

/// The algorithms to ask the server for, so that it shows a key that was pinned and not another one
/// of its keys; comma-separated.
std::string wanted_algorithms(const Pins& pins);

} // namespace vbmc::backend::ssh
