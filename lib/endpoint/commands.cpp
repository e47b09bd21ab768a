#include "endpoint/commands.h"

#include "endpoint/payload_commands.h"
#include "endpoint/session_commands.h"
#include "endpoint/virtual_bmc.h"
#include "ipmi/table.h"

#include <vector>

namespace vbmc::endpoint {

namespace {

using List = ipmi::CommandList<
    VirtualBmc,
    GetSystemGuid,
    GetChannelAuthenticationCapabilities,
    SetSessionPrivilegeLevel,
    CloseSession,
    GetSessionInfo,
    ActivatePayload,
    DeactivatePayload,
    GetPayloadActivationStatus,
    GetPayloadInstanceInfo,
    GetChannelCipherSuites>;

// The two steps of an IPMI 1.5 log-in happen before there is a session: the engine answers them.
constexpr std::array<ipmi::CommandFacts, 2> answered_by_engine = {
    ipmi::CommandFacts{{ipmi::netfn::app, 0x39}, bmc::Privilege::none}, // Get Session Challenge
    ipmi::CommandFacts{{ipmi::netfn::app, 0x3a}, bmc::Privilege::none}, // Activate Session
};

std::vector<ipmi::CommandFacts> collect() {
    std::vector<ipmi::CommandFacts> facts(answered_by_engine.begin(), answered_by_engine.end());
    for (const auto& entry : List::entries) {
        facts.push_back({entry.id, entry.privilege});
    }
    for (const auto& entry : ipmi::table()) {
        facts.push_back({entry.id, entry.privilege});
    }
    std::sort(facts.begin(), facts.end(), [](const auto& a, const auto& b) {
        return a.id.key() < b.id.key();
    });
    return facts;
}

} // namespace

std::span<const ipmi::Entry<VirtualBmc>> session_table() {
    return List::entries;
}

std::span<const ipmi::CommandFacts> known_commands() {
    static const std::vector<ipmi::CommandFacts> facts = collect();
    return facts;
}

} // namespace vbmc::endpoint
