#include "vbmcctl/manifest.h"

#include "vbmcctl/ranges.h"
#include "vbmcctl/text.h"
#include "vbmcctl/yaml_fields.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>

namespace vbmc::ctl {

namespace {

using Texts = std::vector<std::string>;

constexpr std::uint32_t port_max = 65535;

void read_target(YamlErrors& errors, const YAML::Node& node, ManifestTarget& target, bool named) {
    YamlFields fields(errors, node, named ? "a target" : "backend");
    target.name = named ? fields.text("name").value_or("") : "";
    target.kind = fields.text("kind").value_or("");
    target.options = fields.text_map("options");
    fields.ignore("secret_options");
    fields.finish();
    if (node.IsMap() && target.kind.empty()) {
        errors.add(node, std::string(named ? "a target" : "backend") + " needs a 'kind'");
    }
}

void read_targets(YamlErrors& errors, YamlFields& fields, ManifestNode& out) {
    const YAML::Node backend = fields.take("backend");
    const YAML::Node targets = fields.take("targets");
    if (backend && targets) {
        errors.add(targets, "a node has either 'backend' or 'targets'");
        return;
    }
    if (backend && backend.IsScalar()) {
        out.targets.push_back({"", backend.Scalar(), {}});
    } else if (backend) {
        read_target(errors, backend, out.targets.emplace_back(), false);
    } else if (targets && targets.IsSequence()) {
        for (const YAML::Node& target : targets) {
            read_target(errors, target, out.targets.emplace_back(), true);
        }
    } else if (targets) {
        errors.add(targets, "'targets' is a list");
    }
}

void read_user(YamlErrors& errors, const YAML::Node& node, ManifestUser& user) {
    YamlFields fields(errors, node, "a user");
    user.line = node.Mark().line + 1;
    user.id = fields.number("id", 16).value_or(0);
    user.name = fields.text("name").value_or("");
    const std::optional<std::string> password = fields.text("password");
    const std::optional<std::string> file = fields.text("password_file");
    const std::optional<std::string> privilege = fields.text("privilege");
    user.enabled = fields.boolean("enabled");
    fields.finish();
    if (node.IsMap() && user.name.empty()) {
        errors.add(node, "a user needs a 'name'");
    }
    if (password && file) {
        errors.add(node, "a user has either 'password' or 'password-file'");
    }
    user.password = Secret(password.value_or(""));
    user.password_file = file.value_or("");
    if (privilege) {
        const Result<std::string> known = parse_privilege(*privilege);
        if (!known) {
            errors.add(node, known.error().message);
        } else {
            user.privilege = *known;
        }
    }
}

void read_users(YamlErrors& errors, YamlFields& fields, ManifestNode& out) {
    const YAML::Node users = fields.take("users");
    if (users && !users.IsSequence()) {
        errors.add(users, "'users' is a list");
        return;
    }
    for (const YAML::Node& user : users ? users : YAML::Node(YAML::NodeType::Sequence)) {
        read_user(errors, user, out.users.emplace_back());
    }
}

void read_policy(YamlErrors& errors, YamlFields& fields, ManifestNode& out) {
    const YAML::Node node = fields.take("policy");
    if (!node) {
        return;
    }
    YamlFields inside(errors, node, "policy");
    ManifestPolicy policy;
    for (const std::string& suite : inside.texts("cipher_suites")) {
        std::uint32_t id = 0;
        const auto [end, error] = std::from_chars(suite.data(), suite.data() + suite.size(), id);
        if (error != std::errc() || end != suite.data() + suite.size() || id > 255) {
            errors.add(node, "cipher suite '" + suite + "' is not a number");
        }
        policy.cipher_suites.push_back(id);
    }
    policy.ipmi15 = inside.boolean("ipmi15").value_or(false);
    policy.hide_users = inside.boolean("hide_users").value_or(false);
    policy.allow = inside.texts("allow");
    policy.confirm_window_s = inside.seconds("confirm_window");
    policy.fresh_for_s = inside.seconds("fresh_for");
    policy.stale_after_s = inside.seconds("stale_after");
    if (const std::optional<std::string> privilege = inside.text("privilege_max")) {
        const Result<std::string> known = parse_privilege(*privilege);
        if (!known) {
            errors.add(node, known.error().message);
        } else {
            policy.privilege_max = *known;
        }
    }
    inside.finish();
    out.policy = std::move(policy);
}

/// A port member as text: "623", "auto", "[6230-6329]" also where YAML makes a list of it.
std::string port_text(YamlErrors& errors, const YAML::Node& node) {
    if (!node) {
        return {};
    }
    if (node.IsScalar()) {
        return node.Scalar();
    }
    Texts parts;
    if (node.IsSequence()) {
        for (const YAML::Node& part : node) {
            if (part.IsScalar()) {
                parts.push_back(part.Scalar());
            }
        }
    }
    const std::string text = "[" + join(parts, ",") + "]";
    if (!has_range(text)) {
        errors.add(node, "'port' is a number, a range such as [6230-6329], or auto");
        return {};
    }
    return text;
}

std::optional<std::uint32_t> parse_port(const std::string& text) {
    if (text == "auto") {
        return 0;
    }
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value == 0 ||
        value > port_max) {
        return std::nullopt;
    }
    return value;
}

/// One value for each of `count` nodes: a range of that many, or the same for all.
Texts spread(
    YamlErrors& errors,
    const YAML::Node& node,
    std::string_view what,
    const std::string& text,
    std::size_t count
) {
    Result<Texts> values = expand_range(text);
    if (!values) {
        errors.add(node, values.error().message);
        return Texts(count, text);
    }
    if (values->size() == 1) {
        return Texts(count, values->front());
    }
    if (values->size() != count) {
        errors.add(
            node,
            std::string(what) + " stands for " + std::to_string(values->size()) +
                " values, but there " + (count == 1 ? "is " : "are ") + counted(count, "name")
        );
        return Texts(count, text);
    }
    return std::move(*values);
}

void replace_name(std::map<std::string, std::string>& values, const std::string& name) {
    static constexpr std::string_view mark = "{name}";
    for (auto& [key, value] : values) {
        for (std::size_t at = value.find(mark); at != std::string::npos;
             at = value.find(mark, at + name.size())) {
            value.replace(at, mark.size(), name);
        }
    }
}

/// The nodes that one mapping with ranges stands for.
void expand_node(
    YamlErrors& errors,
    const YAML::Node& node,
    const ManifestNode& pattern,
    const std::string& port,
    std::vector<ManifestNode>& out
) {
    Result<Texts> names = expand_range(pattern.name);
    if (!names) {
        errors.add(node, names.error().message);
        return;
    }
    const std::size_t count = names->size();
    const Texts addresses = spread(errors, node, "'address'", pattern.address, count);
    const Texts ports = spread(errors, node, "'port'", port, count);
    const bool ranged = has_range(pattern.name);
    bool complained = false;
    for (std::size_t i = 0; i < count; ++i) {
        ManifestNode made = pattern;
        made.name = (*names)[i];
        made.address = addresses[i];
        if (!ports[i].empty()) {
            made.port = parse_port(ports[i]);
            if (!made.port && !complained) {
                complained = true;
                errors.add(
                    node["port"] ? node["port"] : node,
                    "'port' is 1 to 65535 or auto, not '" + ports[i] + "'"
                );
            }
        }
        if (ranged) {
            for (ManifestTarget& target : made.targets) {
                replace_name(target.options, made.name);
            }
            replace_name(made.labels, made.name);
            replace_name(made.annotations, made.name);
        }
        out.push_back(std::move(made));
    }
}

void read_node(
    YamlErrors& errors,
    const YAML::Node& node,
    const std::string& file,
    std::vector<ManifestNode>& out
) {
    YamlFields fields(errors, node, "a node");
    if (!node.IsMap()) {
        return;
    }
    ManifestNode pattern;
    pattern.file = file;
    pattern.line = node.Mark().line + 1;
    pattern.lines = fields.lines();
    pattern.name = fields.text("name").value_or("");
    pattern.etag = fields.text("etag").value_or("");
    pattern.address = fields.text("address").value_or("");
    const std::string port = port_text(errors, fields.take("port"));
    read_targets(errors, fields, pattern);
    pattern.routes = fields.text_map("routes");
    pattern.labels = fields.text_map("labels");
    pattern.annotations = fields.text_map("annotations");
    read_users(errors, fields, pattern);
    read_policy(errors, fields, pattern);
    pattern.enabled = fields.boolean("enabled");
    fields.ignore("uid");
    fields.ignore("source");
    fields.ignore("status");
    fields.finish();
    if (pattern.name.empty()) {
        errors.add(node, "a node needs a 'name'");
        return;
    }
    if (pattern.targets.empty() && errors.empty()) {
        errors.add(node, "node '" + pattern.name + "' needs a 'backend'");
    }
    expand_node(errors, node, pattern, port, out);
}

void read_list(
    YamlErrors& errors,
    const YAML::Node& list,
    const std::string& file,
    std::vector<ManifestNode>& out
) {
    for (const YAML::Node& node : list) {
        read_node(errors, node, file, out);
    }
}

/// A node, a list of nodes, or `nodes:` with a list.
void read_document(
    YamlErrors& errors,
    const YAML::Node& document,
    const std::string& file,
    std::vector<ManifestNode>& out
) {
    if (document.IsSequence()) {
        read_list(errors, document, file, out);
    } else if (document.IsMap() && document["nodes"] && !document["name"]) {
        YamlFields fields(errors, document, "the manifest");
        const YAML::Node nodes = fields.take("nodes");
        fields.finish();
        if (nodes && !nodes.IsSequence()) {
            errors.add(nodes, "'nodes' is a list");
        } else if (nodes) {
            read_list(errors, nodes, file, out);
        }
    } else if (document.IsMap()) {
        read_node(errors, document, file, out);
    } else if (!document.IsNull()) {
        errors.add(document, "a manifest is a node or a list of nodes");
    }
}

} // namespace

