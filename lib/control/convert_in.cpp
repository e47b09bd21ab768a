#include "control/convert.h"

#include <algorithm>

namespace vbmc::control {

namespace {

constexpr std::size_t name_max = 63;
constexpr int entries_max = 64; // labels, annotations, routes, options a target
constexpr std::size_t key_max = 128;
constexpr std::size_t label_max = 256;
constexpr std::size_t text_max = 16384; // an annotation or an option: a certificate fits
constexpr int targets_max = 16;
constexpr int networks_max = 256;
constexpr std::size_t user_name_max = 16;  // IPMI 2.0 §22.28
constexpr std::size_t password_max = 20;   // IPMI 2.0 §22.30
constexpr std::size_t password_short = 12; // below that a leaked RAKP 2 HMAC can be guessed
constexpr u32 user_id_max = 16;
constexpr double window_max_s = 3600;

Error bad(std::string field, std::string message) {
    return Error(ErrorCode::invalid_argument, "BAD_FIELD", std::move(message))
        .with_field(std::move(field));
}

bool is_alphanumeric(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

template <class Map>
Result<std::map<std::string, std::string>>
read_map(const Map& in, const std::string& field, std::size_t value_max) {
    if (in.size() > entries_max) {
        return bad(field, "more than " + std::to_string(entries_max) + " entries");
    }
    std::map<std::string, std::string> out;
    for (const auto& [key, value] : in) {
        const bool printable = std::ranges::none_of(key, [](char c) {
            return static_cast<u8>(c) <= ' ' || c == 0x7F;
        });
        if (key.empty() || key.size() > key_max || !printable) {
            return bad(field, "a key is empty, too long, or has blanks or control characters");
        }
        if (value.size() > value_max) {
            return bad(field + "." + key, "longer than " + std::to_string(value_max) + " bytes");
        }
        out.emplace(key, value);
    }
    return out;
}

Result<std::string> privilege_name(v1::Privilege privilege, const char* field) {
    switch (privilege) {
    case v1::PRIVILEGE_UNSPECIFIED:
    case v1::PRIVILEGE_ADMINISTRATOR:
        return std::string("administrator");
    case v1::PRIVILEGE_OPERATOR:
        return std::string("operator");
    case v1::PRIVILEGE_USER:
        return std::string("user");
    case v1::PRIVILEGE_CALLBACK:
        return std::string("callback");
    default:
        return bad(field, "not a privilege level");
    }
}

Result<void>
read_window(double& out, bool given, const google::protobuf::Duration& in, const char* field) {
    if (!given) {
        return {};
    }
    const double seconds = static_cast<double>(in.seconds()) + in.nanos() / 1e9;
    if (!(seconds >= 0 && seconds <= window_max_s)) {
        return bad(field, "not between 0 and 3600 s");
    }
    out = seconds;
    return {};
}

Result<void> read_windows(fleet::NodePolicy& out, const v1::Policy& in) {
    auto done = read_window(
        out.confirm_window_s,
        in.has_confirm_window(),
        in.confirm_window(),
        "node.policy.confirm_window"
    );
    if (done) {
        done = read_window(
            out.fresh_for_s, in.has_fresh_for(), in.fresh_for(), "node.policy.fresh_for"
        );
    }
    if (done) {
        done = read_window(
            out.stale_after_s, in.has_stale_after(), in.stale_after(), "node.policy.stale_after"
        );
    }
    return done;
}

Result<fleet::NodePolicy> read_policy(const v1::Policy& in) {
    fleet::NodePolicy out;
    if (in.cipher_suites_size() > 0) {
        out.cipher_suites.clear();
    }
    for (const u32 suite : in.cipher_suites()) {
        if (suite > 17) { // IPMI 2.0 table 22-20
            return bad("node.policy.cipher_suites", std::to_string(suite) + " is no cipher suite");
        }
        if (std::ranges::count(out.cipher_suites, suite) != 0) {
            return bad("node.policy.cipher_suites", std::to_string(suite) + " is there twice");
        }
        out.cipher_suites.push_back(static_cast<u8>(suite));
    }
    out.ipmi15 = in.ipmi15();
    out.hide_users = in.hide_users();
    if (in.allow_size() > networks_max) {
        return bad("node.policy.allow", "more than " + std::to_string(networks_max) + " networks");
    }
    for (const std::string& text : in.allow()) {
        const auto network = IpNetwork::parse(text);
        if (!network) {
            return bad("node.policy.allow", "\"" + text + "\" is no network such as 10.1.0.0/22");
        }
        out.allow.push_back(*network);
    }
    auto privilege = privilege_name(in.privilege_max(), "node.policy.privilege_max");
    if (!privilege) {
        return privilege.error();
    }
    out.privilege_max = *std::move(privilege);
    if (auto done = read_windows(out, in); !done) {
        return done.error();
    }
    return out;
}

Result<std::vector<fleet::Target>> read_targets(const v1::Node& node) {
    if (node.targets_size() > targets_max) {
        return bad("node.targets", "more than " + std::to_string(targets_max) + " targets");
    }
    std::vector<fleet::Target> out;
    for (int i = 0; i < node.targets_size(); ++i) {
        const v1::Target& in = node.targets(i);
        const std::string field = "node.targets[" + std::to_string(i) + "]";
        fleet::Target target;
        if (!in.name().empty()) {
            if (auto done = check_name(in.name(), (field + ".name").c_str()); !done) {
                return done.error();
            }
            target.name = in.name();
        }
        const auto same = [&target](const fleet::Target& t) { return t.name == target.name; };
        if (std::ranges::any_of(out, same)) {
            return bad(field + ".name", "two targets are called \"" + target.name + "\"");
        }
        if (in.kind().empty()) {
            return bad(field + ".kind", "a target needs a backend kind");
        }
        target.kind = in.kind();
        auto options = read_map(in.options(), field + ".options", text_max);
        if (!options) {
            return options.error();
        }
        target.options = *std::move(options);
        out.push_back(std::move(target));
    }
    return out;
}

} // namespace

Result<void> check_name(const std::string& name, const char* field) {
    if (name.empty()) {
        return bad(field, "a name is missing");
    }
    const bool good = name.size() <= name_max && is_alphanumeric(name.front()) &&
                      std::ranges::all_of(name, [](char c) {
                          return is_alphanumeric(c) || c == '.' || c == '-' || c == '_';
                      });
    if (!good) {
        return bad(
            field,
            "a name is 1 to 63 letters, digits, dots, dashes and underscores, and begins with a "
            "letter or digit"
        );
    }
    return {};
}

Result<EndpointWish> endpoint_of(const v1::Node& node) {
    EndpointWish wish;
    const std::string& address = node.endpoint().address();
    wish.address_auto = address == "auto";
    if (!address.empty() && !wish.address_auto) {
        wish.address = IpAddress::parse(address);
        if (!wish.address) {
            return bad(
                "node.endpoint.address", "\"" + address.substr(0, 64) + "\" is no IP address"
            );
        }
    }
    if (node.endpoint().port() > 65535) {
        return bad("node.endpoint.port", "a port is at most 65535");
    }
    if (node.endpoint().port() != 0) {
        wish.port = static_cast<u16>(node.endpoint().port());
    }
    return wish;
}

Result<fleet::NodeSpec> to_spec(const v1::Node& node) {
    fleet::NodeSpec spec;
    if (auto done = check_name(node.name(), "node.name"); !done) {
        return done.error();
    }
    spec.name = node.name();
    auto wish = endpoint_of(node);
    if (!wish) {
        return wish.error();
    }
    spec.address = wish->address.value_or(IpAddress{});
    spec.port = wish->port.value_or(u16{0});
    auto labels = read_map(node.labels(), "node.labels", label_max);
    if (!labels) {
        return labels.error();
    }
    spec.labels = *std::move(labels);
    auto annotations = read_map(node.annotations(), "node.annotations", text_max);
    if (!annotations) {
        return annotations.error();
    }
    spec.annotations = *std::move(annotations);
    auto routes = read_map(node.routes(), "node.routes", label_max);
    if (!routes) {
        return routes.error();
    }
    spec.routes = *std::move(routes);
    auto targets = read_targets(node);
    if (!targets) {
        return targets.error();
    }
    spec.targets = *std::move(targets);
    auto policy = read_policy(node.policy());
    if (!policy) {
        return policy.error();
    }
    spec.policy = *std::move(policy);
    spec.enabled = !node.has_enabled() || node.enabled();
    return spec;
}

Result<fleet::UserSpec> to_user(const v1::User& user) {
    fleet::UserSpec out;
    if (user.id() > user_id_max || user.id() == 1) {
        return bad("user.id", "a user id is 2 to 16, or 0 for the next free one");
    }
    out.id = static_cast<u8>(user.id());
    if (user.name().size() > user_name_max || (user.name().empty() && user.id() == 0)) {
        return bad("user.name", "a user name is 1 to 16 bytes");
    }
    out.name = user.name();
    if (user.password().size() > password_max) {
        return bad("user.password", "a password is at most 20 bytes");
    }
    out.password = Secret(std::string_view(user.password()));
    auto privilege = privilege_name(user.privilege(), "user.privilege");
    if (!privilege) {
        return privilege.error();
    }
    out.privilege = *std::move(privilege);
    out.enabled = !user.has_enabled() || user.enabled();
    return out;
}

Result<bmc::PowerAction> to_action(v1::PowerAction action) {
    switch (action) {
    case v1::POWER_ACTION_ON:
        return bmc::PowerAction::on;
    case v1::POWER_ACTION_OFF:
        return bmc::PowerAction::off;
    case v1::POWER_ACTION_SOFT:
        return bmc::PowerAction::soft;
    case v1::POWER_ACTION_CYCLE:
        return bmc::PowerAction::cycle;
    case v1::POWER_ACTION_RESET:
        return bmc::PowerAction::reset;
    case v1::POWER_ACTION_DIAG:
        return bmc::PowerAction::diag;
    default:
        return bad("action", "a power action is on, off, soft, cycle, reset or diag");
    }
}

Result<bmc::BootRequest> to_boot(const v1::Boot& boot) {
    if (!v1::BootDevice_IsValid(boot.device())) {
        return bad("boot.device", "not a boot device");
    }
    bmc::BootRequest out;
    out.device = static_cast<bmc::BootDevice>(boot.device());
    out.persistent = boot.persistent();
    out.efi = boot.efi();
    return out;
}

void keep_secrets(fleet::NodeSpec& wanted, const fleet::NodeSpec& current) {
    for (fleet::Target& target : wanted.targets) {
        const backend::DriverKind* kind = backend::find_kind(target.kind);
        if (kind == nullptr) {
            continue; // the fleet refuses it
        }
        const auto old = std::ranges::find_if(current.targets, [&target](const fleet::Target& t) {
            return t.name == target.name && t.kind == target.kind;
        });
        for (const backend::Option& option : kind->schema.options) {
            if (option.type != backend::OptionType::secret) {
                continue;
            }
            const std::string name(option.name);
            const auto given = target.options.find(name);
            if (given != target.options.end()) {
                if (given->second.empty()) {
                    target.options.erase(given);
                }
            } else if (old != current.targets.end() && old->options.contains(name)) {
                target.options.emplace(name, old->options.find(name)->second);
            }
        }
    }
}

Error with_api_field(Error error) {
    std::string& field = error.field;
    if (field == "address" || field == "port") {
        field = "node.endpoint." + field;
    } else if (field == "etag") {
        field = "node.etag";
    } else if (field == "backend") {
        field = "node.targets.kind";
    } else if (field.starts_with("backend.")) {
        field = "node.targets." + field.substr(std::string_view("backend.").size());
    } else {
        const std::string first = field.substr(0, field.find_first_of(".["));
        for (const char* own : {"name", "labels", "annotations", "targets", "routes", "policy"}) {
            if (first == own) {
                field = "node." + field;
                break;
            }
        }
    }
    return error;
}

std::string password_warning(const fleet::UserSpec& user) {
    if (user.password.empty() || user.password.size() >= password_short) {
        return "";
    }
    return "the password of \"" + user.name +
           "\" is shorter than 12 bytes: IPMI lets anyone who can reach the port guess it offline";
}

} // namespace vbmc::control
