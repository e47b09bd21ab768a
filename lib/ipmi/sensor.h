#pragma once
// Sensor device commands (IPMI 2.0 §35): device SDRs, readings, thresholds, hysteresis, event
// enables. An unknown sensor is CBh; a command that does not fit the kind of sensor is CDh.

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// The ticket to wait for before the sensor is read; 0: read it now.
bmc::Ticket wait_for_reading(bmc::Bmc& bmc, const Context& context, const bmc::SensorSpec& spec);

/// §35.2.
struct GetDeviceSdrInfo {
    static constexpr CommandId id{netfn::sensor, 0x20};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        std::optional<u8> operation; // bit 0: count SDRs, not sensors

        static void fields(auto& c, auto& r) { c.optional(r.operation); }
    };

    struct Response {
        u8 count = 0;
        u8 flags = 0x01; // static population, LUN 0 has sensors

        static void fields(auto& c, auto& r) {
            c.byte(r.count);
            c.byte(r.flags);
        }
    };
};

/// §35.3. As Get SDR (§33.12), with a reservation of its own.
struct GetDeviceSdr {
    static constexpr CommandId id{netfn::sensor, 0x21};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u16 reservation = 0;
        u16 record = 0;
        u8 offset = 0;
        u8 count = 0;

        static void fields(auto& c, auto& r) {
            c.word(r.reservation);
            c.word(r.record);
            c.byte(r.offset);
            c.byte(r.count);
        }
    };

    struct Response {
        u16 next = 0;
        InlineBytes<64> data;

        static void fields(auto& c, auto& r) {
            c.word(r.next);
            c.rest(r.data);
        }
    };
};

/// §35.4.
struct ReserveDeviceSdr {
    static constexpr CommandId id{netfn::sensor, 0x22};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u16 reservation = 0;

        static void fields(auto& c, auto& r) { c.word(r.reservation); }
    };
};

/// §35.5.
struct GetSensorReadingFactors {
    static constexpr CommandId id{netfn::sensor, 0x23};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 sensor = 0;
        u8 reading = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.sensor);
            c.byte(r.reading);
        }
    };

    struct Response {
        u8 next_reading = 0;
        ByteArray<6> factors{}; // as bytes 25 to 30 of a full sensor record

        static void fields(auto& c, auto& r) {
            c.byte(r.next_reading);
            c.bytes(r.factors);
        }
    };
};

/// §35.6.
struct SetSensorHysteresis {
    static constexpr CommandId id{netfn::sensor, 0x24};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 sensor = 0;
        u8 mask = 0xff; // reserved, FFh
        u8 up = 0;
        u8 down = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.sensor);
            c.byte(r.mask);
            c.byte(r.up);
            c.byte(r.down);
        }
    };

    using Response = Nothing;
};

/// §35.7.
struct GetSensorHysteresis {
    static constexpr CommandId id{netfn::sensor, 0x25};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 sensor = 0;
        u8 mask = 0xff;

        static void fields(auto& c, auto& r) {
            c.byte(r.sensor);
            c.byte(r.mask);
        }
    };

    struct Response {
        u8 up = 0;
        u8 down = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.up);
            c.byte(r.down);
        }
    };
};

/// §35.8.
struct SetSensorThresholds {
    static constexpr CommandId id{netfn::sensor, 0x26};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 sensor = 0;
        u8 mask = 0;
        ByteArray<bmc::threshold_count> values{};

        static void fields(auto& c, auto& r) {
            c.byte(r.sensor);
            c.bits(bit<6>(r.mask), gap<2>);
            c.bytes(r.values);
        }
    };

    using Response = Nothing;
};

/// §35.9.
struct GetSensorThresholds {
    static constexpr CommandId id{netfn::sensor, 0x27};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 sensor = 0;

        static void fields(auto& c, auto& r) { c.byte(r.sensor); }
    };

    struct Response {
        u8 mask = 0;
        ByteArray<bmc::threshold_count> values{};

        static void fields(auto& c, auto& r) {
            c.byte(r.mask);
            c.bytes(r.values);
        }
    };
};

/// §35.10.
struct SetSensorEventEnable {
    static constexpr CommandId id{netfn::sensor, 0x28};
    static constexpr auto privilege = bmc::Privilege::operator_;
    static constexpr u8 no_change = 0;
    static constexpr u8 enable = 1;
    static constexpr u8 disable = 2;

    struct Request {
        u8 sensor = 0;
        u8 operation = 0;
        bool scanning = false;
        bool event_messages = false;
        InlineBytes<4> masks; // assertions, deassertions; what is left out is not selected

        static void fields(auto& c, auto& r) {
            c.byte(r.sensor);
            c.bits(gap<4>, bit<2>(r.operation), bit<1>(r.scanning), bit<1>(r.event_messages));
            c.rest(r.masks);
        }
    };

    using Response = Nothing;
};

/// §35.11.
struct GetSensorEventEnable {
    static constexpr CommandId id{netfn::sensor, 0x29};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 sensor = 0;

        static void fields(auto& c, auto& r) { c.byte(r.sensor); }
    };

    struct Response {
        bool scanning = false;
        bool event_messages = false;
        u16 assertions = 0;
        u16 deassertions = 0;

        static void fields(auto& c, auto& r) {
            c.bits(gap<6>, bit<1>(r.scanning), bit<1>(r.event_messages));
            c.word(r.assertions);
            c.word(r.deassertions);
        }
    };
};

