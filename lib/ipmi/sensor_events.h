#pragma once
// Event commands (IPMI 2.0 §29) and Platform Event Filtering and alerting (§30). Alerts are not
// sent: there is no alert policy, string or destination to set up.

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// §29.1.
struct SetEventReceiver {
    static constexpr CommandId id{netfn::sensor, 0x00};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 address = 0;
        u8 lun = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.address);
            c.bits(bit<2>(r.lun), gap<6>);
        }
    };

    using Response = Nothing;
};

/// §29.2.
struct GetEventReceiver {
    static constexpr CommandId id{netfn::sensor, 0x01};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u8 address = 0;
        u8 lun = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.address);
            c.bits(bit<2>(r.lun), gap<6>);
        }
    };
};

/// §29.3.
struct PlatformEvent {
    static constexpr CommandId id{netfn::sensor, 0x02};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 revision = 0;
        u8 sensor_type = 0;
        u8 sensor_number = 0;
        u8 direction_and_type = 0;
        ByteArray<3> data{};

        static void fields(auto& c, auto& r) {
            c.byte(r.revision);
            c.byte(r.sensor_type);
            c.byte(r.sensor_number);
            c.byte(r.direction_and_type);
            c.bytes(r.data);
        }
    };

    using Response = Nothing;
};

/// §30.1.
struct GetPefCapabilities {
    static constexpr CommandId id{netfn::sensor, 0x10};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u8 version = 0x51;
        u8 actions = 0;
        u8 filters = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.version);
            c.byte(r.actions);
            c.byte(r.filters);
        }
    };
};

/// §30.2.
struct ArmPefPostponeTimer {
    static constexpr CommandId id{netfn::sensor, 0x11};
    static constexpr auto privilege = bmc::Privilege::administrator;
    static constexpr u8 get_present = 0xff;

    struct Request {
        u8 seconds = 0;

        static void fields(auto& c, auto& r) { c.byte(r.seconds); }
    };

    struct Response {
        u8 left = 0;

        static void fields(auto& c, auto& r) { c.byte(r.left); }
    };
};

/// §30.3.
struct SetPefParameters {
    static constexpr CommandId id{netfn::sensor, 0x12};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 parameter = 0;
        Bytes data;

        static void fields(auto& c, auto& r) {
            c.bits(bit<7>(r.parameter), gap<1>);
            c.rest(r.data);
        }
    };

    using Response = Nothing;
};

/// §30.4.
struct GetPefParameters {
    static constexpr CommandId id{netfn::sensor, 0x13};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 parameter = 0;
        bool revision_only = false;
        u8 set = 0;
        u8 block = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<7>(r.parameter), bit<1>(r.revision_only));
            c.byte(r.set);
            c.byte(r.block);
        }
    };

    struct Response {
        u8 revision = 0x11;
        InlineBytes<24> data;

        static void fields(auto& c, auto& r) {
            c.byte(r.revision);
            c.rest(r.data);
        }
    };
};

/// §30.5.
struct SetLastProcessedEvent {
    static constexpr CommandId id{netfn::sensor, 0x14};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        bool by_bmc = false;
        u16 record = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<1>(r.by_bmc), gap<7>);
            c.word(r.record);
        }
    };

    using Response = Nothing;
};

/// §30.6.
struct GetLastProcessedEvent {
    static constexpr CommandId id{netfn::sensor, 0x15};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request : Nothing {};

    struct Response {
        u32 added_at = 0;
        u16 newest = 0;
        u16 by_software = 0;
        u16 by_bmc = 0;

        static void fields(auto& c, auto& r) {
            c.dword(r.added_at);
            c.word(r.newest);
            c.word(r.by_software);
            c.word(r.by_bmc);
        }
    };
};

/// §30.7.
struct AlertImmediate {
    static constexpr CommandId id{netfn::sensor, 0x16};
    static constexpr auto privilege = bmc::Privilege::administrator;
    static constexpr u8 initiate = 0;
    static constexpr u8 get_status = 1;
    static constexpr u8 clear_status = 2;

    struct Request {
        u8 channel = 0;
        u8 destination = 0;
        u8 operation = 0;
        u8 string = 0;
        Bytes event; // §30.7: a platform event may follow

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.channel), gap<4>);
            c.bits(bit<4>(r.destination), gap<2>, bit<2>(r.operation));
            c.byte(r.string);
            c.rest(r.event);
        }
    };

    struct Response {
        std::optional<u8> status;

        static void fields(auto& c, auto& r) { c.optional(r.status); }
    };
};

/// §30.8.
struct PetAcknowledge {
    static constexpr CommandId id{netfn::sensor, 0x17};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u16 sequence = 0;
        u32 timestamp = 0;
        ByteArray<6> event{};

        static void fields(auto& c, auto& r) {
            c.word(r.sequence);
            c.dword(r.timestamp);
            c.bytes(r.event);
        }
    };

    using Response = Nothing;
};

Reply<Nothing>
handle(bmc::Bmc& bmc, const Context& context, const SetEventReceiver::Request& request);
Reply<GetEventReceiver::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetEventReceiver::Request& request);
Reply<Nothing> handle(bmc::Bmc& bmc, const Context& context, const PlatformEvent::Request& request);
Reply<GetPefCapabilities::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetPefCapabilities::Request& request);
Reply<ArmPefPostponeTimer::Response>
handle(bmc::Bmc& bmc, const Context& context, const ArmPefPostponeTimer::Request& request);
Reply<Nothing>
handle(bmc::Bmc& bmc, const Context& context, const SetPefParameters::Request& request);
Reply<GetPefParameters::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetPefParameters::Request& request);
Reply<Nothing>
handle(bmc::Bmc& bmc, const Context& context, const SetLastProcessedEvent::Request& request);
Reply<GetLastProcessedEvent::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetLastProcessedEvent::Request& request);
Reply<AlertImmediate::Response>
handle(bmc::Bmc& bmc, const Context& context, const AlertImmediate::Request& request);
Reply<Nothing>
handle(bmc::Bmc& bmc, const Context& context, const PetAcknowledge::Request& request);

using SensorEventCommands = CommandList<
    bmc::Bmc,
    SetEventReceiver,
    GetEventReceiver,
    PlatformEvent,
    GetPefCapabilities,
    ArmPefPostponeTimer,
    SetPefParameters,
    GetPefParameters,
    SetLastProcessedEvent,
    GetLastProcessedEvent,
    AlertImmediate,
    PetAcknowledge>;

} // namespace vbmc::ipmi
