#include "ipmi/app_channel.h"

namespace vbmc::ipmi {

namespace {

using bmc::lan_channel;
using bmc::Privilege;

constexpr u8 medium_lan = 0x04;    // 802.3 (IPMI 2.0 table 6-3)
constexpr u8 protocol_ipmb = 0x01; // IPMB-1.0 (table 6-2)
constexpr u8 multi_session = 0x02;
constexpr u32 ipmi_forum = 0x001bf2; // 7154: the protocol is IPMI's own

constexpr u16 payload_ipmi_and_sol = 0x0003;
constexpr u16 payload_rmcp_session_setup = 0x003f; // Open Session and RAKP, 10h-15h
constexpr u8 payload_sol = 0x01;
constexpr u8 first_session_setup = 0x10;
constexpr u8 last_session_setup = 0x15;

constexpr u8 key_kr = 0;
constexpr u8 key_kg = 1;
constexpr std::size_t kg_size = 20;

bool is_lan(u8 wanted, const Context& context) noexcept {
    return bmc::resolve_channel(wanted, context.channel) == lan_channel;
}

constexpr bool is_limit(u8 level) noexcept {
    return level >= static_cast<u8>(Privilege::callback) &&
           level <= static_cast<u8>(Privilege::oem);
}

/// Puts what the request says into the stored or the active settings.
void apply(bmc::Channel& channel, const SetChannelAccess::Request& request) {
    if (const auto target = static_cast<SetTarget>(request.access_target);
        target != SetTarget::none) {
        auto& access = target == SetTarget::stored ? channel.stored : channel.active;
        access.mode = static_cast<bmc::AccessMode>(request.mode);
        access.flags = request.flags;
    }
    if (const auto target = static_cast<SetTarget>(request.limit_target);
        target != SetTarget::none) {
        auto& access = target == SetTarget::stored ? channel.stored : channel.active;
        access.limit = static_cast<Privilege>(request.limit);
    }
}

} // namespace

Reply<SetChannelAccess::Response>
handle(bmc::Bmc& bmc, const Context& context, const SetChannelAccess::Request& request) {
    constexpr u8 reserved_target = 3;
    if (!is_lan(request.channel, context) || request.access_target == reserved_target ||
        request.limit_target == reserved_target) {
        return CompletionCode::invalid_data_field;
    }
    const bool sets_access = request.access_target != static_cast<u8>(SetTarget::none);
    // Another mode would close the only way in.
    if (sets_access && request.mode != static_cast<u8>(bmc::AccessMode::always)) {
        return access_mode_unsupported;
    }
    const bool sets_limit = request.limit_target != static_cast<u8>(SetTarget::none);
    if (sets_limit && !is_limit(request.limit)) {
        return CompletionCode::invalid_data_field;
    }
    apply(bmc.channel, request);
    bmc.dirty.add(bmc::Section::channel);
    return SetChannelAccess::Response{};
}

Reply<GetChannelAccess::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetChannelAccess::Request& request) {
    if (!is_lan(request.channel, context)) {
        return CompletionCode::invalid_data_field;
    }
    switch (static_cast<SetTarget>(request.which)) {
    case SetTarget::stored:
        return GetChannelAccess::Response{bmc.channel.stored};
    case SetTarget::active:
        return GetChannelAccess::Response{bmc.channel.active};
    case SetTarget::none:
        break;
    }
    return CompletionCode::invalid_data_field;
}

Reply<GetChannelInfo::Response>
handle(bmc::Bmc& bmc, const Context& context, const GetChannelInfo::Request& request) {
    if (!is_lan(request.channel, context)) {
        return CompletionCode::invalid_data_field;
    }
    GetChannelInfo::Response response;
    response.channel = lan_channel;
    response.medium = medium_lan;
    response.protocol = protocol_ipmb;
    response.active_sessions = bmc.channel.active_sessions;
    response.session_support = multi_session;
    response.protocol_vendor = ipmi_forum;
    return response;
}

Reply<GetChannelPayloadSupport::Response>
handle(bmc::Bmc&, const Context& context, const GetChannelPayloadSupport::Request& request) {
    if (!is_lan(request.channel, context)) {
        return CompletionCode::invalid_data_field;
    }
    GetChannelPayloadSupport::Response response;
    response.standard = payload_ipmi_and_sol;
    response.session_setup = payload_rmcp_session_setup;
    return response;
}

Reply<GetChannelPayloadVersion::Response>
handle(bmc::Bmc&, const Context& context, const GetChannelPayloadVersion::Request& request) {
    if (!is_lan(request.channel, context)) {
        return CompletionCode::invalid_data_field;
    }
    const bool known = request.payload <= payload_sol || (request.payload >= first_session_setup &&
                                                          request.payload <= last_session_setup);
    if (!known) {
        return payload_unavailable;
    }
    return GetChannelPayloadVersion::Response{.minor = 0, .major = 1};
}

Reply<GetChannelOemPayloadInfo::Response>
handle(bmc::Bmc&, const Context& context, const GetChannelOemPayloadInfo::Request& request) {
    return is_lan(request.channel, context) ? payload_unavailable
                                            : CompletionCode::invalid_data_field;
}

Reply<SetChannelSecurityKeys::Response>
handle(bmc::Bmc& bmc, const Context& context, const SetChannelSecurityKeys::Request& request) {
    constexpr u8 locked = 1;
    constexpr u8 unlocked = 2;

    enum Operation : u8 { read = 0, set = 1, lock = 2 };

    if (!is_lan(request.channel, context) || request.operation > lock || request.key > key_kg) {
        return CompletionCode::invalid_data_field;
    }
    if (request.key == key_kr) {
        return key_not_used;
    }
    if (request.operation != set && !request.value.empty()) {
        return CompletionCode::invalid_length;
    }
    bmc::Users& users = bmc.users;
    SetChannelSecurityKeys::Response response;
    if (request.operation == set) {
        if (users.kg_locked()) {
            return key_locked;
        }
        if (request.value.size() != kg_size) {
            return request.value.size() < kg_size ? key_too_short : key_too_long;
        }
        users.set_kg(bmc::Key20(request.value));
        bmc.dirty.add(bmc::Section::users);
    } else if (request.operation == lock) {
        users.lock_kg();
        bmc.dirty.add(bmc::Section::users);
    } else if (!users.kg_locked()) {
        response.value.assign(users.kg().reveal());
    }
    response.lock = users.kg_locked() ? locked : unlocked;
    return response;
}

} // namespace vbmc::ipmi
