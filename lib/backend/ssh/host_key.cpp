#include "backend/ssh/host_key.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>

namespace vbmc::backend::ssh {

namespace {

constexpr std::size_t file_bytes_max = 4 * 1024 * 1024;
constexpr std::size_t pins_max = 64; // of one host
constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view all_algorithms =
    "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,"
    "rsa-sha2-256";

std::optional<std::vector<u8>> decode_base64(std::string_view text) {
    while (!text.empty() && text.back() == '=') {
        text.remove_suffix(1);
    }
    if (text.size() % 4 == 1) {
        return std::nullopt;
    }
    std::vector<u8> out;
    out.reserve(text.size() * 3 / 4);
    u32 bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const auto at = alphabet.find(c);
        if (at == std::string_view::npos) {
            return std::nullopt;
        }
        bits = bits << 6 | static_cast<u32>(at);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out.push_back(static_cast<u8>(bits >> count));
        }
    }
    return out;
}

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    while (words.size() < 6) {
        const auto start = line.find_first_not_of(" \t\r");
        if (start == std::string_view::npos) {
            break;
        }
        line = line.substr(start);
        const auto end = std::min(line.find_first_of(" \t\r"), line.size());
        words.push_back(line.substr(0, end));
        line = line.substr(end);
    }
    return words;
}

/// A public key's blob starts with its type's name (RFC 4253 §6.6): that has to agree.
std::optional<Pin> pin_of(std::string_view type, std::string_view base64) {
    const auto blob = decode_base64(base64);
    if (!blob || blob->size() < 4 + type.size() || type.empty() || type.size() > 64) {
        return std::nullopt;
    }
    const u32 size = static_cast<u32>((*blob)[0]) << 24 | static_cast<u32>((*blob)[1]) << 16 |
                     static_cast<u32>((*blob)[2]) << 8 | (*blob)[3];
    if (size != type.size() || !std::equal(type.begin(), type.end(), blob->begin() + 4)) {
        return std::nullopt;
    }
    Pin pin;
    pin.type = type;
    if (EVP_Digest(blob->data(), blob->size(), pin.print.data(), nullptr, EVP_sha256(), nullptr) !=
        1) {
        return std::nullopt;
    }
    return pin;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// sshd(8): '*' and '?' are wildcards. Linear: the last star is the only one to go back to.
bool matches(std::string_view pattern, std::string_view name) {
    std::size_t p = 0;
    std::size_t n = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = n;
        } else if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(name[n]))) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') {
        ++p;
    }
    return p == pattern.size();
}

/// "|1|salt|hash": HMAC-SHA1 of the name.
bool matches_hashed(std::string_view field, std::string_view name) {
    const auto bar = field.find('|', 3);
    if (bar == std::string_view::npos) {
        return false;
    }
    const auto salt = decode_base64(field.substr(3, bar - 3));
    const auto hash = decode_base64(field.substr(bar + 1));
    if (!salt || !hash || salt->empty() || hash->size() != 20) {
        return false;
    }
    std::array<u8, EVP_MAX_MD_SIZE> mac{};
    unsigned size = 0;
    const std::vector<u8> text(name.begin(), name.end());
    const u8* made = HMAC(
        EVP_sha1(),
        salt->data(),
        static_cast<int>(salt->size()),
        text.data(),
        text.size(),
        mac.data(),
        &size
    );
    return made != nullptr && size == hash->size() && equal(*hash, Bytes(mac).first(size));
}

bool names_host(std::string_view field, std::string_view name) {
    if (field.starts_with("|1|")) {
        return matches_hashed(field, name);
    }
    bool found = false;
    while (!field.empty()) {
        const auto comma = std::min(field.find(','), field.size());
        std::string_view pattern = field.substr(0, comma);
        field = field.substr(std::min(comma + 1, field.size()));
        const bool negated = pattern.starts_with('!');
        pattern.remove_prefix(negated ? 1 : 0);
        if (!pattern.empty() && matches(pattern, name)) {
            if (negated) {
                return false;
            }
            found = true;
        }
    }
    return found;
}

Error bad_key(std::string message) {
    return Error(ErrorCode::invalid_argument, std::move(message))
        .with_field("backend.options.host-key")
        .with_hint(
            "give SHA256:..., as `ssh-keygen -lf KEY.pub` prints it on the machine itself, or "
            "a line of known_hosts"
        );
}

