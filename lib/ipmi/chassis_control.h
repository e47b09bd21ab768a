#pragma once
// What is done to the chassis (IPMI 2.0 §28.3-§28.6, §28.8, §28.9): power, identify, policies,
// buttons.

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// §28.3. Answers when the backend has taken it, or when the confirm window is over.
struct ChassisControl {
    static constexpr CommandId id{netfn::chassis, 0x02};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 action = 0; // bmc::PowerAction

        static void fields(auto& c, auto& r) { c.bits(bit<4>(r.action), gap<4>); }
    };

    using Response = Nothing;
};

/// §28.4: an older hard reset.
struct ChassisReset {
    static constexpr CommandId id{netfn::chassis, 0x03};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request : Nothing {};

    using Response = Nothing;
};

/// §28.5.
struct ChassisIdentify {
    static constexpr CommandId id{netfn::chassis, 0x04};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        std::optional<u8> seconds; // 15 when absent; 0: off
        std::optional<u8> force;   // bit 0: until told otherwise

        static void fields(auto& c, auto& r) {
            c.optional(r.seconds);
            c.optional(r.force);
        }
    };

    using Response = Nothing;
};

/// §28.8.
struct SetPowerRestorePolicy {
    static constexpr CommandId id{netfn::chassis, 0x06};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 policy = 0; // 3: only ask

        static void fields(auto& c, auto& r) { c.bits(bit<3>(r.policy), gap<5>); }
    };

    struct Response {
        u8 supported = 0x07;

        static void fields(auto& c, auto& r) { c.byte(r.supported); }
    };
};

/// §28.6.
struct SetFrontPanelEnables {
    static constexpr CommandId id{netfn::chassis, 0x0a};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 disabled = 0; // a bit a button

        static void fields(auto& c, auto& r) { c.bits(bit<4>(r.disabled), gap<4>); }
    };

    using Response = Nothing;
};

/// §28.9.
struct SetPowerCycleInterval {
    static constexpr CommandId id{netfn::chassis, 0x0b};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 seconds = 0;

        static void fields(auto& c, auto& r) { c.byte(r.seconds); }
    };

    using Response = Nothing;
};

Reply<ChassisControl::Response> handle(bmc::Bmc&, const Context&, const ChassisControl::Request&);
Reply<ChassisReset::Response> handle(bmc::Bmc&, const Context&, const ChassisReset::Request&);
Reply<ChassisIdentify::Response> handle(bmc::Bmc&, const Context&, const ChassisIdentify::Request&);
Reply<SetPowerRestorePolicy::Response>
handle(bmc::Bmc&, const Context&, const SetPowerRestorePolicy::Request&);
Reply<SetFrontPanelEnables::Response>
handle(bmc::Bmc&, const Context&, const SetFrontPanelEnables::Request&);
Reply<SetPowerCycleInterval::Response>
handle(bmc::Bmc&, const Context&, const SetPowerCycleInterval::Request&);

using ChassisControlCommands = CommandList<
    bmc::Bmc,
    ChassisControl,
    ChassisReset,
    ChassisIdentify,
    SetPowerRestorePolicy,
    SetFrontPanelEnables,
    SetPowerCycleInterval>;

} // namespace vbmc::ipmi
