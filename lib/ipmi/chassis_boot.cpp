#include "ipmi/chassis_boot.h"

#include "ipmi/parameter.h"

namespace vbmc::ipmi {

namespace {

using bmc::Boot;
using bmc::BootParameter;

constexpr u8 last_parameter = static_cast<u8>(BootParameter::initiator_mailbox);

CompletionCode set_flags(bmc::Bmc& bmc, Now now, Bytes data) {
    ByteArray<5> flags{};
    std::copy_n(data.begin(), flags.size(), flags.begin());
    const auto device = static_cast<bmc::BootDevice>(flags[1] >> 2 & 0x0f);
    const bool asks = (flags[0] & Boot::valid_bit) != 0 && device != bmc::BootDevice::none;
    if (asks && !bmc.config.capabilities.boot) {
        return CompletionCode::not_supported_in_state;
    }
    bmc.boot.set_flags(now, flags);
    return CompletionCode::ok;
}

/// Parameter 4: a mask of the bits to write, and the bits.
void acknowledge(Boot& boot, u8 mask, u8 bits) noexcept {
    boot.acknowledge = static_cast<u8>((boot.acknowledge & ~mask) | (bits & mask));
}

CompletionCode set_mailbox(Boot& boot, Bytes data) {
    const u8 block = data[0];
    if (block >= bmc::mailbox_blocks) {
        return CompletionCode::parameter_out_of_range;
    }
    ByteArray<bmc::mailbox_block_size> kept = boot.mailbox(block);
    const Bytes bytes = data.subspan(1);
    std::copy(bytes.begin(), bytes.end(), kept.begin());
    boot.set_mailbox(block, kept);
    return CompletionCode::ok;
}

struct Sizes {
    std::size_t least;
    std::size_t most;
};

constexpr Sizes sizes_of(BootParameter which) noexcept {
    switch (which) {
    case BootParameter::info_acknowledge:
        return {2, 2};
    case BootParameter::flags:
        return {5, 5};
    case BootParameter::initiator_info:
        return {9, 9};
    case BootParameter::initiator_mailbox:
        return {2, 1 + bmc::mailbox_block_size};
    default:
        return {1, 1};
    }
}

CompletionCode set_parameter(bmc::Bmc& bmc, Now now, BootParameter which, Bytes data) {
    Boot& boot = bmc.boot;
    switch (which) {
    case BootParameter::set_in_progress:
        // No roll-back: with one, a client that goes straight to "set complete" (as many do) would
        // lose its settings.
        return set_in_progress(boot.set_in_progress, data);
    case BootParameter::service_partition:
        boot.service_partition = data[0];
        return CompletionCode::ok;
    case BootParameter::service_partition_scan:
        boot.service_partition_scan = data[0];
        return CompletionCode::ok;
    case BootParameter::valid_bit_clearing:
        boot.set_keep_valid(now, data[0]);
        return CompletionCode::ok;
    case BootParameter::info_acknowledge:
        acknowledge(boot, data[0], data[1]);
        return CompletionCode::ok;
    case BootParameter::flags:
        return set_flags(bmc, now, data);
    case BootParameter::initiator_info:
        std::copy(data.begin(), data.end(), boot.initiator_info.begin());
        return CompletionCode::ok;
    case BootParameter::initiator_mailbox:
        return set_mailbox(boot, data);
    }
    return parameter::unsupported;
}

/// True when the flags are written to say that nothing is chosen: neither a device nor valid ones.
bool clears_flags(const SetSystemBootOptions::Request& request) noexcept {
    if (static_cast<BootParameter>(request.parameter) != BootParameter::flags ||
        request.mark_invalid || request.data.empty()) {
        return false;
    }
    const Bytes flags = request.data;
    return (flags[0] & Boot::valid_bit) == 0 || (flags[1] >> 2 & 0x0f) == 0;
}

} // namespace

Reply<SetSystemBootOptions::Response>
handle(bmc::Bmc& bmc, const Context& context, const SetSystemBootOptions::Request& request) {
    if (request.parameter > last_parameter) {
        return parameter::unsupported;
    }
    const auto which = static_cast<BootParameter>(request.parameter);
    if (!request.data.empty()) {
        const Sizes sizes = sizes_of(which);
        if (request.data.size() < sizes.least || request.data.size() > sizes.most) {
            return CompletionCode::invalid_length;
        }
        const auto code = set_parameter(bmc, context.now, which, request.data);
        if (code != CompletionCode::ok) {
            return code;
        }
    }
    bmc.boot.mark_invalid(which, request.mark_invalid);
    if (clears_flags(request)) {
        bmc.boot_cleared();
    } else {
        bmc.boot_changed();
    }
    bmc.dirty.add(bmc::Section::boot);
    return SetSystemBootOptions::Response{};
}

Reply<GetSystemBootOptions::Response>
handle(bmc::Bmc& bmc, const Context&, const GetSystemBootOptions::Request& request) {
    if (request.parameter > last_parameter) {
        return parameter::unsupported;
    }
    const Boot& boot = bmc.boot;
    const auto which = static_cast<BootParameter>(request.parameter);
    GetSystemBootOptions::Response response;
    response.parameter = request.parameter;
    response.invalid = boot.is_marked_invalid(which);
    switch (which) {
    case BootParameter::set_in_progress:
        response.data.push_back(boot.set_in_progress ? 1 : 0);
        break;
    case BootParameter::service_partition:
        response.data.push_back(boot.service_partition);
        break;
    case BootParameter::service_partition_scan:
        response.data.push_back(boot.service_partition_scan);
        break;
    case BootParameter::valid_bit_clearing:
        response.data.push_back(boot.keep_valid);
        break;
    case BootParameter::info_acknowledge:
        response.data.push_back(0); // the write mask reads as zero
        response.data.push_back(boot.acknowledge);
        break;
    case BootParameter::flags:
        response.data.assign(boot.flags());
        break;
    case BootParameter::initiator_info:
        response.data.assign(boot.initiator_info);
        break;
    case BootParameter::initiator_mailbox:
        if (request.set >= bmc::mailbox_blocks) {
            return CompletionCode::parameter_out_of_range;
        }
        response.data.push_back(request.set);
        for (const u8 byte : boot.mailbox(request.set)) {
            response.data.push_back(byte);
        }
        break;
    }
    return response;
}

} // namespace vbmc::ipmi
