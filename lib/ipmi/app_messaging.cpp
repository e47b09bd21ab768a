#include "ipmi/app_messaging.h"

namespace vbmc::ipmi {

namespace {

constexpr u8 last_interface_type = 2; // SMIC

} // namespace

Reply<SetBmcGlobalEnables::Response>
handle(bmc::Bmc& bmc, const Context&, const SetBmcGlobalEnables::Request& request) {
    constexpr u8 reserved = 0x10;
    if ((request.enables & reserved) != 0) {
        return CompletionCode::invalid_data_field;
    }
    bmc.messaging.enables = static_cast<u8>(request.enables & bmc::Messaging::enables_known);
    bmc.dirty.add(bmc::Section::system);
    return SetBmcGlobalEnables::Response{};
}

Reply<GetBmcGlobalEnables::Response>
handle(bmc::Bmc& bmc, const Context&, const GetBmcGlobalEnables::Request&) {
    return GetBmcGlobalEnables::Response{bmc.messaging.enables};
}

Reply<ClearMessageFlags::Response>
handle(bmc::Bmc& bmc, const Context&, const ClearMessageFlags::Request& request) {
    bmc.messaging.clear_flags(request.flags);
    return ClearMessageFlags::Response{};
}

Reply<GetMessageFlags::Response>
handle(bmc::Bmc& bmc, const Context&, const GetMessageFlags::Request&) {
    return GetMessageFlags::Response{bmc.messaging.flags()};
}

Reply<EnableMessageChannelReceive::Response>
handle(bmc::Bmc&, const Context& context, const EnableMessageChannelReceive::Request& request) {
    constexpr u8 enable = 1;
    constexpr u8 get_state = 2;
    const u8 channel = bmc::resolve_channel(request.channel, context.channel);
    if (channel != bmc::lan_channel || request.operation > get_state) {
        return CompletionCode::invalid_data_field;
    }
    if (request.operation == enable) {
        return CompletionCode::not_supported_in_state;
    }
    return EnableMessageChannelReceive::Response{.channel = channel, .enabled = false};
}

Reply<GetMessage::Response> handle(bmc::Bmc&, const Context&, const GetMessage::Request&) {
    return queue_empty;
}

Reply<SendMessage::Response>
handle(bmc::Bmc&, const Context&, const SendMessage::Request& request) {
    return request.message.empty() ? CompletionCode::invalid_length : nak_on_write;
}

Reply<ReadEventMessageBuffer::Response>
handle(bmc::Bmc& bmc, const Context&, const ReadEventMessageBuffer::Request&) {
    const auto event = bmc.messaging.take_event();
    if (!event) {
        return queue_empty;
    }
    return ReadEventMessageBuffer::Response{*event};
}

Reply<GetBtInterfaceCapabilities::Response>
handle(bmc::Bmc&, const Context&, const GetBtInterfaceCapabilities::Request&) {
    return CompletionCode::not_present;
}

Reply<MasterWriteRead::Response>
handle(bmc::Bmc&, const Context&, const MasterWriteRead::Request&) {
    return nak_on_write;
}

Reply<GetSystemInterfaceCapabilities::Response>
handle(bmc::Bmc&, const Context&, const GetSystemInterfaceCapabilities::Request& request) {
    return request.type > last_interface_type ? CompletionCode::invalid_data_field
                                              : CompletionCode::not_present;
}

} // namespace vbmc::ipmi
