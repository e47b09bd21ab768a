#include "fleet/credentials.h"

namespace vbmc::fleet {

namespace {

constexpr char hex[] = "0123456789abcdef";
constexpr std::size_t password_length = 18;
constexpr std::string_view password_alphabet =
    "abcdefghijkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXYZ234679-_";

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

constexpr bool has_dash_before(std::size_t byte) noexcept {
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

} // namespace

std::string make_uuid(Entropy& entropy) {
    ByteArray<16> bytes{};
    entropy.fill(bytes);
    bytes[6] = static_cast<u8>((bytes[6] & 0x0f) | 0x40); // RFC 4122 §4.4
    bytes[8] = static_cast<u8>((bytes[8] & 0x3f) | 0x80);
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (has_dash_before(i)) {
            text += '-';
        }
        text += hex[bytes[i] >> 4];
        text += hex[bytes[i] & 15];
    }
    return text;
}

std::optional<ByteArray<16>> parse_uuid(std::string_view text) {
    if (text.size() != 36) {
        return std::nullopt;
    }
    ByteArray<16> bytes{};
    std::size_t at = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (has_dash_before(i) && text[at++] != '-') {
            return std::nullopt;
        }
        const int high = hex_value(text[at]);
        const int low = hex_value(text[at + 1]);
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        bytes[i] = static_cast<u8>(high << 4 | low);
        at += 2;
    }
    return bytes;
}

std::string make_etag(Entropy& entropy) {
    ByteArray<6> bytes{};
    entropy.fill(bytes);
    std::string text;
    for (const u8 byte : bytes) {
        text += hex[byte >> 4];
        text += hex[byte & 15];
    }
    return text;
}

Secret make_password(Entropy& entropy) {
    // Bytes that would favour some characters are thrown away.
    constexpr unsigned limit = 256 - 256 % password_alphabet.size();
    ByteArray<password_length> text{};
    for (std::size_t i = 0; i < text.size();) {
        ByteArray<1> byte{};
        entropy.fill(byte);
        const char c = password_alphabet[byte[0] % password_alphabet.size()];
        const bool at_edge = i == 0 || i + 1 == text.size(); // easy to select, no option's dash
        if (byte[0] < limit && !(at_edge && (c == '-' || c == '_'))) {
            text[i++] = static_cast<u8>(c);
        }
    }
    Secret password{Bytes(text)};
    wipe(text);
    return password;
}

ByteArray<6> mac_from_uuid(const ByteArray<16>& uuid) noexcept {
    // The last bytes are random in every version but 1 and 2; those have a MAC there anyway.
    ByteArray<6> mac{};
    std::copy(uuid.end() - 6, uuid.end(), mac.begin());
    mac[0] = static_cast<u8>((mac[0] | 0x02) & 0xfe);
    return mac;
}

} // namespace vbmc::fleet
