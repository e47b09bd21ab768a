#pragma once
// SDR repository commands (IPMI 2.0 §33). The records are made from what the node is: they can be
// read but not added, deleted or cleared (D5h), so that no client empties the repository.

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// §33.9.
struct GetSdrRepositoryInfo {
    static constexpr CommandId id{netfn::storage, 0x20};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u8 version = 0x51;
        u16 records = 0;
        u16 free_bytes = 0;
        u32 added_at = 0;
        u32 erased_at = 0;
        bool allocation_info = true;
        bool reserve = true;

        static void fields(auto& c, auto& r) {
            c.byte(r.version);
            c.word(r.records);
            c.word(r.free_bytes);
            c.dword(r.added_at);
            c.dword(r.erased_at);
            c.bits(bit<1>(r.allocation_info), bit<1>(r.reserve), gap<6>);
        }
    };
};

/// §33.10.
struct GetSdrRepositoryAllocationInfo {
    static constexpr CommandId id{netfn::storage, 0x21};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u16 units = 0;
        u16 unit_size = 0;
        u16 free_units = 0;
        u16 largest_free_block = 0;
        u8 record_units_max = 1;

        static void fields(auto& c, auto& r) {
            c.word(r.units);
            c.word(r.unit_size);
            c.word(r.free_units);
            c.word(r.largest_free_block);
            c.byte(r.record_units_max);
        }
    };
};

/// §33.11.
struct ReserveSdrRepository {
    static constexpr CommandId id{netfn::storage, 0x22};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u16 reservation = 0;

        static void fields(auto& c, auto& r) { c.word(r.reservation); }
    };
};

/// §33.12.
struct GetSdr {
    static constexpr CommandId id{netfn::storage, 0x23};
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

/// §33.13.
struct AddSdr {
    static constexpr CommandId id{netfn::storage, 0x24};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        ByteArray<5> header{};
        Bytes body;

        static void fields(auto& c, auto& r) {
            c.bytes(r.header);
            c.rest(r.body);
        }
    };

    struct Response {
        u16 record = 0;

        static void fields(auto& c, auto& r) { c.word(r.record); }
    };
};

/// §33.14.
struct PartialAddSdr {
    static constexpr CommandId id{netfn::storage, 0x25};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u16 reservation = 0;
        u16 record = 0;
        u8 offset = 0;
        u8 progress = 0;
        Bytes data;

        static void fields(auto& c, auto& r) {
            c.word(r.reservation);
            c.word(r.record);
            c.byte(r.offset);
            c.byte(r.progress);
            c.rest(r.data);
        }
    };

    struct Response {
        u16 record = 0;

        static void fields(auto& c, auto& r) { c.word(r.record); }
    };
};

/// §33.15.
struct DeleteSdr {
    static constexpr CommandId id{netfn::storage, 0x26};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u16 reservation = 0;
        u16 record = 0;

        static void fields(auto& c, auto& r) {
            c.word(r.reservation);
            c.word(r.record);
        }
    };

    struct Response {
        u16 record = 0;

        static void fields(auto& c, auto& r) { c.word(r.record); }
    };
};

/// §33.16.
struct ClearSdrRepository {
    static constexpr CommandId id{netfn::storage, 0x27};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u16 reservation = 0;
        ByteArray<3> clr{};
        u8 operation = 0;

        static void fields(auto& c, auto& r) {
            c.word(r.reservation);
            c.bytes(r.clr);
            c.byte(r.operation);
        }
    };

    struct Response {
        u8 progress = 0;

        static void fields(auto& c, auto& r) { c.byte(r.progress); }
    };
};

/// §33.17.
struct GetSdrRepositoryTime {
    static constexpr CommandId id{netfn::storage, 0x28};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u32 seconds = 0;

        static void fields(auto& c, auto& r) { c.dword(r.seconds); }
    };
};

/// §33.18.
struct SetSdrRepositoryTime {
    static constexpr CommandId id{netfn::storage, 0x29};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u32 seconds = 0;

        static void fields(auto& c, auto& r) { c.dword(r.seconds); }
    };

    using Response = Nothing;
};

/// §33.19.
struct EnterSdrUpdateMode {
    static constexpr CommandId id{netfn::storage, 0x2a};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request : Nothing {};

    using Response = Nothing;
};

/// §33.20.
struct ExitSdrUpdateMode {
    static constexpr CommandId id{netfn::storage, 0x2b};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request : Nothing {};

    using Response = Nothing;
};

/// §33.21.
struct RunInitializationAgent {
    static constexpr CommandId id{netfn::storage, 0x2c};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        bool run = false; // else: get status

        static void fields(auto& c, auto& r) { c.bits(bit<1>(r.run), gap<7>); }
    };

    struct Response {
        bool completed = true;

        static void fields(auto& c, auto& r) { c.bits(bit<1>(r.completed), gap<7>); }
    };
};

Reply<GetSdrRepositoryInfo::Response>
handle(bmc::Bmc&, const Context&, const GetSdrRepositoryInfo::Request&);
Reply<GetSdrRepositoryAllocationInfo::Response>
handle(bmc::Bmc&, const Context&, const GetSdrRepositoryAllocationInfo::Request&);
Reply<ReserveSdrRepository::Response>
handle(bmc::Bmc&, const Context&, const ReserveSdrRepository::Request&);
Reply<GetSdr::Response> handle(bmc::Bmc&, const Context&, const GetSdr::Request&);
Reply<AddSdr::Response> handle(bmc::Bmc&, const Context&, const AddSdr::Request&);
Reply<PartialAddSdr::Response> handle(bmc::Bmc&, const Context&, const PartialAddSdr::Request&);
Reply<DeleteSdr::Response> handle(bmc::Bmc&, const Context&, const DeleteSdr::Request&);
Reply<ClearSdrRepository::Response>
handle(bmc::Bmc&, const Context&, const ClearSdrRepository::Request&);
Reply<GetSdrRepositoryTime::Response>
handle(bmc::Bmc&, const Context&, const GetSdrRepositoryTime::Request&);
Reply<Nothing> handle(bmc::Bmc&, const Context&, const SetSdrRepositoryTime::Request&);
Reply<Nothing> handle(bmc::Bmc&, const Context&, const EnterSdrUpdateMode::Request&);
Reply<Nothing> handle(bmc::Bmc&, const Context&, const ExitSdrUpdateMode::Request&);
Reply<RunInitializationAgent::Response>
handle(bmc::Bmc&, const Context&, const RunInitializationAgent::Request&);

using StorageSdrCommands = CommandList<
    bmc::Bmc,
    GetSdrRepositoryInfo,
    GetSdrRepositoryAllocationInfo,
    ReserveSdrRepository,
    GetSdr,
    AddSdr,
    PartialAddSdr,
    DeleteSdr,
    ClearSdrRepository,
    GetSdrRepositoryTime,
    SetSdrRepositoryTime,
    EnterSdrUpdateMode,
    ExitSdrUpdateMode,
    RunInitializationAgent>;

} // namespace vbmc::ipmi
