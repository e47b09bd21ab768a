#pragma once
// Command discovery and firmware firewall (IPMI 2.0 §21): which commands there are. All are enabled
// on the LAN channel, and none can be switched off.

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// Set Command Enables: would switch something that cannot be switched.
inline constexpr CompletionCode not_configurable = command_specific(0x80);

/// §21.2.
struct GetNetFnSupport {
    static constexpr CommandId id{netfn::app, 0x09};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 channel = 0;

        static void fields(auto& c, auto& r) { c.bits(bit<4>(r.channel), gap<4>); }
    };

    struct Response {
        u8 luns = 0;          // two bits a LUN; 1: as the specification says
        ByteArray<16> mask{}; // four bytes a LUN, a bit a pair of functions

        static void fields(auto& c, auto& r) {
            c.byte(r.luns);
            c.bytes(r.mask);
        }
    };
};

/// §21.3. In the mask 0 means: there.
struct GetCommandSupport {
    static constexpr CommandId id{netfn::app, 0x0a};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 channel = 0;
        u8 function = 0;  // odd or even
        u8 operation = 0; // 0: commands 00h-7Fh, 1: 80h-FFh
        u8 lun = 0;
        InlineBytes<3> body; // 2Ch: the defining body's code; 2Eh: the IANA number

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<6>(r.function), bit<2>(r.operation));
            c.bits(bit<2>(r.lun), gap<6>);
            c.rest(r.body);
        }
    };

    struct Response {
        ByteArray<16> mask{};

        static void fields(auto& c, auto& r) { c.bytes(r.mask); }
    };
};

/// §21.4.
struct GetCommandSubFunctionSupport {
    static constexpr CommandId id{netfn::app, 0x0b};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 channel = 0;
        u8 function = 0;
        u8 lun = 0;
        u8 command = 0;
        InlineBytes<3> body; // 2Ch: the defining body's code; 2Eh: the IANA number

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<6>(r.function), gap<2>);
            c.bits(bit<2>(r.lun), gap<6>);
            c.byte(r.command);
            c.rest(r.body);
        }
    };

    struct Response {
        u8 specification = 0; // type and errata
        u8 version_bcd = 0x20;
        u8 revision_bcd = 0x11;
        u32 mask = 0; // 0: there

        static void fields(auto& c, auto& r) {
            c.byte(r.specification);
            c.byte(r.version_bcd);
            c.byte(r.revision_bcd);
            c.dword(r.mask);
        }
    };
};

/// §21.5.
struct GetConfigurableCommands {
    static constexpr CommandId id{netfn::app, 0x0c};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 channel = 0;
        u8 function = 0;  // odd or even
        u8 operation = 0; // 0: commands 00h-7Fh, 1: 80h-FFh
        u8 lun = 0;
        InlineBytes<3> body; // 2Ch: the defining body's code; 2Eh: the IANA number

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<6>(r.function), bit<2>(r.operation));
            c.bits(bit<2>(r.lun), gap<6>);
            c.rest(r.body);
        }
    };

    struct Response {
        ByteArray<16> mask{};

        static void fields(auto& c, auto& r) { c.bytes(r.mask); }
    };
};

/// §21.6.
struct GetConfigurableSubFunctions {
    static constexpr CommandId id{netfn::app, 0x0d};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 channel = 0;
        u8 function = 0;
        u8 lun = 0;
        u8 command = 0;
        InlineBytes<3> body; // 2Ch: the defining body's code; 2Eh: the IANA number

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<6>(r.function), gap<2>);
            c.bits(bit<2>(r.lun), gap<6>);
            c.byte(r.command);
            c.rest(r.body);
        }
    };

    struct Response {
        u32 mask = 0;

        static void fields(auto& c, auto& r) { c.dword(r.mask); }
    };
};

/// §21.7.
struct SetCommandEnables {
    static constexpr CommandId id{netfn::app, 0x60};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 channel = 0;
        u8 function = 0;  // odd or even
        u8 operation = 0; // 0: commands 00h-7Fh, 1: 80h-FFh
        u8 lun = 0;
        ByteArray<16> mask{};
        InlineBytes<3> body; // 2Ch: the defining body's code; 2Eh: the IANA number

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<6>(r.function), bit<2>(r.operation));
            c.bits(bit<2>(r.lun), gap<6>);
            c.bytes(r.mask);
            c.rest(r.body);
        }
    };

    using Response = Nothing;
};

