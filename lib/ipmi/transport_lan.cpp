#include "ipmi/transport_lan.h"

#include "ipmi/parameter.h"

namespace vbmc::ipmi {

using bmc::Bmc;
using bmc::LanSettings;

namespace {

/// IPMI 2.0 §23.2, table 23-4.
enum class LanParameter : u8 {
    set_in_progress = 0,
    authentication_support = 1,
    authentication_enables = 2,
    ip_address = 3,
    ip_source = 4,
    mac_address = 5,
    subnet_mask = 6,
    ipv4_header = 7,
    primary_port = 8,
    secondary_port = 9,
    arp_control = 10,
    gratuitous_arp_interval = 11,
    gateway_address = 12,
    gateway_mac = 13,
    backup_gateway_address = 14,
    backup_gateway_mac = 15,
    community = 16,
    destination_count = 17,
    destination_type = 18,
    destination_address = 19,
    vlan_id = 20,
    vlan_priority = 21,
    cipher_suite_count = 22,
    cipher_suites = 23,
    cipher_suite_privileges = 24,
    destination_vlan = 25,
    bad_password_threshold = 26,
    ipv6_support = 50,
    ipv6_enables = 51,
    ipv6_traffic_class = 52,
    ipv6_hop_limit = 53,
    ipv6_flow_label = 54,
    ipv6_status = 55,
    ipv6_static_address = 56,
    ipv6_dynamic_address = 59,
    ipv6_router_control = 64,
    ipv6_router_address = 65,
    ipv6_router_mac = 66,
    ipv6_router_prefix_length = 67,
    ipv6_router_prefix = 68,
    ipv6_dynamic_router_count = 73,
};

constexpr u8 source_static = 0x01;
constexpr u16 secure_rmcp_port = 664;
constexpr u8 address_active = 0x00;
constexpr u8 address_disabled = 0x01;
constexpr u8 authentication_known = 0x37; // none, MD2, MD5, straight password, OEM

bool is_v6(const Bmc& bmc) noexcept {
    return !bmc.config.address.address.is_v4();
}

ByteArray<4> subnet_mask(const Bmc& bmc) noexcept {
    if (is_v6(bmc)) {
        return {};
    }
    const unsigned prefix = std::min<unsigned>(bmc.config.network_prefix, 32);
    const u32 mask = prefix == 0 ? 0 : 0xffffffffU << (32 - prefix);
    return {
        static_cast<u8>(mask >> 24),
        static_cast<u8>(mask >> 16),
        static_cast<u8>(mask >> 8),
        static_cast<u8>(mask),
    };
}

void write_authentication_enables(const Bmc& bmc, ByteWriter& out) {
    for (const u8 enabled : bmc.lan.settings().authentication) {
        out.write_u8(enabled & bmc.lan.authentication_types);
    }
}

/// Parameter 24: the highest privilege of each suite of parameter 23, in its order, a nibble each.
void write_cipher_privileges(const bmc::CipherPolicy& policy, ByteWriter& out) {
    const Bytes ids = policy.ids();
    const auto nibble = [&](std::size_t i) {
        return i < ids.size() ? static_cast<unsigned>(policy.max_privilege(ids[i])) : 0U;
    };
    out.write_u8(0);
    for (std::size_t i = 0; i < bmc::CipherPolicy::capacity; i += 2) {
        out.write_u8(static_cast<u8>(nibble(i) | nibble(i + 1) << 4));
    }
}

CompletionCode
get_destination(const LanSettings& settings, LanParameter which, u8 set, ByteWriter& out) {
    if (set != 0) {
        return CompletionCode::parameter_out_of_range; // only the volatile destination is there
    }
    out.write_u8(0);
    if (which == LanParameter::destination_type) {
        out.write(settings.destination_type);
    } else if (which == LanParameter::destination_address) {
        out.write(settings.destination_address);
    } else {
        out.fill(0, 3); // no VLAN tag
    }
    return CompletionCode::ok;
}

/// Parameters 56 and 59: set selector, source, address, prefix length, status.
CompletionCode get_ipv6_address(const Bmc& bmc, bool is_static, u8 set, ByteWriter& out) {
    if (set != 0) {
        return CompletionCode::parameter_out_of_range;
    }
    const bool has = is_static && is_v6(bmc);
    out.write_u8(set);
    out.write_u8(has ? 0x80 : 0x00); // enabled, static
    out.write(has ? bmc.config.address.address.bytes : ByteArray<16>{});
    out.write_u8(has ? bmc.config.network_prefix : u8{0});
    out.write_u8(has ? address_active : address_disabled);
    return CompletionCode::ok;
}

CompletionCode get_ipv4(const Bmc& bmc, LanParameter which, ByteWriter& out) {
    switch (which) {
    case LanParameter::ip_address:
        out.write(bmc.config.address.address.v4_bytes());
        break;
    case LanParameter::ip_source:
        out.write_u8(source_static);
        break;
    case LanParameter::subnet_mask:
        out.write(subnet_mask(bmc));
        break;
    case LanParameter::ipv4_header:
        out.write(bmc.lan.settings().ipv4_header);
        break;
    case LanParameter::gateway_address:
        out.write(bmc.config.gateway.is_v4() ? bmc.config.gateway.v4_bytes() : ByteArray<4>{});
        break;
    case LanParameter::backup_gateway_address:
        out.fill(0, 4);
        break;
    default: // a gateway's MAC address: the host's network knows it, not the controller
        out.fill(0, 6);
        break;
    }
    return CompletionCode::ok;
}

CompletionCode get_ipv6(const Bmc& bmc, LanParameter which, u8 set, ByteWriter& out) {
    switch (which) {
    case LanParameter::ipv6_support:
        out.write_u8(0x01); // an endpoint has one address, of either family
        return CompletionCode::ok;
    case LanParameter::ipv6_enables:
        out.write_u8(is_v6(bmc) ? 0x01 : 0x00);
        return CompletionCode::ok;
    case LanParameter::ipv6_traffic_class:
    case LanParameter::ipv6_router_control:
    case LanParameter::ipv6_router_prefix_length:
    case LanParameter::ipv6_dynamic_router_count:
        out.write_u8(0);
        return CompletionCode::ok;
    case LanParameter::ipv6_hop_limit:
        out.write_u8(64);
        return CompletionCode::ok;
    case LanParameter::ipv6_flow_label:
        out.fill(0, 3);
        return CompletionCode::ok;
    case LanParameter::ipv6_status:
        out.write_u8(1); // static addresses
        out.write_u8(0); // dynamic addresses
        out.write_u8(0); // no DHCPv6, no SLAAC
        return CompletionCode::ok;
    case LanParameter::ipv6_static_address:
        return get_ipv6_address(bmc, true, set, out);
    case LanParameter::ipv6_dynamic_address:
        return get_ipv6_address(bmc, false, set, out);
    case LanParameter::ipv6_router_address:
        out.write(is_v6(bmc) ? bmc.config.gateway.bytes : ByteArray<16>{});
        return CompletionCode::ok;
    case LanParameter::ipv6_router_mac:
        out.fill(0, 6);
        return CompletionCode::ok;
    case LanParameter::ipv6_router_prefix:
        out.fill(0, 16);
        return CompletionCode::ok;
    default:
        return parameter::unsupported;
    }
}

CompletionCode get_parameter(const Bmc& bmc, LanParameter which, u8 set, ByteWriter& out) {
    const LanSettings& settings = bmc.lan.settings();
    const bmc::CipherPolicy& suites = bmc.lan.cipher_suites;
    switch (which) {
    case LanParameter::set_in_progress:
        out.write_u8(bmc.lan.set_in_progress);
        return CompletionCode::ok;
    case LanParameter::authentication_support:
        out.write_u8(bmc.lan.authentication_types);
        return CompletionCode::ok;
    case LanParameter::authentication_enables:
        write_authentication_enables(bmc, out);
        return CompletionCode::ok;
    case LanParameter::mac_address:
        out.write(bmc.config.mac);
        return CompletionCode::ok;
    case LanParameter::primary_port:
        out.write_u16(bmc.config.address.port);
        return CompletionCode::ok;
    case LanParameter::secondary_port:
        out.write_u16(secure_rmcp_port);
        return CompletionCode::ok;
    case LanParameter::arp_control:
        out.write_u8(settings.arp_control);
        return CompletionCode::ok;
    case LanParameter::gratuitous_arp_interval:
        out.write_u8(settings.gratuitous_arp_interval);
        return CompletionCode::ok;
    case LanParameter::community:
        out.write(settings.community);
        return CompletionCode::ok;
    case LanParameter::destination_count:
        out.write_u8(0);
        return CompletionCode::ok;
    case LanParameter::destination_type:
    case LanParameter::destination_address:
    case LanParameter::destination_vlan:
        return get_destination(settings, which, set & 0x0f, out);
    case LanParameter::vlan_id:
        out.write_u16(0); // disabled
        return CompletionCode::ok;
    case LanParameter::vlan_priority:
        out.write_u8(0);
        return CompletionCode::ok;
    case LanParameter::cipher_suite_count:
        out.write_u8(static_cast<u8>(suites.ids().size()));
        return CompletionCode::ok;
    case LanParameter::cipher_suites:
        out.write_u8(0);
        out.write(suites.ids());
        return CompletionCode::ok;
    case LanParameter::cipher_suite_privileges:
        write_cipher_privileges(suites, out);
        return CompletionCode::ok;
    case LanParameter::bad_password_threshold:
        out.fill(0, 6); // no user is ever locked out
        return CompletionCode::ok;
    case LanParameter::ip_address:
    case LanParameter::ip_source:
    case LanParameter::subnet_mask:
    case LanParameter::ipv4_header:
    case LanParameter::gateway_address:
    case LanParameter::gateway_mac:
    case LanParameter::backup_gateway_address:
    case LanParameter::backup_gateway_mac:
        return get_ipv4(bmc, which, out);
    default:
        return get_ipv6(bmc, which, set, out);
    }
}

/// Exactly as many bytes as the parameter has.
template <std::size_t N>
CompletionCode keep_bytes(Bytes data, ByteArray<N>& value) noexcept {
    if (data.size() != N) {
        return CompletionCode::invalid_length;
    }
    std::copy(data.begin(), data.end(), value.begin());
    return CompletionCode::ok;
}

CompletionCode keep_byte(Bytes data, u8& value) noexcept {
    if (data.size() != 1) {
        return CompletionCode::invalid_length;
    }
    value = data[0];
    return CompletionCode::ok;
}

template <std::size_t N>
CompletionCode keep_destination(Bytes data, ByteArray<N>& value) noexcept {
    if (data.size() != N + 1) {
        return CompletionCode::invalid_length;
    }
    if ((data[0] & 0x0f) != 0) {
        return CompletionCode::parameter_out_of_range;
    }
    return keep_bytes(data.subspan(1), value);
}

CompletionCode set_cipher_privileges(bmc::CipherPolicy& policy, Bytes data) {
    if (data.size() != 1 + bmc::CipherPolicy::capacity / 2) {
        return CompletionCode::invalid_length;
    }
    const auto nibble = [data](std::size_t i) {
        return static_cast<u8>(data[1 + i / 2] >> (i % 2 * 4) & 0x0f);
    };
    const Bytes ids = policy.ids();
    u8 highest = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        highest = std::max(highest, nibble(i));
    }
    // With every suite switched off nobody could log in and switch one on again.
    if (highest > static_cast<u8>(bmc::Privilege::oem) || highest == 0) {
        return CompletionCode::invalid_data_field;
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
        policy.limit(ids[i], static_cast<bmc::Privilege>(nibble(i)));
    }
    return CompletionCode::ok;
}

CompletionCode set_authentication_enables(LanSettings& settings, Bytes data) {
    const auto code = keep_bytes(data, settings.authentication);
    for (u8& enabled : settings.authentication) {
        enabled &= authentication_known;
    }
    return code;
}

bool is_read_only(LanParameter which) noexcept {
    switch (which) {
    case LanParameter::authentication_support:
    case LanParameter::ip_address:
    case LanParameter::ip_source:
    case LanParameter::mac_address:
    case LanParameter::subnet_mask:
    case LanParameter::primary_port:
    case LanParameter::secondary_port:
    case LanParameter::gateway_address:
    case LanParameter::gateway_mac:
    case LanParameter::backup_gateway_address:
    case LanParameter::backup_gateway_mac:
    case LanParameter::destination_count:
    case LanParameter::destination_vlan:
    case LanParameter::vlan_id:
    case LanParameter::vlan_priority:
    case LanParameter::cipher_suite_count:
    case LanParameter::cipher_suites:
    case LanParameter::bad_password_threshold:
    case LanParameter::ipv6_support:
    case LanParameter::ipv6_enables:
    case LanParameter::ipv6_traffic_class:
    case LanParameter::ipv6_hop_limit:
    case LanParameter::ipv6_flow_label:
    case LanParameter::ipv6_status:
    case LanParameter::ipv6_static_address:
    case LanParameter::ipv6_dynamic_address:
    case LanParameter::ipv6_router_control:
    case LanParameter::ipv6_router_address:
    case LanParameter::ipv6_router_mac:
    case LanParameter::ipv6_router_prefix_length:
    case LanParameter::ipv6_router_prefix:
    case LanParameter::ipv6_dynamic_router_count:
        return true;
    default:
        return false;
    }
}

CompletionCode set_parameter(Bmc& bmc, LanParameter which, Bytes data) {
    switch (which) {
    case LanParameter::set_in_progress:
        return set_in_progress(bmc.lan.set_in_progress, data);
    case LanParameter::authentication_enables:
        return set_authentication_enables(bmc.lan.change(), data);
    case LanParameter::ipv4_header:
        return keep_bytes(data, bmc.lan.change().ipv4_header);
    case LanParameter::arp_control:
        return keep_byte(data, bmc.lan.change().arp_control);
    case LanParameter::gratuitous_arp_interval:
        return keep_byte(data, bmc.lan.change().gratuitous_arp_interval);
    case LanParameter::community:
        return keep_bytes(data, bmc.lan.change().community);
    case LanParameter::destination_type:
        return keep_destination(data, bmc.lan.change().destination_type);
    case LanParameter::destination_address:
        return keep_destination(data, bmc.lan.change().destination_address);
    case LanParameter::cipher_suite_privileges:
        return set_cipher_privileges(bmc.lan.cipher_suites, data);
    default:
        return is_read_only(which) ? parameter::read_only : parameter::unsupported;
    }
}

bool is_lan_channel(u8 channel, const Context& context) noexcept {
    return bmc::resolve_channel(channel, context.channel) == bmc::lan_channel;
}

} // namespace

