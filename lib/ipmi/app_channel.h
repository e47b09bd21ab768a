#pragma once
// The LAN channel's access, what it is, its payloads, and the keys of RMCP+ (IPMI 2.0
// §22.22-§22.25, §24.8-§24.10).

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// Set Channel Access: where a value goes.
enum class SetTarget : u8 { none = 0, stored = 1, active = 2 };

/// Set Channel Access: the access mode is not one of this channel's.
inline constexpr CompletionCode access_mode_unsupported = command_specific(0x83);
/// Get Channel Payload Version, Get Channel OEM Payload Info.
inline constexpr CompletionCode payload_unavailable = command_specific(0x80);

// Set Channel Security Keys.
inline constexpr CompletionCode key_locked = command_specific(0x80);
inline constexpr CompletionCode key_too_short = command_specific(0x81);
inline constexpr CompletionCode key_too_long = command_specific(0x82);
inline constexpr CompletionCode key_not_used = command_specific(0x84);

/// §22.22.
struct SetChannelAccess {
    static constexpr CommandId id{netfn::app, 0x40};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 channel = 0;
        u8 mode = 0;
        u8 flags = 0;         // bmc::ChannelAccess
        u8 access_target = 0; // SetTarget
        u8 limit = 0;
        u8 limit_target = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<3>(r.mode), bit<3>(r.flags), bit<2>(r.access_target));
            c.bits(bit<4>(r.limit), gap<2>, bit<2>(r.limit_target));
        }
    };

    using Response = Nothing;
};

/// §22.23.
struct GetChannelAccess {
    static constexpr CommandId id{netfn::app, 0x41};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 channel = 0;
        u8 which = 0; // 1: non-volatile, 2: active

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(gap<6>, bit<2>(r.which));
        }
    };

    struct Response {
        bmc::ChannelAccess access;

        static void fields(auto& c, auto& r) { c.nested(r.access); }
    };
};

/// §22.24.
struct GetChannelInfo {
    static constexpr CommandId id{netfn::app, 0x42};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 channel = 0;

        static void fields(auto& c, auto& r) { c.bits(bit<4>(r.channel), gap<4>); }
    };

    struct Response {
        u8 channel = 0;
        u8 medium = 0;
        u8 protocol = 0;
        u8 active_sessions = 0;
        u8 session_support = 0;
        u32 protocol_vendor = 0;
        u16 auxiliary = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<7>(r.medium), gap<1>);
            c.bits(bit<5>(r.protocol), gap<3>);
            c.bits(bit<6>(r.active_sessions), bit<2>(r.session_support));
            c.word24(r.protocol_vendor);
            c.word(r.auxiliary);
        }
    };
};

/// §24.8.
struct GetChannelPayloadSupport {
    static constexpr CommandId id{netfn::app, 0x4e};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 channel = 0;

        static void fields(auto& c, auto& r) { c.bits(bit<4>(r.channel), gap<4>); }
    };

    struct Response {
        u16 standard = 0;      // bit a payload type 0-15
        u16 session_setup = 0; // 10h-1Fh
        u16 oem = 0;           // 20h-2Fh

        static void fields(auto& c, auto& r) {
            c.word(r.standard);
            c.word(r.session_setup);
            c.word(r.oem);
            c.reserved(2);
        }
    };
};

/// §24.9.
struct GetChannelPayloadVersion {
    static constexpr CommandId id{netfn::app, 0x4f};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 channel = 0;
        u8 payload = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<6>(r.payload), gap<2>);
        }
    };

    struct Response {
        u8 minor = 0;
        u8 major = 0;

        static void fields(auto& c, auto& r) { c.bits(bit<4>(r.minor), bit<4>(r.major)); }
    };
};

/// §24.10. There are no OEM payloads.
struct GetChannelOemPayloadInfo {
    static constexpr CommandId id{netfn::app, 0x50};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 channel = 0;
        u8 payload = 0;
        u32 iana = 0;
        u16 oem_payload = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<6>(r.payload), gap<2>);
            c.word24(r.iana);
            c.word(r.oem_payload);
        }
    };

    using Response = Nothing;
};

/// §22.25. Reads, sets and locks K_g.
struct SetChannelSecurityKeys {
    static constexpr CommandId id{netfn::app, 0x56};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 channel = 0;
        u8 operation = 0; // 0: read, 1: set, 2: lock
        u8 key = 0;       // 0: K_r, 1: K_g
        Bytes value;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<2>(r.operation), gap<6>);
            c.byte(r.key);
            c.rest(r.value);
        }
    };

    struct Response {
        u8 lock = 0; // 1: locked, 2: unlocked
        InlineBytes<20> value;

        static void fields(auto& c, auto& r) {
            c.bits(bit<2>(r.lock), gap<6>);
            c.rest(r.value);
        }
    };
};

Reply<SetChannelAccess::Response>
handle(bmc::Bmc&, const Context&, const SetChannelAccess::Request&);
Reply<GetChannelAccess::Response>
handle(bmc::Bmc&, const Context&, const GetChannelAccess::Request&);
Reply<GetChannelInfo::Response> handle(bmc::Bmc&, const Context&, const GetChannelInfo::Request&);
Reply<GetChannelPayloadSupport::Response>
handle(bmc::Bmc&, const Context&, const GetChannelPayloadSupport::Request&);
Reply<GetChannelPayloadVersion::Response>
handle(bmc::Bmc&, const Context&, const GetChannelPayloadVersion::Request&);
Reply<GetChannelOemPayloadInfo::Response>
handle(bmc::Bmc&, const Context&, const GetChannelOemPayloadInfo::Request&);
Reply<SetChannelSecurityKeys::Response>
handle(bmc::Bmc&, const Context&, const SetChannelSecurityKeys::Request&);

using AppChannelCommands = CommandList<
    bmc::Bmc,
    SetChannelAccess,
    GetChannelAccess,
    GetChannelInfo,
    GetChannelPayloadSupport,
    GetChannelPayloadVersion,
    GetChannelOemPayloadInfo,
    SetChannelSecurityKeys>;

} // namespace vbmc::ipmi