/// §21.8.
struct GetCommandEnables {
    static constexpr CommandId id{netfn::app, 0x61};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 channel = 0;
        u8 function = 0;  // odd or even
        u8 operation = 0; // 0: commands 00h-7Fh, 1: 80h-FFh
        u8 lun = 0;
        InlineBytes<3> body; // 2Ch: the defining body's code; 2Eh: the IANA number

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<6>(r.function), bit<2>(r.operation));
            c.bits(bit<2>(r.lun), gap<6>);
            c.rest(r.body);
        }
    };

    struct Response {
        ByteArray<16> mask{};

        static void fields(auto& c, auto& r) { c.bytes(r.mask); }
    };
};

/// §21.9.
struct SetSubFunctionEnables {
    static constexpr CommandId id{netfn::app, 0x62};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 channel = 0;
        u8 function = 0;
        u8 lun = 0;
        u8 command = 0;
        Bytes rest; // for 2Ch the body's code, then four or eight bytes of enables

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<6>(r.function), gap<2>);
            c.bits(bit<2>(r.lun), gap<6>);
            c.byte(r.command);
            c.rest(r.rest);
        }
    };

    using Response = Nothing;
};

/// §21.10.
struct GetSubFunctionEnables {
    static constexpr CommandId id{netfn::app, 0x63};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 channel = 0;
        u8 function = 0;
        u8 lun = 0;
        u8 command = 0;
        InlineBytes<3> body; // 2Ch: the defining body's code; 2Eh: the IANA number

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<6>(r.function), gap<2>);
            c.bits(bit<2>(r.lun), gap<6>);
            c.byte(r.command);
            c.rest(r.body);
        }
    };

    struct Response {
        u32 mask = 0;

        static void fields(auto& c, auto& r) { c.dword(r.mask); }
    };
};

/// §21.11. No OEM function has an IANA number here.
struct GetOemNetFnIanaSupport {
    static constexpr CommandId id{netfn::app, 0x64};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 channel = 0;
        u8 function = 0;
        u8 index = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<6>(r.function), gap<2>);
            c.bits(bit<6>(r.index), gap<2>);
        }
    };

    using Response = Nothing;
};

Reply<GetNetFnSupport::Response> handle(bmc::Bmc&, const Context&, const GetNetFnSupport::Request&);
Reply<GetCommandSupport::Response>
handle(bmc::Bmc&, const Context&, const GetCommandSupport::Request&);
Reply<GetCommandSubFunctionSupport::Response>
handle(bmc::Bmc&, const Context&, const GetCommandSubFunctionSupport::Request&);
Reply<GetConfigurableCommands::Response>
handle(bmc::Bmc&, const Context&, const GetConfigurableCommands::Request&);
Reply<GetConfigurableSubFunctions::Response>
handle(bmc::Bmc&, const Context&, const GetConfigurableSubFunctions::Request&);
Reply<SetCommandEnables::Response>
handle(bmc::Bmc&, const Context&, const SetCommandEnables::Request&);
Reply<GetCommandEnables::Response>
handle(bmc::Bmc&, const Context&, const GetCommandEnables::Request&);
Reply<SetSubFunctionEnables::Response>
handle(bmc::Bmc&, const Context&, const SetSubFunctionEnables::Request&);
Reply<GetSubFunctionEnables::Response>
handle(bmc::Bmc&, const Context&, const GetSubFunctionEnables::Request&);
Reply<GetOemNetFnIanaSupport::Response>
handle(bmc::Bmc&, const Context&, const GetOemNetFnIanaSupport::Request&);

using AppSupportCommands = CommandList<
    bmc::Bmc,
    GetNetFnSupport,
    GetCommandSupport,
    GetCommandSubFunctionSupport,
    GetConfigurableCommands,
    GetConfigurableSubFunctions,
    SetCommandEnables,
    GetCommandEnables,
    SetSubFunctionEnables,
    GetSubFunctionEnables,
    GetOemNetFnIanaSupport>;

} // namespace vbmc::ipmi
