#pragma once
// App commands about the controller itself (IPMI 2.0 §20): device id, resets, self test, ACPI power
// state, device GUID. Requests and responses are here, so that tests and clients can build them.

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// §20.1.
struct GetDeviceId {
    static constexpr CommandId id{netfn::app, 0x01};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u8 device_id = 0;
        u8 revision = 0; // bit 7: provides device SDRs
        u8 firmware_major = 0;
        u8 firmware_minor_bcd = 0;
        u8 ipmi_version = 0x02; // 2.0, as BCD with the digits swapped
        u8 supports = 0;
        u32 manufacturer = 0;
        u16 product = 0;
        u32 auxiliary = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.device_id);
            c.byte(r.revision);
            c.byte(r.firmware_major);
            c.byte(r.firmware_minor_bcd);
            c.byte(r.ipmi_version);
            c.byte(r.supports);
            c.word24(r.manufacturer);
            c.word(r.product);
            c.dword(r.auxiliary);
        }
    };
};

/// §20.2. Restarts the controller, not the node.
struct ColdReset {
    static constexpr CommandId id{netfn::app, 0x02};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request : Nothing {};

    using Response = Nothing;
};

/// §20.3.
struct WarmReset {
    static constexpr CommandId id{netfn::app, 0x03};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request : Nothing {};

    using Response = Nothing;
};

/// §20.4.
struct GetSelfTestResults {
    static constexpr CommandId id{netfn::app, 0x04};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u8 result = 0x55; // no error
        u8 detail = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.result);
            c.byte(r.detail);
        }
    };
};

/// §20.6.
struct SetAcpiPowerState {
    static constexpr CommandId id{netfn::app, 0x06};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 system = 0;
        bool set_system = false;
        u8 device = 0;
        bool set_device = false;

        static void fields(auto& c, auto& r) {
            c.bits(bit<7>(r.system), bit<1>(r.set_system));
            c.bits(bit<7>(r.device), bit<1>(r.set_device));
        }
    };

    using Response = Nothing;
};

/// §20.7.
struct GetAcpiPowerState {
    static constexpr CommandId id{netfn::app, 0x07};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u8 system = 0;
        u8 device = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.system);
            c.byte(r.device);
        }
    };
};

/// §20.8.
struct GetDeviceGuid {
    static constexpr CommandId id{netfn::app, 0x08};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        ByteArray<16> guid{};

        static void fields(auto& c, auto& r) { c.bytes(r.guid); }
    };
};

Reply<GetDeviceId::Response> handle(bmc::Bmc&, const Context&, const GetDeviceId::Request&);
Reply<ColdReset::Response> handle(bmc::Bmc&, const Context&, const ColdReset::Request&);
Reply<WarmReset::Response> handle(bmc::Bmc&, const Context&, const WarmReset::Request&);
Reply<GetSelfTestResults::Response>
handle(bmc::Bmc&, const Context&, const GetSelfTestResults::Request&);
Reply<SetAcpiPowerState::Response>
handle(bmc::Bmc&, const Context&, const SetAcpiPowerState::Request&);
Reply<GetAcpiPowerState::Response>
handle(bmc::Bmc&, const Context&, const GetAcpiPowerState::Request&);
Reply<GetDeviceGuid::Response> handle(bmc::Bmc&, const Context&, const GetDeviceGuid::Request&);

using AppDeviceCommands = CommandList<
    bmc::Bmc,
    GetDeviceId,
    ColdReset,
    WarmReset,
    GetSelfTestResults,
    SetAcpiPowerState,
    GetAcpiPowerState,
    GetDeviceGuid>;

} // namespace vbmc::ipmi
