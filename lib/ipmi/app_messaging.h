#pragma once
// Messaging commands (IPMI 2.0 §22.1-§22.11): enables, flags, the event message buffer, bridging,
// and the interfaces of a host. There is no host interface and no bus behind this controller: what
// needs one says so at once. The specification keeps some of these for the system interface; here,
// where there is none, an administrator may use them.

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// Get Message, Read Event Message Buffer: there is none.
inline constexpr CompletionCode queue_empty = command_specific(0x80);
/// Send Message, Master Write-Read: nobody at that address.
inline constexpr CompletionCode nak_on_write = command_specific(0x83);

/// §22.1.
struct SetBmcGlobalEnables {
    static constexpr CommandId id{netfn::app, 0x2e};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 enables = 0;

        static void fields(auto& c, auto& r) { c.byte(r.enables); }
    };

    using Response = Nothing;
};

/// §22.2.
struct GetBmcGlobalEnables {
    static constexpr CommandId id{netfn::app, 0x2f};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u8 enables = 0;

        static void fields(auto& c, auto& r) { c.byte(r.enables); }
    };
};

/// §22.3.
struct ClearMessageFlags {
    static constexpr CommandId id{netfn::app, 0x30};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 flags = 0;

        static void fields(auto& c, auto& r) { c.byte(r.flags); }
    };

    using Response = Nothing;
};

/// §22.4.
struct GetMessageFlags {
    static constexpr CommandId id{netfn::app, 0x31};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request : Nothing {};

    struct Response {
        u8 flags = 0;

        static void fields(auto& c, auto& r) { c.byte(r.flags); }
    };
};

/// §22.5. Nothing is ever received for a host: only "disabled" can be set.
struct EnableMessageChannelReceive {
    static constexpr CommandId id{netfn::app, 0x32};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 channel = 0;
        u8 operation = 0; // 0: disable, 1: enable, 2: get

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<2>(r.operation), gap<6>);
        }
    };

    struct Response {
        u8 channel = 0;
        bool enabled = false;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<1>(r.enabled), gap<7>);
        }
    };
};

/// §22.6. The receive message queue is always empty.
struct GetMessage {
    static constexpr CommandId id{netfn::app, 0x33};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request : Nothing {};

    using Response = Nothing;
};

/// §22.7.
struct SendMessage {
    static constexpr CommandId id{netfn::app, 0x34};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 channel = 0;
        u8 options = 0; // tracking, encryption, authentication
        Bytes message;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), bit<4>(r.options));
            c.rest(r.message);
        }
    };

    using Response = Nothing;
};

/// §22.8.
struct ReadEventMessageBuffer {
    static constexpr CommandId id{netfn::app, 0x35};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request : Nothing {};

    struct Response {
        ByteArray<16> event{};

        static void fields(auto& c, auto& r) { c.bytes(r.event); }
    };
};

/// §22.10.
struct GetBtInterfaceCapabilities {
    static constexpr CommandId id{netfn::app, 0x36};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    using Response = Nothing;
};

/// §22.11.
struct MasterWriteRead {
    static constexpr CommandId id{netfn::app, 0x52};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 bus = 0;
        u8 address = 0;
        u8 read_count = 0;
        Bytes data;

        static void fields(auto& c, auto& r) {
            c.byte(r.bus);
            c.byte(r.address);
            c.byte(r.read_count);
            c.rest(r.data);
        }
    };

    using Response = Nothing;
};

/// §22.9.
struct GetSystemInterfaceCapabilities {
    static constexpr CommandId id{netfn::app, 0x57};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 type = 0; // 0: SSIF, 1: KCS, 2: SMIC

        static void fields(auto& c, auto& r) { c.bits(bit<4>(r.type), gap<4>); }
    };

    using Response = Nothing;
};

Reply<SetBmcGlobalEnables::Response>
handle(bmc::Bmc&, const Context&, const SetBmcGlobalEnables::Request&);
Reply<GetBmcGlobalEnables::Response>
handle(bmc::Bmc&, const Context&, const GetBmcGlobalEnables::Request&);
Reply<ClearMessageFlags::Response>
handle(bmc::Bmc&, const Context&, const ClearMessageFlags::Request&);
Reply<GetMessageFlags::Response> handle(bmc::Bmc&, const Context&, const GetMessageFlags::Request&);
Reply<EnableMessageChannelReceive::Response>
handle(bmc::Bmc&, const Context&, const EnableMessageChannelReceive::Request&);
Reply<GetMessage::Response> handle(bmc::Bmc&, const Context&, const GetMessage::Request&);
Reply<SendMessage::Response> handle(bmc::Bmc&, const Context&, const SendMessage::Request&);
Reply<ReadEventMessageBuffer::Response>
handle(bmc::Bmc&, const Context&, const ReadEventMessageBuffer::Request&);
Reply<GetBtInterfaceCapabilities::Response>
handle(bmc::Bmc&, const Context&, const GetBtInterfaceCapabilities::Request&);
Reply<MasterWriteRead::Response> handle(bmc::Bmc&, const Context&, const MasterWriteRead::Request&);
Reply<GetSystemInterfaceCapabilities::Response>
handle(bmc::Bmc&, const Context&, const GetSystemInterfaceCapabilities::Request&);

using AppMessagingCommands = CommandList<
    bmc::Bmc,
    SetBmcGlobalEnables,
    GetBmcGlobalEnables,
    ClearMessageFlags,
    GetMessageFlags,
    EnableMessageChannelReceive,
    GetMessage,
    SendMessage,
    ReadEventMessageBuffer,
    GetBtInterfaceCapabilities,
    MasterWriteRead,
    GetSystemInterfaceCapabilities>;

} // namespace vbmc::ipmi
