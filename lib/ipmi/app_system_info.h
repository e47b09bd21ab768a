#pragma once
// System Info Parameters (IPMI 2.0 §22.14a, §22.14b).

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// §22.14a.
struct SetSystemInfoParameters {
    static constexpr CommandId id{netfn::app, 0x58};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 parameter = 0;
        Bytes data;

        static void fields(auto& c, auto& r) {
            c.byte(r.parameter);
            c.rest(r.data);
        }
    };

    using Response = Nothing;
};

/// §22.14b.
struct GetSystemInfoParameters {
    static constexpr CommandId id{netfn::app, 0x59};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        bool revision_only = false;
        u8 parameter = 0;
        u8 set = 0;
        u8 block = 0;

        static void fields(auto& c, auto& r) {
            c.bits(gap<7>, bit<1>(r.revision_only));
            c.byte(r.parameter);
            c.byte(r.set);
            c.byte(r.block);
        }
    };

    struct Response {
        u8 revision = 0x11;
        InlineBytes<17> data;

        static void fields(auto& c, auto& r) {
            c.byte(r.revision);
            c.rest(r.data);
        }
    };
};

Reply<SetSystemInfoParameters::Response>
handle(bmc::Bmc&, const Context&, const SetSystemInfoParameters::Request&);
Reply<GetSystemInfoParameters::Response>
handle(bmc::Bmc&, const Context&, const GetSystemInfoParameters::Request&);

using AppSystemInfoCommands =
    CommandList<bmc::Bmc, SetSystemInfoParameters, GetSystemInfoParameters>;

} // namespace vbmc::ipmi
