#include "endpoint/session_commands.h"

#include "endpoint/virtual_bmc.h"

namespace vbmc::endpoint {

using ipmi::CompletionCode;
using ipmi::Context;
using ipmi::Reply;

namespace {

// Close Session (IPMI 2.0 §22.19).
constexpr CompletionCode invalid_session_id = ipmi::command_specific(0x87);
constexpr CompletionCode invalid_session_handle = ipmi::command_specific(0x88);

constexpr u8 index_this_session = 0x00;
constexpr u8 index_by_handle = 0xfe;
constexpr u8 index_by_id = 0xff;

std::optional<rmcp::SessionInfo> find_session(
    const VirtualBmc& bmc, const Context& context, const GetSessionInfo::Request& request
) {
    const rmcp::Engine& sessions = bmc.sessions();
    ByteReader key(request.key.bytes());
    switch (request.index) {
    case index_this_session:
        return sessions.session(context.session);
    case index_by_handle:
        return sessions.session_by_handle(key.read_u8());
    case index_by_id:
        return sessions.session(key.read_u32());
    default:
        return sessions.session_by_index(request.index);
    }
}

constexpr std::size_t key_size(u8 index) noexcept {
    return index == index_by_handle ? 1 : index == index_by_id ? 4 : 0;
}

} // namespace

Reply<GetChannelAuthenticationCapabilities::Response> handle(
    VirtualBmc& bmc,
    const Context& context,
    const GetChannelAuthenticationCapabilities::Request& request
) {
    const u8 channel = bmc::resolve_channel(request.channel, context.channel);
    const bool known_level = request.level >= 1 && request.level <= 5;
    if (channel != bmc::lan_channel || !known_level) {
        return CompletionCode::invalid_data_field;
    }
    GetChannelAuthenticationCapabilities::Response response;
    response.channel = channel;
    response.capabilities = bmc.sessions().authentication_capabilities(
        request.extended, static_cast<rmcp::Privilege>(request.level)
    );
    return response;
}

Reply<GetSystemGuid::Response>
handle(VirtualBmc& bmc, const Context&, const GetSystemGuid::Request&) {
    GetSystemGuid::Response response;
    response.guid = bmc.model().config.guid;
    return response;
}

Reply<GetChannelCipherSuites::Response>
handle(VirtualBmc& bmc, const Context& context, const GetChannelCipherSuites::Request& request) {
    const u8 channel = bmc::resolve_channel(request.channel, context.channel);
    const bool known_payload = request.payload_type <= 1; // IPMI and SOL
    if (channel != bmc::lan_channel || !known_payload) {
        return CompletionCode::invalid_data_field;
    }
    GetChannelCipherSuites::Response response;
    response.channel = channel;
    response.records = bmc.sessions().cipher_suite_records(request.list_index);
    return response;
}

Reply<SetSessionPrivilegeLevel::Response>
handle(VirtualBmc& bmc, const Context& context, const SetSessionPrivilegeLevel::Request& request) {
    const auto answer = bmc.sessions().set_privilege(context.session, request.level);
    if (answer.completion_code != 0) {
        return static_cast<CompletionCode>(answer.completion_code);
    }
    SetSessionPrivilegeLevel::Response response;
    response.level = static_cast<u8>(answer.privilege);
    return response;
}

/// One's own session may always be closed, another's by an administrator (Appendix G, note 10).
Reply<ipmi::Nothing>
handle(VirtualBmc& bmc, const Context& context, const CloseSession::Request& request) {
    const bool by_handle = request.session_id == 0;
    if (by_handle && !request.handle) {
        return invalid_session_id;
    }
    if (!by_handle && request.handle) {
        return CompletionCode::invalid_length;
    }
    const auto found = by_handle ? bmc.sessions().session_by_handle(*request.handle)
                                 : bmc.sessions().session(request.session_id);
    if (!found) {
        return by_handle ? invalid_session_handle : invalid_session_id;
    }
    if (found->id == context.session) {
        return ipmi::Nothing{}; // closed by VirtualBmc::after_command, once the reply is sealed
    }
    if (context.privilege < bmc::Privilege::administrator) {
        return CompletionCode::insufficient_privilege;
    }
    bmc.sessions().close(found->id);
    return ipmi::Nothing{};
}

Reply<GetSessionInfo::Response>
handle(VirtualBmc& bmc, const Context& context, const GetSessionInfo::Request& request) {
    if (request.key.size() != key_size(request.index)) {
        return CompletionCode::invalid_length;
    }
    GetSessionInfo::Response response;
    response.possible = bmc.access().sessions_max;
    response.active = static_cast<u8>(bmc.sessions().session_count());
    const auto session = find_session(bmc, context, request);
    if (!session) {
        const bool past_the_end =
            request.index != index_this_session && request.index < index_by_handle;
        return past_the_end ? Reply<GetSessionInfo::Response>(response)
                            : Reply<GetSessionInfo::Response>(CompletionCode::not_present);
    }
    response.found = true;
    response.handle = session->handle;
    response.user_id = session->user_id;
    response.level = static_cast<u8>(session->privilege);
    response.channel = bmc::lan_channel;
    response.rmcp_plus = session->framing == rmcp::Framing::rmcp_plus;
    response.address = session->peer.address.v4_bytes();
    response.port = session->peer.port;
    return response;
}

} // namespace vbmc::endpoint
