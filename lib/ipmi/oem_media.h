#pragma once
// The SuperMicro OEM requests for virtual media (netFn 3Ch), as the tools that were written against
// such controllers send them: set an image, start, stop, ask. C1h where the node's backend has no
// media.

#include "bmc/bmc.h"
#include "ipmi/command.h"

namespace vbmc::ipmi {

struct UnsetMediaImage {
    static constexpr CommandId id{netfn::oem_3c, 0x00};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        Bytes data;

        static void fields(auto& c, auto& r) { c.rest(r.data); }
    };

    using Response = Nothing;
};

/// Either a whole URL or path, or one part of it behind a selector: 0 host, 1 path. A null byte
/// ends it.
struct SetMediaImage {
    static constexpr CommandId id{netfn::oem_3c, 0x01};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        Bytes data;

        static void fields(auto& c, auto& r) { c.rest(r.data); }
    };

    using Response = Nothing;
};

struct StartMedia {
    static constexpr CommandId id{netfn::oem_3c, 0x02};
    static constexpr auto privilege = bmc::Privilege::operator_;

    struct Request {
        Bytes data;

        static void fields(auto& c, auto& r) { c.rest(r.data); }
    };

    using Response = Nothing;
};

struct GetMediaStatus {
    static constexpr CommandId id{netfn::oem_3c, 0x03};
    static constexpr auto privilege = bmc::Privilege::user;

    struct Request {
        Bytes data;

        static void fields(auto& c, auto& r) { c.rest(r.data); }
    };

    struct Response {
        u8 status = 0; // 0: inserted

        static void fields(auto& c, auto& r) { c.byte(r.status); }
    };
};

Reply<Nothing> handle(bmc::Bmc&, const Context&, const UnsetMediaImage::Request&);
Reply<Nothing> handle(bmc::Bmc&, const Context&, const SetMediaImage::Request&);
Reply<Nothing> handle(bmc::Bmc&, const Context&, const StartMedia::Request&);
Reply<GetMediaStatus::Response> handle(bmc::Bmc&, const Context&, const GetMediaStatus::Request&);

using OemMediaCommands =
    CommandList<bmc::Bmc, UnsetMediaImage, SetMediaImage, StartMedia, GetMediaStatus>;

} // namespace vbmc::ipmi
