#pragma once
// SEL device commands (IPMI 2.0 §31).

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// §31.2.
struct GetSelInfo {
    static constexpr CommandId id{netfn::storage, 0x40};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u8 version = 0x51;
        u16 entries = 0;
        u16 free_bytes = 0;
        u32 added_at = 0;
        u32 erased_at = 0;
        bool allocation_info = true;
        bool reserve = true;
        bool partial_add = true;
        bool erase = true;
        bool overflow = false;

        static void fields(auto& c, auto& r) {
            c.byte(r.version);
            c.word(r.entries);
            c.word(r.free_bytes);
            c.dword(r.added_at);
            c.dword(r.erased_at);
            c.bits(
                bit<1>(r.allocation_info),
                bit<1>(r.reserve),
                bit<1>(r.partial_add),
                bit<1>(r.erase),
                gap<3>,
                bit<1>(r.overflow)
            );
        }
    };
};

/// §31.3.
struct GetSelAllocationInfo {
    static constexpr CommandId id{netfn::storage, 0x41};
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

/// §31.4.
struct ReserveSel {
    static constexpr CommandId id{netfn::storage, 0x42};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u16 reservation = 0;

        static void fields(auto& c, auto& r) { c.word(r.reservation); }
    };
};

/// §31.5.
struct GetSelEntry {
    static constexpr CommandId id{netfn::storage, 0x43};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u16 reservation = 0;
        u16 record = 0;
        u8 offset = 0;
        u8 count = 0xff;

        static void fields(auto& c, auto& r) {
            c.word(r.reservation);
            c.word(r.record);
            c.byte(r.offset);
            c.byte(r.count);
        }
    };

    struct Response {
        u16 next = 0;
        InlineBytes<16> data;

        static void fields(auto& c, auto& r) {
            c.word(r.next);
            c.rest(r.data);
        }
    };
};

/// §31.6.
struct AddSelEntry {
    static constexpr CommandId id{netfn::storage, 0x44};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        bmc::Sel::Record record{};

        static void fields(auto& c, auto& r) { c.bytes(r.record); }
    };

    struct Response {
        u16 record = 0;

        static void fields(auto& c, auto& r) { c.word(r.record); }
    };
};

/// §31.7.
struct PartialAddSelEntry {
    static constexpr CommandId id{netfn::storage, 0x45};
    static constexpr auto privilege = bmc::Privilege::operator_;
    static constexpr CompletionCode length_mismatch = command_specific(0x80);

    struct Request {
        u16 reservation = 0;
        u16 record = 0;
        u8 offset = 0;
        bool last = false;
        Bytes data;

        static void fields(auto& c, auto& r) {
            c.word(r.reservation);
            c.word(r.record);
            c.byte(r.offset);
            c.bits(bit<1>(r.last), gap<7>);
            c.rest(r.data);
        }
    };

    struct Response {
        u16 record = 0;

        static void fields(auto& c, auto& r) { c.word(r.record); }
    };
};

/// §31.8.
struct DeleteSelEntry {
    static constexpr CommandId id{netfn::storage, 0x46};
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

/// §31.9.
struct ClearSel {
    static constexpr CommandId id{netfn::storage, 0x47};
    static constexpr auto privilege = bmc::Privilege::operator_;
    static constexpr u8 initiate = 0xaa;
    static constexpr u8 get_status = 0x00;

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
        u8 progress = 0x01; // erase completed

        static void fields(auto& c, auto& r) { c.byte(r.progress); }
    };
};

/// §31.10.
struct GetSelTime {
    static constexpr CommandId id{netfn::storage, 0x48};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        u32 seconds = 0;

        static void fields(auto& c, auto& r) { c.dword(r.seconds); }
    };
};

/// §31.11.
struct SetSelTime {
    static constexpr CommandId id{netfn::storage, 0x49};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u32 seconds = 0;

        static void fields(auto& c, auto& r) { c.dword(r.seconds); }
    };

    using Response = Nothing;
};

