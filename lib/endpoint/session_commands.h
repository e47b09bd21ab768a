#pragma once
// App commands about the channel's log-in and its sessions (IPMI 2.0 §22.13-§22.20).

#include "base/inline_bytes.h"
#include "ipmi/command.h"

namespace vbmc::endpoint {

class VirtualBmc;

/// §22.13. Answers strangers, in both framings.
struct GetChannelAuthenticationCapabilities {
    static constexpr ipmi::CommandId id{ipmi::netfn::app, 0x38};
    static constexpr auto privilege = bmc::Privilege::none;

    struct Request {
        u8 channel = 0;
        bool extended = false; // wants the RMCP+ data
        u8 level = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<3>, bit<1>(r.extended));
            c.bits(bit<4>(r.level), gap<4>);
        }
    };

    struct Response {
        u8 channel = 0;
        ByteArray<7> capabilities{};

        static void fields(auto& c, auto& r) {
            c.byte(r.channel);
            c.bytes(r.capabilities);
        }
    };
};

/// §22.14. Answers strangers.
struct GetSystemGuid {
    static constexpr ipmi::CommandId id{ipmi::netfn::app, 0x37};
    static constexpr auto privilege = bmc::Privilege::none;

    struct Request : ipmi::Nothing {};

    struct Response {
        ByteArray<16> guid{};

        static void fields(auto& c, auto& r) { c.bytes(r.guid); }
    };
};

/// §22.15. Answers strangers.
struct GetChannelCipherSuites {
    static constexpr ipmi::CommandId id{ipmi::netfn::app, 0x54};
    static constexpr auto privilege = bmc::Privilege::none;

    struct Request {
        u8 channel = 0;
        u8 payload_type = 0;
        u8 list_index = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<6>(r.payload_type), gap<2>);
            c.byte(r.list_index);
        }
    };

    struct Response {
        u8 channel = 0;
        InlineBytes<16> records;

        static void fields(auto& c, auto& r) {
            c.byte(r.channel);
            c.rest(r.records);
        }
    };
};

/// §22.18.
struct SetSessionPrivilegeLevel {
    static constexpr ipmi::CommandId id{ipmi::netfn::app, 0x3b};
    static constexpr auto privilege = bmc::Privilege::callback;

    struct Request {
        u8 level = 0; // 0: tell the present one

        static void fields(auto& c, auto& r) { c.bits(bit<4>(r.level), gap<4>); }
    };

    struct Response {
        u8 level = 0;

        static void fields(auto& c, auto& r) { c.byte(r.level); }
    };
};

/// §22.19.
struct CloseSession {
    static constexpr ipmi::CommandId id{ipmi::netfn::app, 0x3c};
    static constexpr auto privilege = bmc::Privilege::callback;

    struct Request {
        u32 session_id = 0;
        std::optional<u8> handle; // only with session id 0

        static void fields(auto& c, auto& r) {
            c.dword(r.session_id);
            c.optional(r.handle);
        }
    };

    using Response = ipmi::Nothing;
};

/// §22.20.
struct GetSessionInfo {
    static constexpr ipmi::CommandId id{ipmi::netfn::app, 0x3d};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 index = 0; // 00: this one, FE: by handle, FF: by id, else the n-th active
        InlineBytes<4> key;

        static void fields(auto& c, auto& r) {
            c.byte(r.index);
            c.rest(r.key);
        }
    };

    struct Response {
        u8 handle = 0;
        u8 possible = 0;
        u8 active = 0;
        bool found = false;
        u8 user_id = 0;
        u8 level = 0;
        u8 channel = 1;
        bool rmcp_plus = true;
        ByteArray<4> address{};
        ByteArray<6> mac{};
        u16 port = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.handle);
            c.bits(bit<6>(r.possible), gap<2>);
            c.bits(bit<6>(r.active), gap<2>);
            if (c.present(r.found)) {
                c.bits(bit<6>(r.user_id), gap<2>);
                c.bits(bit<4>(r.level), gap<4>);
                c.bits(bit<4>(r.channel), bit<1>(r.rmcp_plus), gap<3>);
                c.bytes(r.address);
                c.bytes(r.mac);
                c.word(r.port);
            }
        }
    };
};

ipmi::Reply<GetChannelAuthenticationCapabilities::Response> handle(
    VirtualBmc& bmc,
    const ipmi::Context& context,
    const GetChannelAuthenticationCapabilities::Request& request
);
ipmi::Reply<GetSystemGuid::Response>
handle(VirtualBmc& bmc, const ipmi::Context& context, const GetSystemGuid::Request& request);
ipmi::Reply<GetChannelCipherSuites::Response> handle(
    VirtualBmc& bmc, const ipmi::Context& context, const GetChannelCipherSuites::Request& request
);
ipmi::Reply<SetSessionPrivilegeLevel::Response> handle(
    VirtualBmc& bmc, const ipmi::Context& context, const SetSessionPrivilegeLevel::Request& request
);
ipmi::Reply<ipmi::Nothing>
handle(VirtualBmc& bmc, const ipmi::Context& context, const CloseSession::Request& request);
ipmi::Reply<GetSessionInfo::Response>
handle(VirtualBmc& bmc, const ipmi::Context& context, const GetSessionInfo::Request& request);

} // namespace vbmc::endpoint
