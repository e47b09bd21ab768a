#pragma once
// FRU inventory commands (IPMI 2.0 §34). Device 0 is the node; there is no other.

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

/// §34.1.
struct GetFruInventoryAreaInfo {
    static constexpr CommandId id{netfn::storage, 0x10};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 device = 0;

        static void fields(auto& c, auto& r) { c.byte(r.device); }
    };

    struct Response {
        u16 size = 0;
        bool by_words = false;

        static void fields(auto& c, auto& r) {
            c.word(r.size);
            c.bits(bit<1>(r.by_words), gap<7>);
        }
    };
};

/// §34.2.
struct ReadFruData {
    static constexpr CommandId id{netfn::storage, 0x11};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        u8 device = 0;
        u16 offset = 0;
        u8 count = 0;

        static void fields(auto& c, auto& r) {
            c.byte(r.device);
            c.word(r.offset);
            c.byte(r.count);
        }
    };

    struct Response {
        InlineBytes<32> data;

        static void fields(auto& c, auto& r) { c.counted(r.data); }
    };
};

/// §34.3.
struct WriteFruData {
    static constexpr CommandId id{netfn::storage, 0x12};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        u8 device = 0;
        u16 offset = 0;
        Bytes data;

        static void fields(auto& c, auto& r) {
            c.byte(r.device);
            c.word(r.offset);
            c.rest(r.data);
        }
    };

    struct Response {
        u8 written = 0;

        static void fields(auto& c, auto& r) { c.byte(r.written); }
    };
};

Reply<GetFruInventoryAreaInfo::Response>
handle(bmc::Bmc&, const Context&, const GetFruInventoryAreaInfo::Request&);
Reply<ReadFruData::Response> handle(bmc::Bmc&, const Context&, const ReadFruData::Request&);
Reply<WriteFruData::Response> handle(bmc::Bmc&, const Context&, const WriteFruData::Request&);

using StorageFruCommands =
    CommandList<bmc::Bmc, GetFruInventoryAreaInfo, ReadFruData, WriteFruData>;

} // namespace vbmc::ipmi