/// §31.12. Only the machine check log (type 0) is known.
struct GetAuxiliaryLogStatus {
    static constexpr CommandId id{netfn::storage, 0x5a};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 type = 0;

        static void fields(auto& c, auto& r) { c.bits(bit<4>(r.type), gap<4>); }
    };

    struct Response {
        u32 timestamp = 0;
        u32 entries = 0;

        static void fields(auto& c, auto& r) {
            c.dword(r.timestamp);
            c.dword(r.entries);
        }
    };
};

/// §31.13.
struct SetAuxiliaryLogStatus {
    static constexpr CommandId id{netfn::storage, 0x5b};
    static constexpr auto privilege = bmc::Privilege::administrator;

    struct Request {
        u8 type = 0;
        u32 timestamp = 0;
        u32 entries = 0;

        static void fields(auto& c, auto& r) {
            c.bits(bit<4>(r.type), gap<4>);
            c.dword(r.timestamp);
            c.dword(r.entries);
        }
    };

    using Response = Nothing;
};

/// §31.11a.
struct GetSelTimeUtcOffset {
    static constexpr CommandId id{netfn::storage, 0x5c};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request : Nothing {};

    struct Response {
        i16 minutes = 0;

        static void fields(auto& c, auto& r) { c.word(r.minutes); }
    };
};

/// §31.11b.
struct SetSelTimeUtcOffset {
    static constexpr CommandId id{netfn::storage, 0x5d};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        i16 minutes = 0;

        static void fields(auto& c, auto& r) { c.word(r.minutes); }
    };

    using Response = Nothing;
};

Reply<GetSelInfo::Response> handle(bmc::Bmc&, const Context&, const GetSelInfo::Request&);
Reply<GetSelAllocationInfo::Response>
handle(bmc::Bmc&, const Context&, const GetSelAllocationInfo::Request&);
Reply<ReserveSel::Response> handle(bmc::Bmc&, const Context&, const ReserveSel::Request&);
Reply<GetSelEntry::Response> handle(bmc::Bmc&, const Context&, const GetSelEntry::Request&);
Reply<AddSelEntry::Response> handle(bmc::Bmc&, const Context&, const AddSelEntry::Request&);
Reply<PartialAddSelEntry::Response>
handle(bmc::Bmc&, const Context&, const PartialAddSelEntry::Request&);
Reply<DeleteSelEntry::Response> handle(bmc::Bmc&, const Context&, const DeleteSelEntry::Request&);
Reply<ClearSel::Response> handle(bmc::Bmc&, const Context&, const ClearSel::Request&);
Reply<GetSelTime::Response> handle(bmc::Bmc&, const Context&, const GetSelTime::Request&);
Reply<Nothing> handle(bmc::Bmc&, const Context&, const SetSelTime::Request&);
Reply<GetAuxiliaryLogStatus::Response>
handle(bmc::Bmc&, const Context&, const GetAuxiliaryLogStatus::Request&);
Reply<Nothing> handle(bmc::Bmc&, const Context&, const SetAuxiliaryLogStatus::Request&);
Reply<GetSelTimeUtcOffset::Response>
handle(bmc::Bmc&, const Context&, const GetSelTimeUtcOffset::Request&);
Reply<Nothing> handle(bmc::Bmc&, const Context&, const SetSelTimeUtcOffset::Request&);

using StorageSelCommands = CommandList<
    bmc::Bmc,
    GetSelInfo,
    GetSelAllocationInfo,
    ReserveSel,
    GetSelEntry,
    AddSelEntry,
    PartialAddSelEntry,
    DeleteSelEntry,
    ClearSel,
    GetSelTime,
    SetSelTime,
    GetAuxiliaryLogStatus,
    SetAuxiliaryLogStatus,
    GetSelTimeUtcOffset,
    SetSelTimeUtcOffset>;

} // namespace vbmc::ipmi
