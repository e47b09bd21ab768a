#include "control/mask.h"

#include "control/convert.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace vbmc::control {

namespace {

constexpr std::string_view labels_prefix = "labels.";
constexpr std::string_view annotations_prefix = "annotations.";
constexpr std::string_view policy_prefix = "policy.";
constexpr int paths_max = 256;

Error bad_mask(const std::string& why) {
    return Error(ErrorCode::invalid_argument, "BAD_MASK", why).with_field("update_mask");
}

std::vector<std::string> populated(const v1::Node& node) {
    std::vector<std::string> out;
    const auto add = [&out](bool there, const char* path) {
        if (there) {
            out.emplace_back(path);
        }
    };
    add(!node.labels().empty(), "labels");
    add(!node.annotations().empty(), "annotations");
    add(!node.endpoint().address().empty(), "endpoint.address");
    add(node.endpoint().port() != 0, "endpoint.port");
    add(!node.targets().empty(), "targets");
    add(!node.routes().empty(), "routes");
    add(node.has_policy(), "policy");
    add(node.has_enabled(), "enabled");
    return out;
}

/// "*" is all, but an absent endpoint or enabled has no default to go back to.
std::vector<std::string> everything(const v1::Node& node) {
    std::vector<std::string> out = {"labels", "annotations", "targets", "routes", "policy"};
    for (const std::string& path : populated(node)) {
        if (path.starts_with("endpoint.") || path == "enabled") {
            out.push_back(path);
        }
    }
    return out;
}

Result<std::vector<std::string>> expand(const v1::UpdateNodeRequest& request) {
    const auto& paths = request.update_mask().paths();
    if (paths.size() > paths_max) {
        return bad_mask("more than " + std::to_string(paths_max) + " paths");
    }
    if (paths.empty()) {
        auto found = populated(request.node());
        if (found.empty()) {
            return bad_mask("neither the mask nor the node names anything to change");
        }
        return found;
    }
    std::vector<std::string> out;
    for (const std::string& path : paths) {
        if (path == "*") {
            return everything(request.node());
        }
        if (path == "endpoint") {
            out.emplace_back("endpoint.address");
            out.emplace_back("endpoint.port");
        } else {
            out.push_back(path);
        }
    }
    return out;
}

void copy_entry(
    std::map<std::string, std::string>& out,
    const std::map<std::string, std::string>& in,
    std::string_view path,
    std::string_view prefix
) {
    const std::string key(path.substr(prefix.size()));
    const auto found = in.find(key);
    if (found == in.end()) {
        out.erase(key);
    } else {
        out[key] = found->second;
    }
}

bool copy_policy_field(fleet::NodePolicy& out, const fleet::NodePolicy& in, std::string_view name) {
    if (name == "cipher_suites") {
        out.cipher_suites = in.cipher_suites;
    } else if (name == "ipmi15") {
        out.ipmi15 = in.ipmi15;
    } else if (name == "hide_users") {
        out.hide_users = in.hide_users;
    } else if (name == "allow") {
        out.allow = in.allow;
    } else if (name == "privilege_max") {
        out.privilege_max = in.privilege_max;
    } else if (name == "confirm_window") {
        out.confirm_window_s = in.confirm_window_s;
    } else if (name == "fresh_for") {
        out.fresh_for_s = in.fresh_for_s;
    } else if (name == "stale_after") {
        out.stale_after_s = in.stale_after_s;
    } else {
        return false;
    }
    return true;
}

Result<void> set_endpoint(fleet::NodeSpec& out, const EndpointWish& wish, const std::string& path) {
    if (path == "endpoint.address") {
        if (!wish.address) {
            return Error(
                       ErrorCode::invalid_argument,
                       "BAD_FIELD",
                       "an update needs an address; \"auto\" and none are for new nodes"
            )
                .with_field("node.endpoint.address");
        }
        out.address = *wish.address;
        return {};
    }
    if (!wish.port) {
        return Error(ErrorCode::invalid_argument, "BAD_FIELD", "an update needs a port, not 0")
            .with_field("node.endpoint.port");
    }
    out.port = *wish.port;
    return {};
}

/// One path of the mask. Returns the fleet's field that it touches.
Result<std::string> copy_path(
    fleet::NodeSpec& out,
    const fleet::NodeSpec& in,
    const EndpointWish& wish,
    const std::string& path
) {
    if (path == "labels") {
        out.labels = in.labels;
    } else if (path == "annotations") {
        out.annotations = in.annotations;
    } else if (path == "targets") {
        out.targets = in.targets;
    } else if (path == "routes") {
        out.routes = in.routes;
    } else if (path == "policy") {
        out.policy = in.policy;
    } else if (path == "enabled") {
        out.enabled = in.enabled;
    } else if (path == "endpoint.address" || path == "endpoint.port") {
        if (auto done = set_endpoint(out, wish, path); !done) {
            return done.error();
        }
        return path == "endpoint.port" ? std::string("port") : std::string("address");
    } else if (path.starts_with(labels_prefix) && path.size() > labels_prefix.size()) {
        copy_entry(out.labels, in.labels, path, labels_prefix);
        return std::string("labels");
    } else if (path.starts_with(annotations_prefix) && path.size() > annotations_prefix.size()) {
        copy_entry(out.annotations, in.annotations, path, annotations_prefix);
        return std::string("annotations");
    } else if (path.starts_with(policy_prefix) &&
               copy_policy_field(
                   out.policy, in.policy, std::string_view(path).substr(policy_prefix.size())
               )) {
        return std::string("policy");
    } else {
        return bad_mask("\"" + path.substr(0, 64) + "\" cannot be changed or does not exist");
    }
    return path;
}

} // namespace