/// §35.12.
struct RearmSensorEvents {
    static constexpr CommandId id{netfn::sensor, 0x2a};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 sensor = 0;
        bool selected_only = false;
        InlineBytes<4> masks; // assertions, deassertions

        static void fields(auto& c, auto& r) {
            c.byte(r.sensor);
            c.bits(gap<7>, bit<1>(r.selected_only));
            c.rest(r.masks);
        }
    };

    using Response = Nothing;
};

/// §35.13.
struct GetSensorEventStatus {
    static constexpr CommandId id{netfn::sensor, 0x2b};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 sensor = 0;

        static void fields(auto& c, auto& r) { c.byte(r.sensor); }
    };

    struct Response {
        bool unavailable = false;
        bool scanning = false;
        bool event_messages = false;
        u16 assertions = 0;
        u16 deassertions = 0;

        static void fields(auto& c, auto& r) {
            c.bits(gap<5>, bit<1>(r.unavailable), bit<1>(r.scanning), bit<1>(r.event_messages));
            c.word(r.assertions);
            c.word(r.deassertions);
        }
    };
};

/// §35.14.
struct GetSensorReading {
    static constexpr CommandId id{netfn::sensor, 0x2d};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 sensor = 0;

        static void fields(auto& c, auto& r) { c.byte(r.sensor); }
    };

    struct Response {
        u8 reading = 0;
        bool unavailable = false;
        bool scanning = false;
        bool event_messages = false;
        u8 state = 0;
        std::optional<u8> more_states; // discrete sensors

        static void fields(auto& c, auto& r) {
            c.byte(r.reading);
            c.bits(gap<5>, bit<1>(r.unavailable), bit<1>(r.scanning), bit<1>(r.event_messages));
            c.byte(r.state);
            c.optional(r.more_states);
        }
    };
};

/// §35.15.
struct SetSensorType {
    static constexpr CommandId id{netfn::sensor, 0x2e};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 sensor = 0;
        u8 type = 0;
        u8 reading = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.sensor);
            c.byte(r.type);
            c.bits(bit<7>(r.reading), gap<1>);
        }
    };

    using Response = Nothing;
};

/// §35.16.
struct GetSensorType {
    static constexpr CommandId id{netfn::sensor, 0x2f};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 sensor = 0;

        static void fields(auto& c, auto& r) { c.byte(r.sensor); }
    };

    struct Response {
        u8 type = 0;
        u8 reading = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.type);
            c.byte(r.reading);
        }
    };
};

/// §35.17.
struct SetSensorReading {
    static constexpr CommandId id{netfn::sensor, 0x30};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 sensor = 0;
        u8 operation = 0;
        InlineBytes<8> values;

        static void fields(auto& c, auto& r) {
            c.byte(r.sensor);
            c.byte(r.operation);
            c.rest(r.values);
        }
    };

    using Response = Nothing;
};

Reply<GetDeviceSdrInfo::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetDeviceSdrInfo::Request& request);
Reply<GetDeviceSdr::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetDeviceSdr::Request& request);
Reply<ReserveDeviceSdr::Response>
handle(bmc::Bmc& bmc, const Context& context, const ReserveDeviceSdr::Request& request);
Reply<GetSensorReadingFactors::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetSensorReadingFactors::Request& request);
Reply<Nothing>
handle(bmc::Bmc& bmc, const Context& context, const SetSensorHysteresis::Request& request);
Reply<GetSensorHysteresis::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetSensorHysteresis::Request& request);
Reply<Nothing>
handle(bmc::Bmc& bmc, const Context& context, const SetSensorThresholds::Request& request);
Reply<GetSensorThresholds::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetSensorThresholds::Request& request);
Reply<Nothing>
handle(bmc::Bmc& bmc, const Context& context, const SetSensorEventEnable::Request& request);
Reply<GetSensorEventEnable::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetSensorEventEnable::Request& request);
Reply<Nothing>
handle(bmc::Bmc& bmc, const Context& context, const RearmSensorEvents::Request& request);
Reply<GetSensorEventStatus::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetSensorEventStatus::Request& request);
Reply<GetSensorReading::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetSensorReading::Request& request);
Reply<Nothing> handle(bmc::Bmc& bmc, const Context& context, const SetSensorType::Request& request);
Reply<GetSensorType::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetSensorType::Request& request);
Reply<Nothing>
handle(bmc::Bmc& bmc, const Context& context, const SetSensorReading::Request& request);

using SensorCommands = CommandList<
    bmc::Bmc,
    GetDeviceSdrInfo,
    GetDeviceSdr,
    ReserveDeviceSdr,
    GetSensorReadingFactors,
    SetSensorHysteresis,
    GetSensorHysteresis,
    SetSensorThresholds,
    GetSensorThresholds,
    SetSensorEventEnable,
    GetSensorEventEnable,
    RearmSensorEvents,
    GetSensorEventStatus,
    GetSensorReading,
    SetSensorType,
    GetSensorType,
    SetSensorReading>;

} // namespace vbmc::ipmi