Result<Pins> parse_fingerprints(std::string_view text) {
    Pins pins;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(", "), text.size());
        const std::string_view one = text.substr(0, end);
        text = text.substr(std::min(end + 1, text.size()));
        if (one.empty()) {
            continue;
        }
        const auto bytes = one.starts_with("SHA256:") ? decode_base64(one.substr(7)) : std::nullopt;
        Pin pin;
        if (!bytes || bytes->size() != pin.print.size() || pins.trusted.size() == pins_max) {
            return bad_key("'" + std::string(one.substr(0, 80)) + "' is no SHA256 fingerprint");
        }
        std::copy(bytes->begin(), bytes->end(), pin.print.begin());
        pins.trusted.push_back(std::move(pin));
    }
    return pins;
}

} // namespace

std::string to_text(const Fingerprint& print) {
    std::string out = "SHA256:";
    u32 bits = 0;
    unsigned count = 0;
    for (const u8 byte : print) {
        bits = bits << 8 | byte;
        count += 8;
        while (count >= 6) {
            count -= 6;
            out += alphabet[bits >> count & 63];
        }
    }
    return out + alphabet[bits << (6 - count) & 63]; // 256 bits: 4 are left over
}

KeyVerdict judge(const Pins& pins, const Fingerprint& shown) {
    const auto is_shown = [&](const Pin& pin) { return pin.print == shown; };
    if (std::any_of(pins.revoked.begin(), pins.revoked.end(), is_shown)) {
        return KeyVerdict::revoked;
    }
    if (pins.trusted.empty()) {
        return KeyVerdict::unknown;
    }
    const bool known = std::any_of(pins.trusted.begin(), pins.trusted.end(), is_shown);
    return known ? KeyVerdict::pinned : KeyVerdict::changed;
}

Result<Pins> parse_host_key(std::string_view text) {
    if (text.starts_with("SHA256:")) {
        return parse_fingerprints(text);
    }
    // "ssh-ed25519 AAAA... comment" or "host ssh-ed25519 AAAA..."
    const auto words = words_of(text);
    for (std::size_t at = 0; at < 2 && at + 1 < words.size(); ++at) {
        if (auto pin = pin_of(words[at], words[at + 1])) {
            Pins pins;
            pins.trusted.push_back(std::move(*pin));
            return pins;
        }
    }
    return bad_key("the option 'host-key' holds no host key");
}

Pins read_known_hosts(std::string_view text, const std::string& host, unsigned port) {
    const std::string name = port == 22 ? host : "[" + host + "]:" + std::to_string(port);
    Pins pins;
    while (!text.empty() && pins.trusted.size() + pins.revoked.size() < pins_max) {
        const auto end = std::min(text.find('\n'), text.size());
        auto words = words_of(text.substr(0, end));
        text = text.substr(std::min(end + 1, text.size()));
        bool revoked = false;
        if (!words.empty() && words[0].starts_with('@')) {
            revoked = words[0] == "@revoked";
            if (!revoked) {
                continue; // certificates are not used here
            }
            words.erase(words.begin());
        }
        if (words.size() < 3 || words[0].starts_with('#') || !names_host(words[0], name)) {
            continue;
        }
        if (auto pin = pin_of(words[1], words[2])) {
            (revoked ? pins.revoked : pins.trusted).push_back(std::move(*pin));
        }
    }
    return pins;
}

Result<Pins> load_known_hosts(const std::string& path, const std::string& host, unsigned port) {
    std::ifstream file(path, std::ios::binary);
    std::string text(64 * 1024, '\0');
    std::string all;
    while (file && all.size() <= file_bytes_max) {
        file.read(text.data(), static_cast<std::streamsize>(text.size()));
        all.append(text, 0, static_cast<std::size_t>(file.gcount()));
    }
    if (!file.eof() || all.size() > file_bytes_max) {
        const bool large = all.size() > file_bytes_max;
        return Error(
                   ErrorCode::unavailable,
                   "KNOWN_HOSTS_UNREADABLE",
                   "the known-hosts file '" + path + "' " +
                       (large ? "is larger than 4 MiB" : "cannot be read")
        )
            .with_field("backend.options.known-hosts")
            .with_hint("vbmcd's user needs to read it; or pin the key with the option host-key");
    }
    return read_known_hosts(all, host, port);
}

std::string wanted_algorithms(const Pins& pins) {
    std::string out;
    const auto add = [&out](std::string_view name) {
        out += (out.empty() ? "" : ",") + std::string(name);
    };
    for (const Pin& pin : pins.trusted) {
        if (pin.type.empty()) {
            return std::string(all_algorithms);
        }
        if (pin.type == "ssh-rsa") {
            add("rsa-sha2-512,rsa-sha2-256");
        } else if (all_algorithms.find(pin.type) != std::string_view::npos) {
            add(pin.type);
        }
    }
    return out.empty() ? std::string(all_algorithms) : out;
}

} // namespace vbmc::backend::ssh
