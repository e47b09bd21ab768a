#pragma once
// What the chassis is and how it stands (IPMI 2.0 §28.1, §28.2, §28.7, §28.11, §28.14).

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// Bits of Get Chassis Status.
namespace chassis_status {
// byte 1
inline constexpr u8 power_on = 0x01;
inline constexpr u8 control_fault = 0x10;
inline constexpr unsigned policy_shift = 5;
// byte 2
inline constexpr u8 on_by_ipmi = 0x10;
// byte 3
inline constexpr u8 panel_locked = 0x02;
inline constexpr unsigned identify_shift = 4;
inline constexpr u8 identify_supported = 0x40;
// byte 4, and Set Front Panel Button Enables
inline constexpr u8 power_button = 0x01;
inline constexpr u8 reset_button = 0x02;
inline constexpr u8 all_buttons = 0x0f;
inline constexpr u8 buttons_can_be_disabled = 0xf0;
} // namespace chassis_status

/// §28.1.
struct GetChassisCapabilities {
    static constexpr CommandId id{netfn::chassis, 0x00};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        bmc::ChassisCapabilities capabilities;

        static void fields(auto& c, auto& r) { c.nested(r.capabilities); }
    };
};

/// §28.2. Waits for a fresh look at the machine where the last one is old.
struct GetChassisStatus {
    static constexpr CommandId id{netfn::chassis, 0x01};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u8 power = 0;
        u8 last_event = 0;
        u8 misc = 0;
        u8 buttons = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.power);
            c.byte(r.last_event);
            c.byte(r.misc);
            c.byte(r.buttons);
        }
    };
};

/// §28.7.
struct SetChassisCapabilities {
    static constexpr CommandId id{netfn::chassis, 0x05};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 flags = 0;
        u8 fru_address = 0;
        u8 sdr_address = 0;
        u8 sel_address = 0;
        u8 system_management_address = 0;
        std::optional<u8> bridge_address;

        static void fields(auto& c, auto& r) {
            c.byte(r.flags);
            c.byte(r.fru_address);
            c.byte(r.sdr_address);
            c.byte(r.sel_address);
            c.byte(r.system_management_address);
            c.optional(r.bridge_address);
        }
    };

    using Response = Nothing;
};

/// §28.11.
struct GetSystemRestartCause {
    static constexpr CommandId id{netfn::chassis, 0x07};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u8 cause = 0;
        u8 channel = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.cause), gap<4>);
            c.byte(r.channel);
        }
    };
};

/// §28.14.
struct GetPohCounter {
    static constexpr CommandId id{netfn::chassis, 0x0f};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u8 minutes_per_count = 60;
        u32 count = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.minutes_per_count);
            c.dword(r.count);
        }
    };
};

Reply<GetChassisCapabilities::Response>
handle(bmc::Bmc&, const Context&, const GetChassisCapabilities::Request&);
Reply<GetChassisStatus::Response>
handle(bmc::Bmc&, const Context&, const GetChassisStatus::Request&);
Reply<SetChassisCapabilities::Response>
handle(bmc::Bmc&, const Context&, const SetChassisCapabilities::Request&);
Reply<GetSystemRestartCause::Response>
handle(bmc::Bmc&, const Context&, const GetSystemRestartCause::Request&);
Reply<GetPohCounter::Response> handle(bmc::Bmc&, const Context&, const GetPohCounter::Request&);

using ChassisStatusCommands = CommandList<
    bmc::Bmc,
    GetChassisCapabilities,
    GetChassisStatus,
    SetChassisCapabilities,
    GetSystemRestartCause,
    GetPohCounter>;

} // namespace vbmc::ipmi