Result<Change> masked_change(const v1::UpdateNodeRequest& request, const fleet::NodeSpec& current) {
    auto paths = expand(request);
    if (!paths) {
        return paths.error();
    }
    auto given = to_spec(request.node());
    if (!given) {
        return given.error();
    }
    const auto wish = endpoint_of(request.node());
    if (!wish) {
        return wish.error();
    }
    Change change{current, {}};
    std::set<std::string> fields;
    for (const std::string& path : *paths) {
        auto field = copy_path(change.wanted, *given, *wish, path);
        if (!field) {
            return field.error();
        }
        fields.insert(*std::move(field));
    }
    if (fields.contains("targets")) {
        keep_secrets(change.wanted, current);
    }
    change.fields.assign(fields.begin(), fields.end());
    return change;
}

Result<Change> declared_change(const v1::Node& node, const fleet::NodeSpec& current) {
    auto given = to_spec(node);
    if (!given) {
        return given.error();
    }
    const auto wish = endpoint_of(node);
    if (!wish) {
        return wish.error();
    }
    Change change{*std::move(given), {}};
    change.wanted.uid = current.uid;
    change.wanted.etag = current.etag;
    change.wanted.address = wish->address.value_or(current.address);
    change.wanted.port = wish->port.value_or(current.port);
    change.wanted.enabled = node.has_enabled() ? node.enabled() : current.enabled;
    keep_secrets(change.wanted, current);
    change.fields = differences(change.wanted, current);
    return change;
}

std::vector<std::string> differences(const fleet::NodeSpec& a, const fleet::NodeSpec& b) {
    std::vector<std::string> out;
    const auto add = [&out](bool same, const char* field) {
        if (!same) {
            out.emplace_back(field);
        }
    };
    add(a.address == b.address, "address");
    add(a.annotations == b.annotations, "annotations");
    add(a.enabled == b.enabled, "enabled");
    add(a.labels == b.labels, "labels");
    add(a.policy == b.policy, "policy");
    add(a.port == b.port, "port");
    add(a.routes == b.routes, "routes");
    add(a.targets == b.targets, "targets");
    return out;
}

std::string api_path(const std::string& fleet_field) {
    return fleet_field == "address" || fleet_field == "port" ? "endpoint." + fleet_field
                                                             : fleet_field;
}

} // namespace vbmc::control
