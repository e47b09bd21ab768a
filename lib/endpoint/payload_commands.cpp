#include "endpoint/payload_commands.h"

#include "crypto/suite.h"
#include "endpoint/virtual_bmc.h"

namespace vbmc::endpoint {

using ipmi::CompletionCode;
using ipmi::Context;
using ipmi::Reply;

namespace {

// Activate Payload (IPMI 2.0 §24.1) and Deactivate Payload (§24.2).
constexpr CompletionCode already_active = ipmi::command_specific(0x80);
constexpr CompletionCode payload_disabled = ipmi::command_specific(0x81);
constexpr CompletionCode cannot_with_encryption = ipmi::command_specific(0x83);
constexpr CompletionCode cannot_without_encryption = ipmi::command_specific(0x84);
constexpr CompletionCode already_deactivated = ipmi::command_specific(0x80);

// What one packet may carry: a full payload either way (OpenBMC says the same, clients test for
// it).
constexpr u16 packet_bytes_max = Sol::packet_bytes_max;

/// nullptr for an IPMI 1.5 session, which has no payloads.
const crypto::Suite* suite_of(const VirtualBmc& bmc, u32 session) {
    const auto info = bmc.sessions().session(session);
    return info ? crypto::find_suite(info->suite_id) : nullptr;
}

/// A client that died left its payload behind: it may be ended from another session by the same
/// user, and by whoever may operate the machine anyway.
bool may_end(const VirtualBmc& bmc, const Context& context, u32 owner) {
    const auto info = bmc.sessions().session(owner);
    return owner == context.session || !info || info->user_id == context.user_id ||
           context.privilege >= bmc::Privilege::operator_;
}

bool user_may_use_sol(const VirtualBmc& bmc, const Context& context) {
    const bmc::User* user = bmc.model().users.find(context.user_id);
    return user != nullptr && (user->standard_payloads >> payload_type_sol & 1) != 0;
}

} // namespace

Reply<ActivatePayload::Response>
handle(VirtualBmc& bmc, const Context& context, const ActivatePayload::Request& request) {
    const bmc::SolConfig& config = bmc.model().sol;
    if (request.type != payload_type_sol || request.instance != sol_instance) {
        return CompletionCode::invalid_data_field;
    }
    if (!config.enabled || !bmc.model().config.capabilities.console) {
        return payload_disabled;
    }
    if (context.privilege < config.privilege || !user_may_use_sol(bmc, context)) {
        return CompletionCode::insufficient_privilege;
    }
    const crypto::Suite* const suite = suite_of(bmc, context.session);
    if (config.force_encryption && (suite == nullptr || !suite->encrypts())) {
        return request.encrypt ? cannot_with_encryption : cannot_without_encryption;
    }
    if (suite == nullptr || (config.force_authentication && !suite->authenticates())) {
        return CompletionCode::not_supported_in_state; // §24.1 has no code of its own for it
    }
    if (bmc.sol() != nullptr) {
        return already_active; // by whomever: Deactivate Payload frees it (§24.2)
    }
    bmc.activate_sol(context.session);
    ActivatePayload::Response response;
    response.inbound_bytes_max = packet_bytes_max;
    response.outbound_bytes_max = packet_bytes_max;
    response.port = bmc.model().config.address.port;
    return response;
}

Reply<ipmi::Nothing>
handle(VirtualBmc& bmc, const Context& context, const DeactivatePayload::Request& request) {
    if (request.type != payload_type_sol || request.instance != sol_instance) {
        return CompletionCode::invalid_data_field;
    }
    if (!bmc.model().sol.enabled) {
        return payload_disabled;
    }
    if (bmc.sol() == nullptr) {
        return already_deactivated;
    }
    if (context.privilege < bmc.model().sol.privilege || !user_may_use_sol(bmc, context) ||
        !may_end(bmc, context, bmc.sol()->session())) {
        return CompletionCode::insufficient_privilege;
    }
    bmc.deactivate_sol();
    return ipmi::Nothing{};
}

Reply<GetPayloadActivationStatus::Response>
handle(VirtualBmc& bmc, const Context&, const GetPayloadActivationStatus::Request& request) {
    if (request.type != payload_type_sol) {
        return CompletionCode::invalid_data_field;
    }
    GetPayloadActivationStatus::Response response;
    response.capacity = 1;
    response.active = bmc.sol() != nullptr ? 1 : 0;
    return response;
}

Reply<GetPayloadInstanceInfo::Response>
handle(VirtualBmc& bmc, const Context&, const GetPayloadInstanceInfo::Request& request) {
    if (request.type != payload_type_sol || request.instance != sol_instance) {
        return CompletionCode::invalid_data_field;
    }
    GetPayloadInstanceInfo::Response response;
    response.session_id = bmc.sol() != nullptr ? bmc.sol()->session() : 0;
    return response;
}

} // namespace vbmc::endpoint
