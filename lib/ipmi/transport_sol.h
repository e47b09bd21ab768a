#pragma once
// SOL configuration commands (IPMI 2.0 §26.2, §26.3).

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// §26.2.
struct SetSolParameters {
    static constexpr CommandId id{netfn::transport, 0x21};
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

/// §26.3.
struct GetSolParameters {
    static constexpr CommandId id{netfn::transport, 0x22};
    static constexpr auto privilege = bmc::Privilege::user;

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
        InlineBytes<8> data;

        static void fields(auto& c, auto& r) {
            c.byte(r.revision);
            c.rest(r.data);
        }
    };
};

Reply<Nothing> handle(bmc::Bmc&, const Context&, const SetSolParameters::Request&);
Reply<GetSolParameters::Response>
handle(bmc::Bmc&, const Context&, const GetSolParameters::Request&);

using TransportSolCommands = CommandList<bmc::Bmc, SetSolParameters, GetSolParameters>;

} // namespace vbmc::ipmi