Reply<Nothing> handle(Bmc& bmc, const Context& context, const SetLanParameters::Request& request) {
    if (!is_lan_channel(request.channel, context)) {
        return CompletionCode::invalid_data_field;
    }
    const auto which = static_cast<LanParameter>(request.parameter);
    const auto code = set_parameter(bmc, which, request.data);
    if (code != CompletionCode::ok) {
        return code;
    }
    if (which != LanParameter::set_in_progress) {
        bmc.dirty.add(bmc::Section::channel);
    }
    return Nothing{};
}

Reply<GetLanParameters::Response>
handle(Bmc& bmc, const Context& context, const GetLanParameters::Request& request) {
    if (!is_lan_channel(request.channel, context)) {
        return CompletionCode::invalid_data_field;
    }
    GetLanParameters::Response response;
    ByteWriter out(response.data.room());
    const auto code =
        get_parameter(bmc, static_cast<LanParameter>(request.parameter), request.set, out);
    if (code != CompletionCode::ok) {
        return code;
    }
    response.data.resize(request.revision_only ? 0 : out.size());
    return response;
}

Reply<SuspendBmcArps::Response>
handle(Bmc&, const Context& context, const SuspendBmcArps::Request& request) {
    if (!is_lan_channel(request.channel, context)) {
        return CompletionCode::invalid_data_field;
    }
    return SuspendBmcArps::Response{};
}

Reply<bmc::LanStatistics>
handle(Bmc& bmc, const Context& context, const GetIpUdpRmcpStatistics::Request& request) {
    if (!is_lan_channel(request.channel, context)) {
        return CompletionCode::invalid_data_field;
    }
    const bmc::LanStatistics counted = bmc.lan.statistics;
    if (request.clear) {
        bmc.lan.statistics = {};
    }
    return counted;
}

} // namespace vbmc::ipmi
