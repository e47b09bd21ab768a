#pragma once
// DCMI 1.5 commands (group extension DCh). The body code is not part of requests and responses:
// whoever finds the command takes it off and puts it back. No machine's power is capped: there is
// never an active limit, and none can be set or activated.

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

inline constexpr u8 dcmi_group = 0xdc;
inline constexpr std::size_t dcmi_text_part_max = 16;

/// DCMI 1.5 §6.1.1.
struct GetDcmiCapabilities {
    static constexpr CommandId id{netfn::group, 0x01, dcmi_group};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 parameter = 0;

        static void fields(auto& c, auto& r) { c.byte(r.parameter); }
    };

    struct Response {
        u8 major = 1;
        u8 minor = 5;
        u8 revision = 2;
        InlineBytes<8> data;

        static void fields(auto& c, auto& r) {
            c.byte(r.major);
            c.byte(r.minor);
            c.byte(r.revision);
            c.rest(r.data);
        }
    };
};

/// §6.6.1.
struct GetPowerReading {
    static constexpr CommandId id{netfn::group, 0x02, dcmi_group};
    static constexpr auto privilege = bmc::Privilege::user;
    static constexpr u8 system_statistics = 0x01;

    struct Request {
        u8 mode = 0;
        u8 attributes = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.mode);
            c.byte(r.attributes);
            c.reserved();
        }
    };

    struct Response {
        u16 current = 0;
        u16 lowest = 0;
        u16 highest = 0;
        u16 average = 0;
        u32 timestamp = 0;
        u32 period_ms = 0;
        bool active = false;

        static void fields(auto& c, auto& r) {
            c.word(r.current);
            c.word(r.lowest);
            c.word(r.highest);
            c.word(r.average);
            c.dword(r.timestamp);
            c.dword(r.period_ms);
            c.bits(gap<6>, bit<1>(r.active), gap<1>);
        }
    };
};

/// §6.6.2.
struct GetPowerLimit {
    static constexpr CommandId id{netfn::group, 0x03, dcmi_group};
    static constexpr auto privilege = bmc::Privilege::user;
    static constexpr CompletionCode no_active_limit = command_specific(0x80);

    struct Request {
        static void fields(auto& c, auto&) { c.reserved(2); }
    };

    using Response = Nothing;
};

/// §6.6.3.
struct SetPowerLimit {
    static constexpr CommandId id{netfn::group, 0x04, dcmi_group};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 exception_action = 0;
        u16 watts = 0;
        u32 correction_ms = 0;
        u16 sampling_seconds = 0;

        static void fields(auto& c, auto& r) {
            c.reserved(3);
            c.byte(r.exception_action);
            c.word(r.watts);
            c.dword(r.correction_ms);
            c.reserved(2);
            c.word(r.sampling_seconds);
        }
    };

    using Response = Nothing;
};

/// §6.6.4.
struct ActivatePowerLimit {
    static constexpr CommandId id{netfn::group, 0x05, dcmi_group};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        bool activate = false;

        static void fields(auto& c, auto& r) {
            c.bits(bit<1>(r.activate), gap<7>);
            c.reserved(2);
        }
    };

    using Response = Nothing;
};

/// §6.4.2: at most 16 bytes at a time.
struct GetAssetTag {
    static constexpr CommandId id{netfn::group, 0x06, dcmi_group};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 offset = 0;
        u8 count = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.offset);
            c.byte(r.count);
        }
    };

    struct Response {
        u8 total = 0;
        InlineBytes<dcmi_text_part_max> data;

        static void fields(auto& c, auto& r) {
            c.byte(r.total);
            c.rest(r.data);
        }
    };
};

/// §6.5.2.
struct GetDcmiSensorInfo {
    static constexpr CommandId id{netfn::group, 0x07, dcmi_group};
    static constexpr auto privilege = bmc::Privilege::user;
    static constexpr std::size_t records_max = 8;

    struct Request {
        u8 sensor_type = 0;
        u8 entity = 0;
        u8 instance = 0; // 0: all, from `start` on
        u8 start = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.sensor_type);
            c.byte(r.entity);
            c.byte(r.instance);
            c.byte(r.start);
        }
    };

    struct Response {
        u8 total = 0;
        u8 count = 0;
        InlineBytes<2 * records_max> records;

        static void fields(auto& c, auto& r) {
            c.byte(r.total);
            c.byte(r.count);
            c.rest(r.records);
        }
    };
};

/// §6.4.3.
struct SetAssetTag {
    static constexpr CommandId id{netfn::group, 0x08, dcmi_group};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 offset = 0;
        u8 count = 0;
        Bytes data;

