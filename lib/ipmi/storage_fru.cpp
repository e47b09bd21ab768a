#include "ipmi/storage_fru.h"

#include "ipmi/sdr_part.h"

namespace vbmc::ipmi {

using bmc::Bmc;
using bmc::Fru;

namespace {

constexpr u8 node_device = 0;

} // namespace

Reply<GetFruInventoryAreaInfo::Response>
handle(Bmc&, const Context&, const GetFruInventoryAreaInfo::Request& request) {
    if (request.device != node_device) {
        return CompletionCode::not_present;
    }
    return GetFruInventoryAreaInfo::Response{.size = static_cast<u16>(Fru::size)};
}

Reply<ReadFruData::Response> handle(Bmc& bmc, const Context&, const ReadFruData::Request& request) {
    if (request.device != node_device) {
        return CompletionCode::not_present;
    }
    if (request.offset >= Fru::size || request.count == 0) {
        return CompletionCode::parameter_out_of_range;
    }
    if (request.count > part_size_max) {
        return CompletionCode::cannot_return_bytes;
    }
    ReadFruData::Response response;
    response.data.resize(std::min<std::size_t>(request.count, Fru::size - request.offset));
    bmc.fru.read(bmc.config, request.offset, response.data.room().first(response.data.size()));
    return response;
}

Reply<WriteFruData::Response>
handle(Bmc& bmc, const Context&, const WriteFruData::Request& request) {
    if (request.device != node_device) {
        return CompletionCode::not_present;
    }
    if (request.offset + request.data.size() > Fru::size) {
        return CompletionCode::parameter_out_of_range;
    }
    if (request.data.empty()) {
        return CompletionCode::invalid_length;
    }
    bmc.fru.write(bmc.config, request.offset, request.data);
    bmc.dirty.add(bmc::Section::fru);
    return WriteFruData::Response{.written = static_cast<u8>(request.data.size())};
}

} // namespace vbmc::ipmi
