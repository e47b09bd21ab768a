#pragma once
// App commands about payloads of a session, which here means Serial over LAN (IPMI 2.0 §24).

#include "ipmi/command.h"

namespace vbmc::endpoint {

class VirtualBmc;

inline constexpr u8 payload_type_sol = 1;
inline constexpr u8 sol_instance = 1; // one console a machine, one instance

/// What Activate and Deactivate Payload share.
struct PayloadRequest {
    u8 type = 0;
    u8 instance = 0;
    bool encrypt = false;
    bool authenticate = false;
    bool test_mode = false;

    static void fields(auto& c, auto& r) {
        c.bits(bit<6>(r.type), gap<2>);
        c.bits(bit<4>(r.instance), gap<4>);
        c.bits(gap<5>, bit<1>(r.test_mode), bit<1>(r.authenticate), bit<1>(r.encrypt));
        c.reserved(3);
    }
};

/// §24.1.
struct ActivatePayload {
    static constexpr ipmi::CommandId id{ipmi::netfn::app, 0x48};
    static constexpr auto privilege = bmc::Privilege::user; // and the SOL parameters' own limit

    /// Bit 1 of the third byte asks to keep the machine silent until the console's first packet. It
    /// is not obeyed: ipmitool and ipmiconsole set it and then wait for the machine.
    struct Request : PayloadRequest {};

    struct Response {
        u16 inbound_bytes_max = 0;
        u16 outbound_bytes_max = 0;
        u16 port = 0;
        u16 vlan = 0xffff;

        static void fields(auto& c, auto& r) {
            c.reserved(4); // no test mode
            c.word(r.inbound_bytes_max);
            c.word(r.outbound_bytes_max);
            c.word(r.port);
            c.word(r.vlan);
        }
    };
};

/// §24.2.
struct DeactivatePayload {
    static constexpr ipmi::CommandId id{ipmi::netfn::app, 0x49};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : PayloadRequest {};

    using Response = ipmi::Nothing;
};

/// §24.4.
struct GetPayloadActivationStatus {
    static constexpr ipmi::CommandId id{ipmi::netfn::app, 0x4a};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 type = 0;

        static void fields(auto& c, auto& r) { c.bits(bit<6>(r.type), gap<2>); }
    };

    struct Response {
        u8 capacity = 0;
        u16 active = 0; // bit 0 is instance 1

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.capacity), gap<4>);
            c.word(r.active);
        }
    };
};

/// §24.5.
struct GetPayloadInstanceInfo {
    static constexpr ipmi::CommandId id{ipmi::netfn::app, 0x4b};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 type = 0;
        u8 instance = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<6>(r.type), gap<2>);
            c.bits(bit<4>(r.instance), gap<4>);
        }
    };

    struct Response {
        u32 session_id = 0; // 0: not activated
        u8 serial_port = 0;

        static void fields(auto& c, auto& r) {
            c.dword(r.session_id);
            c.byte(r.serial_port);
            c.reserved(7);
        }
    };
};

ipmi::Reply<ActivatePayload::Response>
handle(VirtualBmc& bmc, const ipmi::Context& context, const ActivatePayload::Request& request);
ipmi::Reply<ipmi::Nothing>
handle(VirtualBmc& bmc, const ipmi::Context& context, const DeactivatePayload::Request& request);
ipmi::Reply<GetPayloadActivationStatus::Response> handle(
    VirtualBmc& bmc,
    const ipmi::Context& context,
    const GetPayloadActivationStatus::Request& request
);
ipmi::Reply<GetPayloadInstanceInfo::Response> handle(
    VirtualBmc& bmc, const ipmi::Context& context, const GetPayloadInstanceInfo::Request& request
);

} // namespace vbmc::endpoint
