#pragma once
// LAN channel commands (IPMI 2.0 §23.1 to §23.4). The network identity - address, mask, gateway,
// MAC, VLAN - is the host's to change: read-only here (82h).

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// §23.1.
struct SetLanParameters {
    static constexpr CommandId id{netfn::transport, 0x01};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 channel = 0;
        u8 parameter = 0;
        Bytes data;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.byte(r.parameter);
            c.rest(r.data);
        }
    };

    using Response = Nothing;
};

/// §23.2.
struct GetLanParameters {
    static constexpr CommandId id{netfn::transport, 0x02};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 channel = 0;
        bool revision_only = false;
        u8 parameter = 0;
        u8 set = 0;
        u8 block = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<3>, bit<1>(r.revision_only));
            c.byte(r.parameter);
            c.byte(r.set);
            c.byte(r.block);
        }
    };

    struct Response {
        u8 revision = 0x11;
        InlineBytes<32> data;

        static void fields(auto& c, auto& r) {
            c.byte(r.revision);
            c.rest(r.data);
        }
    };
};

/// §23.3.
struct SuspendBmcArps {
    static constexpr CommandId id{netfn::transport, 0x03};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 channel = 0;
        u8 suspend = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<2>(r.suspend), gap<6>);
        }
    };

    struct Response {
        u8 occurring = 0; // the host answers ARP, the controller never does

        static void fields(auto& c, auto& r) { c.byte(r.occurring); }
    };
};

/// §23.4.
struct GetIpUdpRmcpStatistics {
    static constexpr CommandId id{netfn::transport, 0x04};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 channel = 0;
        bool clear = false;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<1>(r.clear), gap<7>);
        }
    };

    using Response = bmc::LanStatistics;
};

Reply<Nothing> handle(bmc::Bmc&, const Context&, const SetLanParameters::Request&);
Reply<GetLanParameters::Response>
handle(bmc::Bmc&, const Context&, const GetLanParameters::Request&);
Reply<SuspendBmcArps::Response> handle(bmc::Bmc&, const Context&, const SuspendBmcArps::Request&);
Reply<bmc::LanStatistics> handle(bmc::Bmc&, const Context&, const GetIpUdpRmcpStatistics::Request&);

using TransportLanCommands = CommandList<
    bmc::Bmc,
    SetLanParameters,
    GetLanParameters,
    SuspendBmcArps,
    GetIpUdpRmcpStatistics>;

} // namespace vbmc::ipmi
