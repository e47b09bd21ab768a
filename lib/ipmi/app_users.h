#pragma once
// Users (IPMI 2.0 §22.26-§22.30, §24.6, §24.7): access, names, passwords, payloads. All for
// channel 1.

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// Set User Password.
enum class PasswordOperation : u8 { disable = 0, enable = 1, set = 2, test = 3 };

/// Set User Password, test: it is another one.
inline constexpr CompletionCode password_differs = command_specific(0x80);
/// Set User Password, test: it was set in the other size.
inline constexpr CompletionCode password_size_differs = command_specific(0x81);

/// On the wire, a limit of "no access".
inline constexpr u8 no_access = 0x0f;

/// §22.26.
struct SetUserAccess {
    static constexpr CommandId id{netfn::app, 0x43};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 channel = 0;
        bool messaging = false;
        bool link_auth = false;
        bool callback_only = false;
        bool change_flags = false;
        u8 user_id = 0;
        u8 limit = 0; // Fh: no access
        std::optional<u8> session_limit;

        static void fields(auto& c, auto& r) {
            c.bits(
                bit<4>(r.channel),
                bit<1>(r.messaging),
                bit<1>(r.link_auth),
                bit<1>(r.callback_only),
                bit<1>(r.change_flags)
            );
            c.bits(bit<6>(r.user_id), gap<2>);
            c.bits(bit<4>(r.limit), gap<4>);
            c.optional(r.session_limit);
        }
    };

    using Response = Nothing;
};

/// §22.27.
struct GetUserAccess {
    static constexpr CommandId id{netfn::app, 0x44};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 channel = 0;
        u8 user_id = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<6>(r.user_id), gap<2>);
        }
    };

    struct Response {
        u8 ids_max = 0;
        u8 enabled_count = 0;
        u8 status = 0; // 1: enabled, 2: disabled
        u8 fixed_names = 0;
        u8 limit = 0;
        bool messaging = false;
        bool link_auth = false;
        bool callback_only = false;

        static void fields(auto& c, auto& r) {
            c.bits(bit<6>(r.ids_max), gap<2>);
            c.bits(bit<6>(r.enabled_count), bit<2>(r.status));
            c.bits(bit<6>(r.fixed_names), gap<2>);
            // The reserved bit 7 is the upper half of the last: a bool leaves it 0.
            c.bits(
                bit<4>(r.limit), bit<1>(r.messaging), bit<1>(r.link_auth), bit<2>(r.callback_only)
            );
        }
    };
};

/// §22.28. A name of zeros removes the user.
struct SetUserName {
    static constexpr CommandId id{netfn::app, 0x45};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 user_id = 0;
        ByteArray<16> name{};

        static void fields(auto& c, auto& r) {
            c.bits(bit<6>(r.user_id), gap<2>);
            c.bytes(r.name);
        }
    };

    using Response = Nothing;
};

/// §22.29.
struct GetUserName {
    static constexpr CommandId id{netfn::app, 0x46};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 user_id = 0;

        static void fields(auto& c, auto& r) { c.bits(bit<6>(r.user_id), gap<2>); }
    };

    struct Response {
        ByteArray<16> name{};

        static void fields(auto& c, auto& r) { c.bytes(r.name); }
    };
};

/// §22.30.
struct SetUserPassword {
    static constexpr CommandId id{netfn::app, 0x47};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 user_id = 0;
        bool is_20 = false;
        u8 operation = 0; // PasswordOperation
        Bytes password;

        static void fields(auto& c, auto& r) {
            c.bits(bit<6>(r.user_id), gap<1>, bit<1>(r.is_20));
            c.bits(bit<2>(r.operation), gap<6>);
            c.rest(r.password);
        }
    };

    using Response = Nothing;
};

/// §24.6.
struct SetUserPayloadAccess {
    static constexpr CommandId id{netfn::app, 0x4c};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 channel = 0;
        u8 user_id = 0;
        u8 operation = 0; // 0: enable, 1: disable what is set below
        u16 standard = 0;
        u16 oem = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<6>(r.user_id), bit<2>(r.operation));
            c.word(r.standard);
            c.word(r.oem);
        }
    };

    using Response = Nothing;
};

/// §24.7.
struct GetUserPayloadAccess {
    static constexpr CommandId id{netfn::app, 0x4d};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 channel = 0;
        u8 user_id = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<6>(r.user_id), gap<2>);
        }
    };

    struct Response {
        u16 standard = 0;
        u16 oem = 0;

        static void fields(auto& c, auto& r) {
            c.word(r.standard);
            c.word(r.oem);
        }
    };
};

Reply<SetUserAccess::Response> handle(bmc::Bmc&, const Context&, const SetUserAccess::Request&);
Reply<GetUserAccess::Response> handle(bmc::Bmc&, const Context&, const GetUserAccess::Request&);
Reply<SetUserName::Response> handle(bmc::Bmc&, const Context&, const SetUserName::Request&);
Reply<GetUserName::Response> handle(bmc::Bmc&, const Context&, const GetUserName::Request&);
Reply<SetUserPassword::Response> handle(bmc::Bmc&, const Context&, const SetUserPassword::Request&);
Reply<SetUserPayloadAccess::Response>
handle(bmc::Bmc&, const Context&, const SetUserPayloadAccess::Request&);
Reply<GetUserPayloadAccess::Response>
handle(bmc::Bmc&, const Context&, const GetUserPayloadAccess::Request&);

using AppUserCommands = CommandList<
    bmc::Bmc,
    SetUserAccess,
    GetUserAccess,
    SetUserName,
    GetUserName,
    SetUserPassword,
    SetUserPayloadAccess,
    GetUserPayloadAccess>;

} // namespace vbmc::ipmi
