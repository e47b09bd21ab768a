#pragma once
// An IP address and a port, without any socket type: IPv4 is kept as an IPv4-mapped IPv6 address.

#include "base/bytes.h"

#include <optional>
#include <string>
#include <string_view>

namespace vbmc {

struct IpAddress {
    ByteArray<16> bytes{}; // network order; ::ffff:a.b.c.d for IPv4
    u32 scope = 0;         // IPv6 link-local zone index

    static IpAddress v4(u8 a, u8 b, u8 c, u8 d) noexcept;

    /// "192.0.2.1", "2001:db8::1", "fe80::1%2"; names are not resolved.
    static std::optional<IpAddress> parse(std::string_view text);

    bool is_v4() const noexcept;

    bool is_any() const noexcept;

    bool is_loopback() const noexcept;

    /// The four bytes of an IPv4 address; zeros for IPv6.
    ByteArray<4> v4_bytes() const noexcept;

    std::string to_string() const;

    friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

struct Peer {
    IpAddress address;
    u16 port = 0;

    /// "192.0.2.1:623", "[2001:db8::1]:623".
    std::string to_string() const;

    friend auto operator<=>(const Peer&, const Peer&) = default;
};

/// A network in CIDR form, for allow-lists and address pools.
struct IpNetwork {
    IpAddress base;
    u8 prefix = 128; // in the 128-bit space: an IPv4 /24 is 120

    /// "10.1.0.0/22", "2001:db8::/64", or a single address.
    static std::optional<IpNetwork> parse(std::string_view text);

    bool contains(const IpAddress& address) const noexcept;

    std::string to_string() const;

    friend auto operator<=>(const IpNetwork&, const IpNetwork&) = default;
};

} // namespace vbmc
