#include "ipmi/app_system_info.h"

#include "ipmi/parameter.h"

namespace vbmc::ipmi {

namespace {

using bmc::SystemInfo;
using bmc::SystemInfoParameter;

constexpr bool is_text(u8 parameter) noexcept {
    return parameter >= static_cast<u8>(SystemInfoParameter::firmware_version) &&
           parameter <= static_cast<u8>(SystemInfoParameter::manager_url);
}

CompletionCode set_text(bmc::Bmc& bmc, SystemInfoParameter which, Bytes data) {
    constexpr std::size_t data_max = 1 + SystemInfo::block_size;
    if (data.size() < 2 || data.size() > data_max) {
        return CompletionCode::invalid_length;
    }
    const u8 index = data[0];
    const Bytes block = data.subspan(1);
    constexpr u8 last_encoding = 2;
    const bool bad_header = index == 0 && (block.size() < 2 || (block[0] & 0x0f) > last_encoding);
    if (index >= SystemInfo::blocks_max || bad_header) {
        return CompletionCode::invalid_data_field;
    }
    bmc.system_info.set_block(which, index, block);
    if (which != SystemInfoParameter::os_name) { // volatile (§22.14a)
        bmc.dirty.add(bmc::Section::system);
    }
    return CompletionCode::ok;
}

} // namespace

Reply<SetSystemInfoParameters::Response>
handle(bmc::Bmc& bmc, const Context&, const SetSystemInfoParameters::Request& request) {
    CompletionCode code = parameter::unsupported;
    if (request.parameter == static_cast<u8>(SystemInfoParameter::set_in_progress)) {
        code = set_in_progress(bmc.system_info.set_in_progress, request.data);
    } else if (is_text(request.parameter)) {
        code = set_text(bmc, static_cast<SystemInfoParameter>(request.parameter), request.data);
    }
    return code == CompletionCode::ok ? Reply<SetSystemInfoParameters::Response>{} : code;
}

Reply<GetSystemInfoParameters::Response>
handle(bmc::Bmc& bmc, const Context&, const GetSystemInfoParameters::Request& request) {
    GetSystemInfoParameters::Response response;
    const bool is_progress =
        request.parameter == static_cast<u8>(SystemInfoParameter::set_in_progress);
    if (!is_progress && !is_text(request.parameter)) {
        return parameter::unsupported;
    }
    if (request.revision_only) {
        return response;
    }
    if (is_progress) {
        response.data.push_back(bmc.system_info.set_in_progress ? 1 : 0);
        return response;
    }
    if (request.set >= SystemInfo::blocks_max) {
        return CompletionCode::parameter_out_of_range;
    }
    const auto which = static_cast<SystemInfoParameter>(request.parameter);
    response.data.push_back(request.set);
    for (const u8 byte : bmc.system_info.block(which, request.set)) {
        response.data.push_back(byte);
    }
    return response;
}

} // namespace vbmc::ipmi
