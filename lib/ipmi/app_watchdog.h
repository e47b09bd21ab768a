#pragma once
// The watchdog timer's commands (IPMI 2.0 §27.5-§27.7).

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// Reset Watchdog Timer before the first Set Watchdog Timer.
inline constexpr CompletionCode watchdog_not_initialized = command_specific(0x80);

/// §27.5. Starts the timer, or starts it again.
struct ResetWatchdogTimer {
    static constexpr CommandId id{netfn::app, 0x22};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request : Nothing {};

    using Response = Nothing;
};

/// §27.6. Configures the timer and, unless told otherwise, stops it.
struct SetWatchdogTimer {
    static constexpr CommandId id{netfn::app, 0x24};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 use = 0;
        bool dont_stop = false;
        bool dont_log = false;
        u8 action = 0;
        u8 interrupt = 0;
        u8 interrupt_ahead_s = 0;
        u8 clear_expired_uses = 0;
        u16 countdown_100ms = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<3>(r.use), gap<3>, bit<1>(r.dont_stop), bit<1>(r.dont_log));
            c.bits(bit<3>(r.action), gap<1>, bit<3>(r.interrupt), gap<1>);
            c.byte(r.interrupt_ahead_s);
            c.byte(r.clear_expired_uses);
            c.word(r.countdown_100ms);
        }
    };

    using Response = Nothing;
};

/// §27.7.
struct GetWatchdogTimer {
    static constexpr CommandId id{netfn::app, 0x25};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u8 use = 0;
        bool running = false;
        bool dont_log = false;
        u8 action = 0;
        u8 interrupt = 0;
        u8 interrupt_ahead_s = 0;
        u8 expired_uses = 0;
        u16 countdown_100ms = 0;
        u16 remaining_100ms = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<3>(r.use), gap<3>, bit<1>(r.running), bit<1>(r.dont_log));
            c.bits(bit<3>(r.action), gap<1>, bit<3>(r.interrupt), gap<1>);
            c.byte(r.interrupt_ahead_s);
            c.byte(r.expired_uses);
            c.word(r.countdown_100ms);
            c.word(r.remaining_100ms);
        }
    };
};

Reply<ResetWatchdogTimer::Response>
handle(bmc::Bmc&, const Context&, const ResetWatchdogTimer::Request&);
Reply<SetWatchdogTimer::Response>
handle(bmc::Bmc&, const Context&, const SetWatchdogTimer::Request&);
Reply<GetWatchdogTimer::Response>
handle(bmc::Bmc&, const Context&, const GetWatchdogTimer::Request&);

using AppWatchdogCommands =
    CommandList<bmc::Bmc, ResetWatchdogTimer, SetWatchdogTimer, GetWatchdogTimer>;

} // namespace vbmc::ipmi
