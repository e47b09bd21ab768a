#pragma once
// System boot options (IPMI 2.0 §28.12, §28.13): parameters 0-7. Every byte of the boot flags reads
// back as it was written; clients do read-modify-write on them.

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// §28.12.
struct SetSystemBootOptions {
    static constexpr CommandId id{netfn::chassis, 0x08};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 parameter = 0;
        bool mark_invalid = false;
        Bytes data; // none: only the mark

        static void fields(auto& c, auto& r) {
            c.bits(bit<7>(r.parameter), bit<1>(r.mark_invalid));
            c.rest(r.data);
        }
    };

    using Response = Nothing;
};

/// §28.13.
struct GetSystemBootOptions {
    static constexpr CommandId id{netfn::chassis, 0x09};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 parameter = 0;
        u8 set = 0;
        u8 block = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<7>(r.parameter), gap<1>);
            c.byte(r.set);
            c.byte(r.block);
        }
    };

    struct Response {
        u8 version = 1;
        u8 parameter = 0;
        bool invalid = false;
        InlineBytes<17> data;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.version), gap<4>);
            c.bits(bit<7>(r.parameter), bit<1>(r.invalid));
            c.rest(r.data);
        }
    };
};

Reply<SetSystemBootOptions::Response>
handle(bmc::Bmc&, const Context&, const SetSystemBootOptions::Request&);
Reply<GetSystemBootOptions::Response>
handle(bmc::Bmc&, const Context&, const GetSystemBootOptions::Request&);

using ChassisBootCommands = CommandList<bmc::Bmc, SetSystemBootOptions, GetSystemBootOptions>;

} // namespace vbmc::ipmi
