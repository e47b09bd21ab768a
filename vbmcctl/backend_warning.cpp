#include "vbmcctl/backend_warning.h"

namespace vbmc::ctl {

namespace {

constexpr const char* power_route = "power";

/// The target that the node itself looks at already: another log-in would count twice.
const api::Target& power_target(const api::Node& node) {
    const auto route = node.routes().find(power_route);
    for (const api::Target& target : node.targets()) {
        if (route != node.routes().end() && target.name() == route->second) {
            return target;
        }
    }
    return node.targets(0);
}

void warn(Cli& cli, const std::string& what, const Error& why) {
    cli.terminal().warn(what + " does not answer: " + why.message);
    if (!why.hint.empty()) {
        cli.terminal().note("hint: " + why.hint);
    }
}

void ask_node(Cli& cli, Client& client, const std::string& name) {
    api::GetPowerRequest request;
    request.set_node(name);
    const auto power = client.call(&api::PowerService::Stub::GetPower, request);
    if (power) {
        return;
    }
    api::GetNodeRequest look;
    look.set_name(name);
    const auto node = client.call(&api::NodeService::Stub::GetNode, look);
    const bool told = node && !node->status().last_error().empty();
    warn(
        cli,
        "the backend",
        told ? Error(ErrorCode::unavailable, node->status().last_error()) : power.error()
    );
}

void ask_target(Cli& cli, Client& client, const api::Target& target) {
    api::TestBackendRequest request;
    request.set_kind(target.kind());
    *request.mutable_options() = target.options();
    const auto answer = client.call(&api::BackendService::Stub::TestBackend, request);
    if (!answer) {
        warn(cli, "target " + target.name(), answer.error());
    }
}

} // namespace

void warn_of_backends(Cli& cli, Client& client, const api::Node& wanted) {
    if (wanted.targets().empty()) {
        return;
    }
    const api::Target& power = power_target(wanted);
    ask_node(cli, client, wanted.name());
    for (const api::Target& target : wanted.targets()) {
        if (&target != &power) {
            ask_target(cli, client, target);
        }
    }
}

} // namespace vbmc::ctl
