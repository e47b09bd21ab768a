#include "vbmcctl/backend_schema.h"

#include "vbmcctl/text.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace vbmc::ctl {

Result<std::vector<api::BackendKind>> backend_kinds(Cli& cli) {
    const Result<Client*> client = cli.client();
    if (!client) {
        return client.error();
    }
    const auto answer =
        (*client)->call(&api::BackendService::Stub::ListKinds, api::ListKindsRequest());
    if (!answer) {
        return answer.error();
    }
    return std::vector<api::BackendKind>(answer->kinds().begin(), answer->kinds().end());
}

Result<api::BackendKind> find_backend(Cli& cli, const std::string& name) {
    const Result<std::vector<api::BackendKind>> kinds = backend_kinds(cli);
    if (!kinds) {
        return kinds.error();
    }
    std::vector<std::string> names;
    for (const api::BackendKind& kind : *kinds) {
        if (kind.name() == name) {
            return kind;
        }
        names.push_back(kind.name());
    }
    return Error(
               ErrorCode::invalid_argument,
               "BACKEND_UNKNOWN",
               "there is no backend '" + name + "'" + did_you_mean(name, names)
    )
        .with_hint(
            "backends are " + join(names, ", ") +
            "; `vbmcctl backend describe KIND` shows their options"
        );
}

std::string option_type_text(const api::BackendOption& option) {
    return option.type() == api::BackendOption::TYPE_UNSPECIFIED
               ? "text"
               : to_lower(api::BackendOption::Type_Name(option.type()));
}

namespace {

/// A secret need not stand in argv: "@FILE" is its place.
Result<std::string> option_value(const api::BackendOption& option, const std::string& given) {
    if (option.type() != api::BackendOption::SECRET || !given.starts_with('@')) {
        return given;
    }
    const std::string path = given.substr(1);
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (!file.is_open()) {
        return Error(
            ErrorCode::invalid_argument,
            "cannot read " + path + " for option '" + option.name() + "': " + std::strerror(errno)
        );
    }
    if (text.ends_with('\n')) {
        text.pop_back();
    }
    return text;
}

} // namespace

namespace {

using Options = google::protobuf::RepeatedPtrField<api::BackendOption>;

Result<std::map<std::string, std::string>> checked_options(
    const std::string& kind, const Options& schema, const std::vector<std::string>& entries
) {
    std::map<std::string, std::string> out;
    std::vector<std::string> names;
    for (const api::BackendOption& option : schema) {
        names.push_back(option.name());
    }
    for (const std::string& entry : entries) {
        const std::size_t sign = entry.find('=');
        const std::string name = entry.substr(0, sign);
        const auto option = std::find_if(schema.begin(), schema.end(), [&name](const auto& known) {
            return known.name() == name;
        });
        if (option == schema.end()) {
            return Error(
                       ErrorCode::invalid_argument,
                       "backend '" + kind + "' has no option '" + name + "'" +
                           did_you_mean(name, names)
            )
                .with_hint("`vbmcctl backend describe " + kind + "` shows its options");
        }
        if (sign == std::string::npos && option->type() != api::BackendOption::BOOLEAN) {
            return Error(ErrorCode::invalid_argument, "option '" + name + "' needs a value");
        }
        const Result<std::string> value = sign == std::string::npos
                                              ? Result<std::string>("true")
                                              : option_value(*option, entry.substr(sign + 1));
        if (!value) {
            return value.error();
        }
        out[name] = *value;
    }
    return out;
}

} // namespace

Result<std::map<std::string, std::string>>
schema_options(const api::BackendKind& kind, const std::vector<std::string>& entries) {
    return checked_options(kind.name(), kind.options(), entries);
}

Result<std::map<std::string, std::string>>
discover_options(const api::BackendKind& kind, const std::vector<std::string>& entries) {
    if (!kind.can_discover()) {
        return Error(
                   ErrorCode::unsupported,
                   "CANNOT_DISCOVER",
                   "backend '" + kind.name() + "' cannot list its machines"
        )
            .with_hint("`vbmcctl backend describe KIND` tells of each whether it can");
    }
    return checked_options(kind.name(), kind.discover_options(), entries);
}

namespace {

const CLI::Option*
known_option(const CLI::App& root, const CLI::App& command, const std::string& flag) {
    const CLI::Option* found = command.get_option_no_throw(flag);
    return found != nullptr ? found : root.get_option_no_throw(flag);
}

/// The command that takes unknown options; nullptr for all others.
const CLI::App* folding_command(const CLI::App& root, const std::vector<std::string>& words) {
    const std::vector<std::string> path = command_path(root, words);
    if (!path.empty() && (path[0] == "add" || path[0] == "discover")) {
        return root.get_subcommand(path[0]);
    }
    if (path.size() == 2 && path[0] == "backend" && path[1] == "test") {
        return root.get_subcommand("backend")->get_subcommand("test");
    }
    if (path.size() == 2 && path[0] == "source" && path[1] == "add") {
        return root.get_subcommand("source")->get_subcommand("add");
    }
    return nullptr;
}

} // namespace

std::vector<std::string> command_path(const CLI::App& root, const std::vector<std::string>& words) {
    std::vector<std::string> path;
    for (std::size_t i = 0; i < words.size() && path.size() < 2; ++i) {
        if (!words[i].starts_with('-')) {
            path.push_back(words[i]);
            continue;
        }
        const CLI::Option* option =
            root.get_option_no_throw(words[i].substr(0, words[i].find('=')));
        const bool takes_next = option != nullptr && option->get_expected_min() > 0 &&
                                words[i].find('=') == std::string::npos;
        i += takes_next ? 1 : 0;
    }
    return path;
}

std::vector<std::string>
fold_unknown_options(const CLI::App& root, const std::vector<std::string>& words) {
    const CLI::App* command = folding_command(root, words);
    if (command == nullptr) {
        return words;
    }
    std::vector<std::string> out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        const std::size_t sign = word.find('=');
        const std::string flag = word.substr(0, sign);
        if (word == "--") {
            out.insert(out.end(), words.begin() + static_cast<std::ptrdiff_t>(i), words.end());
            break;
        }
        if (!word.starts_with("--")) {
            out.push_back(word);
            continue;
        }
        if (const CLI::Option* option = known_option(root, *command, flag)) {
            out.push_back(word);
            if (sign == std::string::npos && option->get_expected_min() > 0 &&
                i + 1 < words.size()) {
                out.push_back(words[++i]);
            }
            continue;
        }
        if (flag == "--help" || flag == "--help-all") {
            out.push_back(word);
            continue;
        }
        std::string entry = word.substr(2);
        if (sign == std::string::npos && i + 1 < words.size() && !words[i + 1].starts_with('-')) {
            entry += "=" + words[++i];
        }
        out.emplace_back("--option");
        out.push_back(std::move(entry));
    }
    return out;
}

} // namespace vbmc::ctl