std::string ManifestNode::where(std::string_view field) const {
    // Paths of the API ("node.endpoint.port", "users[1].password") against our members.
    int at = line;
    for (const auto& [member, number] : lines) {
        const std::string_view api = member == "backend" ? "targets" : std::string_view(member);
        for (const std::string& part : split(field, '.')) {
            if (part.substr(0, part.find('[')) == api) {
                at = number;
            }
        }
    }
    return file + ":" + std::to_string(at);
}

void Manifest::append(Manifest other) {
    std::move(other.nodes.begin(), other.nodes.end(), std::back_inserter(nodes));
    std::move(other.errors.begin(), other.errors.end(), std::back_inserter(errors));
}

Manifest parse_manifest(std::string_view text, const std::string& file) {
    Manifest manifest;
    YamlErrors errors(file);
    try {
        for (const YAML::Node& document : YAML::LoadAll(std::string(text))) {
            read_document(errors, document, file, manifest.nodes);
        }
    } catch (const YAML::Exception& problem) {
        errors.add(problem.mark, "not YAML: " + problem.msg);
    }
    manifest.errors = errors.take();
    return manifest;
}

Result<std::string> parse_privilege(std::string_view text) {
    static const Texts names = {"callback", "user", "operator", "administrator"};
    const std::string lower = to_lower(text);
    if (lower == "admin") {
        return std::string("administrator");
    }
    if (std::find(names.begin(), names.end(), lower) != names.end()) {
        return lower;
    }
    return Error(
               ErrorCode::invalid_argument,
               "no privilege '" + std::string(text) + "'" + did_you_mean(text, names)
    )
        .with_hint("privileges are " + join(names, ", "));
}

} // namespace vbmc::ctl
