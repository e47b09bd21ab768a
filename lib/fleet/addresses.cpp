#include "fleet/addresses.h"

#include <algorithm>

namespace vbmc::fleet {

namespace {

/// The address behind `address`; false behind the last one.
bool advance(IpAddress& address) noexcept {
    for (std::size_t i = address.bytes.size(); i-- > 0;) {
        if (++address.bytes[i] != 0) {
            return true;
        }
    }
    return false;
}

IpAddress first_of(const IpNetwork& network) noexcept {
    IpAddress address = network.base;
    for (unsigned bit = network.prefix; bit < 128; ++bit) {
        address.bytes[bit / 8] = static_cast<u8>(address.bytes[bit / 8] & ~(0x80U >> (bit % 8)));
    }
    return address;
}

bool all_host_bits(const IpNetwork& network, const IpAddress& address, bool ones) noexcept {
    for (unsigned bit = network.prefix; bit < 128; ++bit) {
        const bool set = (address.bytes[bit / 8] & (0x80U >> (bit % 8))) != 0;
        if (set != ones) {
            return false;
        }
    }
    return true;
}

/// A network of two or one has neither a network nor a broadcast address (RFC 3021).
bool is_host(const IpNetwork& network, const IpAddress& address) noexcept {
    if (network.prefix >= 127) {
        return true;
    }
    const bool broadcast = address.is_v4() && all_host_bits(network, address, true);
    return !broadcast && !all_host_bits(network, address, false);
}

} // namespace

std::string Addresses::owner(const Peer& endpoint) const {
    const auto at = used_.find(endpoint);
    return at == used_.end() ? std::string{} : at->second;
}

/// Another node that has the endpoint, or the port on all addresses ("::" is those of IPv4, too).
const std::string* Addresses::in_the_way(const Peer& endpoint, const std::string& name) const {
    const auto covers = [](const IpAddress& all, const IpAddress& one) {
        return all.is_any() && (!all.is_v4() || one.is_v4());
    };
    const auto other = [&](const IpAddress& address) -> const std::string* {
        const auto at = used_.find(Peer{address, endpoint.port});
        return at == used_.end() || at->second == name ? nullptr : &at->second;
    };
    for (const IpAddress& address : {endpoint.address, IpAddress{}, IpAddress::v4(0, 0, 0, 0)}) {
        const bool meets = address == endpoint.address || covers(address, endpoint.address);
        if (const std::string* owner = meets ? other(address) : nullptr) {
            return owner;
        }
    }
    if (endpoint.address.is_any()) {
        for (const auto& [used, owner] : used_) {
            if (used.port == endpoint.port && owner != name &&
                covers(endpoint.address, used.address)) {
                return &owner;
            }
        }
    }
    return nullptr;
}

Result<void> Addresses::claim(const Peer& endpoint, const std::string& name) {
    if (const std::string* owner = in_the_way(endpoint, name)) {
        return Error(
                   ErrorCode::already_exists,
                   "ENDPOINT_IN_USE",
                   endpoint.to_string() + " belongs to node '" + *owner + "'"
        )
            .with_field("port")
            .with_hint("choose another port or address, or let it be chosen: --port auto");
    }
    used_.emplace(endpoint, name);
    return {};
}

void Addresses::release(const Peer& endpoint) {
    used_.erase(endpoint);
    address_hint_.reset();
    const auto hint = port_hint_.find(endpoint.address);
    if (hint != port_hint_.end() && endpoint.port <= hint->second) {
        port_hint_.erase(hint);
    }
}

Result<IpAddress> Addresses::free_address() const {
    const auto is_used = [this](const IpAddress& address) {
        const auto at = used_.lower_bound(Peer{address, 0});
        return at != used_.end() && at->first.address == address;
    };
    std::size_t first = address_hint_ ? address_hint_->first : 0;
    for (std::size_t i = first; i < pool_.size(); ++i) {
        const IpNetwork& network = pool_[i];
        IpAddress address = address_hint_ && i == first ? address_hint_->second : first_of(network);
        do {
            if (!network.contains(address)) {
                break;
            }
            if (is_host(network, address) && !is_used(address)) {
                address_hint_ = std::pair(i, address);
                return address;
            }
        } while (advance(address));
    }
    const bool none = pool_.empty();
    return Error(
               ErrorCode::failed_precondition,
               "ADDRESS_POOL_EMPTY",
               none ? "there is no address pool" : "every address of the pool is taken"
    )
        .with_field("address")
        .with_hint(
            none ? "set address-pool in vbmcd.yaml, or give an address"
                 : "add a network to address-pool in vbmcd.yaml, or give an address"
        );
}

Result<u16> Addresses::free_port(const IpAddress& address, u16 after) const {
    u32 port = port_first_;
    const auto hint = port_hint_.find(address);
    if (after == 0 && hint != port_hint_.end()) {
        port = hint->second;
    }
    port = std::max<u32>(port, after + 1U);
    for (auto at = used_.lower_bound(Peer{address, static_cast<u16>(std::min<u32>(port, 65535))});
         at != used_.end() && at->first.address == address && at->first.port == port;
         ++at) {
        ++port;
    }
    if (port > port_last_) {
        return Error(
                   ErrorCode::resource_exhausted,
                   "PORTS_EXHAUSTED",
                   "no port from " + std::to_string(port_first_) + " to " +
                       std::to_string(port_last_) + " is free on " + address.to_string()
        )
            .with_field("port")
            .with_hint("use another address, or widen ports in vbmcd.yaml");
    }
    if (after == 0) {
        port_hint_[address] = static_cast<u16>(port);
    }
    return static_cast<u16>(port);
}

} // namespace vbmc::fleet