        static void fields(auto& c, auto& r) {
            c.byte(r.offset);
            c.byte(r.count);
            c.rest(r.data);
        }
    };

    struct Response {
        u8 total = 0;

        static void fields(auto& c, auto& r) { c.byte(r.total); }
    };
};

/// §6.4.6.1.
struct GetControllerId {
    static constexpr CommandId id{netfn::group, 0x09, dcmi_group};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 offset = 0;
        u8 count = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.offset);
            c.byte(r.count);
        }
    };

    using Response = GetAssetTag::Response;
};

/// §6.4.6.2: a string that ends with a null byte.
struct SetControllerId {
    static constexpr CommandId id{netfn::group, 0x0a, dcmi_group};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 offset = 0;
        u8 count = 0;
        Bytes data;

        static void fields(auto& c, auto& r) {
            c.byte(r.offset);
            c.byte(r.count);
            c.rest(r.data);
        }
    };

    using Response = SetAssetTag::Response;
};

/// §6.7.3.
struct GetTemperatureReadings {
    static constexpr CommandId id{netfn::group, 0x10, dcmi_group};
    static constexpr auto privilege = bmc::Privilege::user;
    static constexpr std::size_t readings_max = 8;

    struct Request {
        u8 sensor_type = 0;
        u8 entity = 0;
        u8 instance = 0; // 0: all, from `start` on
        u8 start = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.sensor_type);
            c.byte(r.entity);
            c.byte(r.instance);
            c.byte(r.start);
        }
    };

    struct Response {
        u8 total = 0;
        u8 count = 0;
        InlineBytes<2 * readings_max> readings; // degrees with a sign bit, instance

        static void fields(auto& c, auto& r) {
            c.byte(r.total);
            c.byte(r.count);
            c.rest(r.readings);
        }
    };
};

/// §6.1.2.
struct SetDcmiConfiguration {
    static constexpr CommandId id{netfn::group, 0x12, dcmi_group};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 parameter = 0;
        u8 set = 0;
        Bytes data;

        static void fields(auto& c, auto& r) {
            c.byte(r.parameter);
            c.byte(r.set);
            c.rest(r.data);
        }
    };

    using Response = Nothing;
};

/// §6.1.3.
struct GetDcmiConfiguration {
    static constexpr CommandId id{netfn::group, 0x13, dcmi_group};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 parameter = 0;
        u8 set = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.parameter);
            c.byte(r.set);
        }
    };

    struct Response {
        u8 major = 1;
        u8 minor = 5;
        u8 revision = 1;
        InlineBytes<2> data;

        static void fields(auto& c, auto& r) {
            c.byte(r.major);
            c.byte(r.minor);
            c.byte(r.revision);
            c.rest(r.data);
        }
    };
};

Reply<GetDcmiCapabilities::Response>
handle(bmc::Bmc&, const Context&, const GetDcmiCapabilities::Request&);
Reply<GetPowerReading::Response> handle(bmc::Bmc&, const Context&, const GetPowerReading::Request&);
Reply<Nothing> handle(bmc::Bmc&, const Context&, const GetPowerLimit::Request&);
Reply<Nothing> handle(bmc::Bmc&, const Context&, const SetPowerLimit::Request&);
Reply<Nothing> handle(bmc::Bmc&, const Context&, const ActivatePowerLimit::Request&);
Reply<GetAssetTag::Response> handle(bmc::Bmc&, const Context&, const GetAssetTag::Request&);
Reply<GetDcmiSensorInfo::Response>
handle(bmc::Bmc&, const Context&, const GetDcmiSensorInfo::Request&);
Reply<SetAssetTag::Response> handle(bmc::Bmc&, const Context&, const SetAssetTag::Request&);
Reply<GetControllerId::Response> handle(bmc::Bmc&, const Context&, const GetControllerId::Request&);
Reply<SetControllerId::Response> handle(bmc::Bmc&, const Context&, const SetControllerId::Request&);
Reply<GetTemperatureReadings::Response>
handle(bmc::Bmc&, const Context&, const GetTemperatureReadings::Request&);
Reply<Nothing> handle(bmc::Bmc&, const Context&, const SetDcmiConfiguration::Request&);
Reply<GetDcmiConfiguration::Response>
handle(bmc::Bmc&, const Context&, const GetDcmiConfiguration::Request&);

using DcmiCommands = CommandList<
    bmc::Bmc,
    GetDcmiCapabilities,
    GetPowerReading,
    GetPowerLimit,
    SetPowerLimit,
    ActivatePowerLimit,
    GetAssetTag,
    GetDcmiSensorInfo,
    SetAssetTag,
    GetControllerId,
    SetControllerId,
    GetTemperatureReadings,
    SetDcmiConfiguration,
    GetDcmiConfiguration>;

} // namespace vbmc::ipmi
