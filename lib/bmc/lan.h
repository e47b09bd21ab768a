#pragma once
// The LAN channel's configuration (IPMI 2.0 §23): what is kept for clients, and what the endpoint
// tells about itself: its cipher suites and packet counters. Address, mask and gateway are in
// Config and are not IPMI's to change.

#include "base/bytes.h"
#include "base/inline_bytes.h"
#include "bmc/privilege.h"

#include <memory>
#include <vector>

namespace vbmc::bmc {

/// Parameters that clients may write; made when the first is written.
struct LanSettings {
    ByteArray<5> authentication = {
        0x3f, 0x3f, 0x3f, 0x3f, 0x3f}; // a privilege level, callback .. OEM
    ByteArray<18> community = {'p', 'u', 'b', 'l', 'i', 'c'};
    u8 arp_control = 0x00;
    u8 gratuitous_arp_interval = 0x04;             // 2 s
    ByteArray<3> destination_type = {};            // of the volatile destination, parameter 18
    ByteArray<12> destination_address = {};        // the same, parameter 19
    ByteArray<3> ipv4_header = {0x40, 0x40, 0x10}; // TTL, flags, precedence and type of service

    static void fields(auto& c, auto& r) {
        c.bytes(r.authentication);
        c.bytes(r.community);
        c.byte(r.arp_control);
        c.byte(r.gratuitous_arp_interval);
        c.bytes(r.destination_type);
        c.bytes(r.destination_address);
        c.bytes(r.ipv4_header);
    }
};

/// Get IP/UDP/RMCP Statistics (IPMI 2.0 §23.4); counted by the endpoint, stops at FFFFh.
struct LanStatistics {
    u16 ip_received = 0;
    u16 ip_header_errors = 0;
    u16 ip_address_errors = 0;
    u16 fragments_received = 0;
    u16 ip_sent = 0;
    u16 udp_received = 0;
    u16 rmcp_received = 0; // valid ones
    u16 proxy_received = 0;
    u16 proxy_dropped = 0;

    static constexpr void count(u16& counter) noexcept {
        if (counter != 0xffff) {
            ++counter;
        }
    }

    static void fields(auto& c, auto& r) {
        c.word(r.ip_received);
        c.word(r.ip_header_errors);
        c.word(r.ip_address_errors);
        c.word(r.fragments_received);
        c.word(r.ip_sent);
        c.word(r.udp_received);
        c.word(r.rmcp_received);
        c.word(r.proxy_received);
        c.word(r.proxy_dropped);
    }
};

/// The node's cipher suites, preferred first, and the highest privilege each may reach (`none`: the
/// suite is switched off). The endpoint sets the ids; a client may change the privileges
/// (parameter 24), and the endpoint obeys them at Open Session.
class CipherPolicy {
  public:
    static constexpr std::size_t capacity = 16;

    /// Replaces the ids; a suite that was here keeps its privilege, a new one gets `administrator`.
    void set(Bytes ids) noexcept;

    Bytes ids() const noexcept { return ids_.bytes(); }

    /// `none` for a suite that is not in the list.
    Privilege max_privilege(u8 id) const noexcept;

    void limit(u8 id, Privilege max) noexcept;

  private:
    friend class Lan;
    InlineBytes<capacity> ids_;
    ByteArray<capacity> max_{};
};

class Lan {
  public:
    CipherPolicy cipher_suites;
    LanStatistics statistics;
    u8 set_in_progress = 0; // 0: complete, 1: in progress

    /// IPMI 1.5 authentication types that the endpoint offers, as Get Channel Authentication
    /// Capabilities shows them: bit 2 MD5, bit 4 straight password. None: IPMI 2.0 only.
    u8 authentication_types = 0;

    const LanSettings& settings() const noexcept;
    LanSettings& change();

    void save(std::vector<u8>& out) const;
    bool load(Bytes saved);

  private:
    std::unique_ptr<LanSettings> settings_;
};

} // namespace vbmc::bmc
