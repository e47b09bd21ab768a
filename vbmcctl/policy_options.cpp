#include "vbmcctl/policy_options.h"

#include "vbmcctl/cli.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/progress.h"
#include "vbmcctl/text.h"
#include "vbmcctl/yaml_fields.h"

#include <algorithm>
#include <charconv>

namespace vbmc::ctl {

namespace {

Result<void> set_suites(api::Policy& policy, const std::string& text) {
    policy.clear_cipher_suites();
    for (const std::string& part : split(text, ',')) {
        const std::string_view digits = trim(part);
        unsigned suite = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), suite);
        if (error != std::errc() || end != digits.data() + digits.size()) {
            return Error(ErrorCode::invalid_argument, "'" + part + "' is no cipher suite")
                .with_hint("suites are numbers, preferred first: 17,3");
        }
        policy.add_cipher_suites(suite);
    }
    return {};
}

Result<bool> to_boolean(const std::string& name, const std::string& value) {
    const std::optional<bool> parsed = parse_boolean(value);
    if (!parsed) {
        return Error(
            ErrorCode::invalid_argument, "'" + name + "' is true or false, not '" + value + "'"
        );
    }
    return *parsed;
}

} // namespace

void add_policy_options(CLI::App& command, PolicyArgs& args) {
    const char* group = "Policy";
    command
        .add_option(
            "--cipher-suites",
            args.cipher_suites,
            "Suites that are accepted, preferred first (17,3)"
        )
        ->type_name("IDS")
        ->group(group);
    add_repeated(command, "--allow", args.allow, "Client network that may talk to it (all)")
        ->type_name("CIDR")
        ->group(group);
    command
        .add_option(
            "--privilege-max",
            args.privilege_max,
            "Highest privilege of any session (administrator)"
        )
        ->type_name("LEVEL")
        ->group(group);
    command.add_flag("--ipmi15", args.ipmi15, "Also accept IPMI 1.5 sessions")->group(group);
    command
        .add_flag("--hide-users", args.hide_users, "Answer for an unknown user as for a known one")
        ->group(group);
}

Result<void> apply_policy_options(const PolicyArgs& args, api::Policy& policy) {
    if (!args.cipher_suites.empty()) {
        if (const Result<void> set = set_suites(policy, args.cipher_suites); !set) {
            return set.error();
        }
    }
    for (const std::string& network : args.allow) {
        policy.add_allow(network);
    }
    if (!args.privilege_max.empty()) {
        const Result<std::string> privilege = parse_privilege(args.privilege_max);
        if (!privilege) {
            return privilege.error();
        }
        policy.set_privilege_max(privilege_of(*privilege));
    }
    policy.set_ipmi15(args.ipmi15);
    policy.set_hide_users(args.hide_users);
    return {};
}

namespace {

Result<void> set_window(google::protobuf::Duration& out, const std::string& value) {
    const Result<Duration> parsed = parse_duration(value);
    if (!parsed) {
        return parsed.error();
    }
    set_seconds(out, std::chrono::duration<double>(*parsed).count());
    return {};
}

void set_networks(api::Policy& policy, const std::string& value) {
    policy.clear_allow();
    for (const std::string& network : split(value, ',')) {
        if (!trim(network).empty()) {
            policy.add_allow(std::string(trim(network)));
        }
    }
}

Result<void> set_flag(api::Policy& policy, const std::string& field, const std::string& value) {
    const Result<bool> flag = to_boolean(field, value);
    if (!flag) {
        return flag.error();
    }
    field == "ipmi15" ? policy.set_ipmi15(*flag) : policy.set_hide_users(*flag);
    return {};
}

Result<void> set_by_name(api::Policy& policy, const std::string& field, const std::string& value) {
    if (field == "cipher_suites") {
        return set_suites(policy, value);
    }
    if (field == "ipmi15" || field == "hide_users") {
        return set_flag(policy, field, value);
    }
    if (field == "allow") {
        set_networks(policy, value);
        return {};
    }
    if (field == "privilege_max") {
        const Result<std::string> privilege = parse_privilege(value);
        if (!privilege) {
            return privilege.error();
        }
        policy.set_privilege_max(privilege_of(*privilege));
        return {};
    }
    return set_window(
        field == "confirm_window" ? *policy.mutable_confirm_window()
        : field == "fresh_for"    ? *policy.mutable_fresh_for()
                                  : *policy.mutable_stale_after(),
        value
    );
}

} // namespace

Result<std::string>
set_policy_field(api::Policy& policy, const std::string& name, const std::string& value) {
    static const std::vector<std::string> fields = {
        "cipher_suites",
        "ipmi15",
        "hide_users",
        "allow",
        "privilege_max",
        "confirm_window",
        "fresh_for",
        "stale_after"};
    std::string field = name;
    std::replace(field.begin(), field.end(), '-', '_');
    if (std::find(fields.begin(), fields.end(), field) == fields.end()) {
        return Error(
                   ErrorCode::invalid_argument,
                   "policy has no '" + name + "'" + did_you_mean(field, fields)
        )
            .with_hint("it has " + join(fields, ", "));
    }
    const Result<void> set = set_by_name(policy, field, value);
    return set ? Result<std::string>(field) : set.error();
}

} // namespace vbmc::ctl
