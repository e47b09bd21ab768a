#include "base/peer.h"

#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace vbmc {

namespace {

constexpr ByteArray<12> v4_mapped_prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<u32> parse_number(std::string_view text, u32 max) {
    u32 value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > max) {
        return std::nullopt;
    }
    return value;
}

} // namespace

IpAddress IpAddress::v4(u8 a, u8 b, u8 c, u8 d) noexcept {
    IpAddress address;
    std::copy(v4_mapped_prefix.begin(), v4_mapped_prefix.end(), address.bytes.begin());
    address.bytes[12] = a;
    address.bytes[13] = b;
    address.bytes[14] = c;
    address.bytes[15] = d;
    return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    if (text.empty() || text.size() > 64) {
        return std::nullopt;
    }
    std::optional<u32> scope = 0;
    if (const auto percent = text.find('%'); percent != std::string_view::npos) {
        scope = parse_number(text.substr(percent + 1), UINT32_MAX);
        text = text.substr(0, percent);
    }
    const std::string zero_ended(text);
    if (in_addr four{}; inet_pton(AF_INET, zero_ended.c_str(), &four) == 1) {
        ByteArray<4> b{};
        std::memcpy(b.data(), &four, b.size());
        return v4(b[0], b[1], b[2], b[3]);
    }
    in6_addr six{};
    if (!scope || inet_pton(AF_INET6, zero_ended.c_str(), &six) != 1) {
        return std::nullopt;
    }
    IpAddress address;
    std::memcpy(address.bytes.data(), &six, address.bytes.size());
    address.scope = *scope;
    return address;
}

bool IpAddress::is_v4() const noexcept {
    return equal(Bytes(bytes).first(12), v4_mapped_prefix);
}

bool IpAddress::is_any() const noexcept {
    const Bytes significant = is_v4() ? Bytes(bytes).subspan(12) : Bytes(bytes);
    return std::all_of(significant.begin(), significant.end(), [](u8 b) { return b == 0; });
}

bool IpAddress::is_loopback() const noexcept {
    if (is_v4()) {
        return bytes[12] == 127;
    }
    return bytes[15] == 1 &&
           std::all_of(bytes.begin(), bytes.end() - 1, [](u8 b) { return b == 0; });
}

ByteArray<4> IpAddress::v4_bytes() const noexcept {
    if (!is_v4()) {
        return {};
    }
    return {bytes[12], bytes[13], bytes[14], bytes[15]};
}

std::string IpAddress::to_string() const {
    char text[INET6_ADDRSTRLEN] = {};
    if (is_v4()) {
        inet_ntop(AF_INET, bytes.data() + 12, text, sizeof(text));
        return text;
    }
    inet_ntop(AF_INET6, bytes.data(), text, sizeof(text));
    return scope == 0 ? text : std::string(text) + "%" + std::to_string(scope);
}

std::string Peer::to_string() const {
    const std::string host = address.to_string();
    return (address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto base = IpAddress::parse(text.substr(0, slash));
    if (!base) {
        return std::nullopt;
    }
    if (slash == std::string_view::npos) {
        return IpNetwork{*base, 128};
    }
    const u32 offset = base->is_v4() ? 96 : 0;
    const auto prefix = parse_number(text.substr(slash + 1), 128 - offset);
    if (!prefix) {
        return std::nullopt;
    }
    return IpNetwork{*base, static_cast<u8>(*prefix + offset)};
}

bool IpNetwork::contains(const IpAddress& address) const noexcept {
    const std::size_t whole = prefix / 8;
    if (!equal(Bytes(base.bytes).first(whole), Bytes(address.bytes).first(whole))) {
        return false;
    }
    const unsigned rest = prefix % 8;
    if (rest == 0) {
        return true;
    }
    const auto mask = static_cast<u8>(0xff << (8 - rest));
    return ((base.bytes[whole] ^ address.bytes[whole]) & mask) == 0;
}

std::string IpNetwork::to_string() const {
    const u8 shown = base.is_v4() ? static_cast<u8>(prefix - 96) : prefix;
    return base.to_string() + "/" + std::to_string(shown);
}

} // namespace vbmc
