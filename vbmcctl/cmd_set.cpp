#include "vbmcctl/backend_schema.h"
#include "vbmcctl/commands.h"
#include "vbmcctl/fan_out.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/policy_options.h"
#include "vbmcctl/secret_input.h"
#include "vbmcctl/text.h"
#include "vbmcctl/yaml_fields.h"

#include <algorithm>
#include <charconv>
#include <map>

namespace vbmc::ctl {

namespace {

struct Args {
    std::vector<std::string> words; // names and KEY=VALUE
    SelectionArgs selection;
    std::string kg_file;
    bool no_kg = false;
    bool dry_run = false;
    // The options of `add`, for those who remember those; each is a KEY=VALUE.
    std::map<std::string, std::string> values;
    std::vector<std::string> labels;
    std::vector<std::string> annotations;
};

/// What is to be changed, the same for every node. Options and routes are parts of messages that
/// the API replaces as a whole: they need the node as it is.
struct Changes {
    api::Node node; // with what the mask names
    std::vector<std::string> mask;
    std::vector<std::pair<std::string, std::optional<std::string>>> options; // [TARGET.]NAME
    std::vector<std::pair<std::string, std::optional<std::string>>> routes;

    bool empty() const { return mask.empty() && options.empty() && routes.empty(); }

    bool needs_node() const { return !options.empty() || !routes.empty(); }
};

const std::vector<std::string>& known_keys() {
    static const std::vector<std::string> keys = {
        "address",
        "port",
        "enabled",
        "labels.KEY",
        "annotations.KEY",
        "option.NAME",
        "routes.CAPABILITY",
        "policy.FIELD"};
    return keys;
}

Error unknown_key(const std::string& key) {
    return Error(
               ErrorCode::invalid_argument,
               "cannot set '" + key + "'" + did_you_mean(key, known_keys())
    )
        .with_hint("keys are " + join(known_keys(), ", ") + "; KEY- removes");
}

Result<void> set_port(Changes& changes, const std::string& value) {
    unsigned port = 0;
    const char* last = value.data() + value.size();
    const auto [end, error] = std::from_chars(value.data(), last, port);
    if (error != std::errc() || end != last || port == 0 || port > 65535) {
        return Error(ErrorCode::invalid_argument, "port is 1 to 65535, not '" + value + "'");
    }
    changes.node.mutable_endpoint()->set_port(port);
    changes.mask.emplace_back("endpoint.port");
    return {};
}

Result<void> set_enabled(Changes& changes, const std::string& value) {
    const std::optional<bool> enabled = parse_boolean(value);
    if (!enabled) {
        return Error(ErrorCode::invalid_argument, "enabled is true or false, not '" + value + "'");
    }
    changes.node.set_enabled(*enabled);
    changes.mask.emplace_back("enabled");
    return {};
}

Result<void> set_member(
    Changes& changes,
    const std::string& map,
    const std::string& key,
    const std::optional<std::string>& value
) {
    if (map == "label" || map == "labels") {
        changes.mask.push_back("labels." + key);
        if (value) {
            (*changes.node.mutable_labels())[key] = *value;
        }
    } else if (map == "annotation" || map == "annotations") {
        changes.mask.push_back("annotations." + key);
        if (value) {
            (*changes.node.mutable_annotations())[key] = *value;
        }
    } else if (map == "option" || map == "options") {
        changes.options.emplace_back(key, value);
    } else if (map == "route" || map == "routes") {
        changes.routes.emplace_back(key, value);
    } else if (map == "policy" && value) {
        const Result<std::string> field =
            set_policy_field(*changes.node.mutable_policy(), key, *value);
        if (!field) {
            return field.error();
        }
        changes.mask.push_back("policy." + *field);
    } else if (map == "policy") {
        std::string field = key;
        std::replace(field.begin(), field.end(), '-', '_');
        changes.mask.push_back("policy." + field); // back to its default
    } else {
        return unknown_key(map + "." + key);
    }
    return {};
}

Result<void>
add_change(Changes& changes, const std::string& key, const std::optional<std::string>& value) {
    const std::size_t dot = key.find('.');
    if (dot != std::string::npos && dot > 0 && dot + 1 < key.size()) {
        return set_member(changes, key.substr(0, dot), key.substr(dot + 1), value);
    }
    if (key == "port" && value) {
        return set_port(changes, *value);
    }
    if (key == "enabled" && value) {
        return set_enabled(changes, *value);
    }
    if (key == "address" && value) {
        changes.node.mutable_endpoint()->set_address(*value);
        changes.mask.emplace_back("endpoint.address");
        return {};
    }
    return unknown_key(key);
}

/// "labels.rack-": a key with a dot and a dash at the end. Names may end with a dash, but no name
/// begins with one of these words and a dot by chance.
bool is_removal(const std::string& word) {
    static const std::vector<std::string> maps = {
        "label.",
        "labels.",
        "annotation.",
        "annotations.",
        "option.",
        "options.",
        "route.",
        "routes.",
        "policy."};
    return word.ends_with('-') &&
           std::any_of(maps.begin(), maps.end(), [&word](const std::string& map) {
               return word.starts_with(map) && word.size() > map.size() + 1;
           });
}

/// Options as the words that they stand for.
std::vector<std::string> all_words(const Args& args) {
    std::vector<std::string> words = args.words;
    for (const auto& [key, value] : args.values) {
        words.push_back(key + "=" + value);
    }
    for (const std::string& label : args.labels) {
        words.push_back("labels." + label);
    }
    for (const std::string& annotation : args.annotations) {
        words.push_back("annotations." + annotation);
    }
    return words;
}

Result<Changes> read_words(Args& args) {
    Changes changes;
    for (const std::string& word : all_words(args)) {
        const std::size_t sign = word.find('=');
        Result<void> done;
        if (sign != std::string::npos) {
            done = add_change(changes, word.substr(0, sign), word.substr(sign + 1));
        } else if (is_removal(word)) {
            done = add_change(changes, word.substr(0, word.size() - 1), std::nullopt);
        } else {
            args.selection.names.push_back(word);
        }
        if (!done) {
            return done.error();
        }
    }
    return changes;
}

/// The target that "NAME" (the only one, or the first) or "TARGET.NAME" is an option of.
Result<std::pair<api::Target*, std::string>> find_target(api::Node& node, const std::string& path) {
    const std::size_t dot = path.find('.');
    std::vector<std::string> names;
    for (api::Target& target : *node.mutable_targets()) {
        if (dot == std::string::npos) {
            return std::pair(&target, path);
        }
        if (target.name() == path.substr(0, dot)) {
            return std::pair(&target, path.substr(dot + 1));
        }
        names.push_back(target.name());
    }
    const std::string wanted = path.substr(0, dot);
    return Error(
               ErrorCode::not_found,
               "TARGET_NOT_FOUND",
               "the node has no target '" + wanted + "'" + did_you_mean(wanted, names)
    )
        .with_hint("its targets are " + join(names, ", "));
}

/// A secret's "@FILE" is read here, as `add` does.
Result<std::string>
read_value(Cli& cli, const std::string& kind, const std::string& name, const std::string& value) {
    if (!value.starts_with('@')) {
        return value;
    }
    const Result<api::BackendKind> known = find_backend(cli, kind);
    const auto options = known ? schema_options(*known, {name + "=" + value}) : known.error();
    if (!options) {
        return options.error();
    }
    return options->at(name);
}

/// The changes for a node as it is now.
Result<api::UpdateNodeRequest>
request_for(Cli& cli, const Changes& changes, const std::string& name, const api::Node* current) {
    api::UpdateNodeRequest request;
    *request.mutable_node() = changes.node;
    request.mutable_node()->set_name(name);
    for (const std::string& path : changes.mask) {
        request.mutable_update_mask()->add_paths(path);
    }
    if (current == nullptr) {
        return request;
    }
    api::Node& node = *request.mutable_node();
    node.set_etag(current->etag());
    *node.mutable_targets() = current->targets();
    *node.mutable_routes() = current->routes();
    for (const auto& [path, value] : changes.options) {
        const auto target = find_target(node, path);
        if (!target) {
            return target.error();
        }
        auto& options = *target->first->mutable_options();
        const auto& secrets = target->first->secret_options();
        const bool secret =
            std::find(secrets.begin(), secrets.end(), target->second) != secrets.end();
        if (value || secret) { // an empty secret is removed, an absent one stays
            const auto read =
                read_value(cli, target->first->kind(), target->second, value.value_or(""));
            if (!read) {
                return read.error();
            }
            options[target->second] = *read;
        } else {
            options.erase(target->second);
        }
    }
    for (const auto& [capability, target] : changes.routes) {
        auto& routes = *node.mutable_routes();
        target ? void(routes[capability] = *target) : void(routes.erase(capability));
    }
    if (!changes.options.empty()) {
        request.mutable_update_mask()->add_paths("targets");
    }
    if (!changes.routes.empty()) {
        request.mutable_update_mask()->add_paths("routes");
    }
    return request;
}

class Setter {
  public:
    Setter(
        Cli& cli,
        Client& client,
        const Changes& changes,
        std::vector<std::string> names,
        bool dry_run
    )
        : cli_(cli), client_(client), changes_(changes), names_(std::move(names)),
          dry_run_(dry_run) {
        outcome_.items.resize(names_.size());
        for (std::size_t i = 0; i < names_.size(); ++i) {
            outcome_.items[i].name = names_[i];
        }
    }

    BatchOutcome run() {
        ScopedProgress progress(cli_, "set", names_.size());
        std::vector<std::optional<api::Node>> current(names_.size());
        if (changes_.needs_node()) {
            fetch(current);
        }
        std::vector<api::UpdateNodeRequest> requests;
        std::vector<std::size_t> places;
        for (std::size_t i = 0; i < names_.size(); ++i) {
            if (outcome_.items[i].error) {
                continue;
            }
            auto request =
                request_for(cli_, changes_, names_[i], current[i] ? &*current[i] : nullptr);
            if (!request) {
                fail(i, request.error());
                continue;
            }
            request->set_validate_only(dry_run_);
            requests.push_back(std::move(*request));
            places.push_back(i);
        }
        client_.call_each(
            &api::NodeService::Stub::AsyncUpdateNode,
            requests,
            jobs,
            [&](std::size_t i, const Result<api::Node>& node) {
                progress.add(node.has_value());
                if (!node) {
                    fail(places[i], node.error());
                }
            }
        );
        outcome_.seconds = progress.seconds();
        progress.finish();
        for (const ItemResult& item : outcome_.items) {
            if (item.error) {
                outcome_.failures.push_back(exit_code_of(*item.error));
            }
        }
        return std::move(outcome_);
    }

  private:
    static constexpr std::size_t jobs = 64;

    void fail(std::size_t i, Error error) { outcome_.items[i].error = std::move(error); }

    void fetch(std::vector<std::optional<api::Node>>& current) {
        std::vector<api::GetNodeRequest> requests(names_.size());
        for (std::size_t i = 0; i < names_.size(); ++i) {
            requests[i].set_name(names_[i]);
        }
        client_.call_each(
            &api::NodeService::Stub::AsyncGetNode,
            requests,
            jobs,
            [&](std::size_t i, Result<api::Node> node) {
                if (node) {
                    current[i] = std::move(*node);
                } else {
                    fail(i, node.error());
                }
            }
        );
    }

    Cli& cli_;
    Client& client_;
    const Changes& changes_;
    std::vector<std::string> names_;
    bool dry_run_;
    BatchOutcome outcome_;
};

/// K_g of each node, for those whose other changes went well.
void set_kg(Client& client, BatchOutcome& outcome, const Secret& kg) {
    std::vector<api::SetKgRequest> requests;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < outcome.items.size(); ++i) {
        if (!outcome.items[i].error) {
            api::SetKgRequest& request = requests.emplace_back();
            request.set_node(outcome.items[i].name);
            request.set_kg(std::string(kg.reveal()));
            places.push_back(i);
        }
    }
    client.call_each(
        &api::UserService::Stub::AsyncSetKg,
        requests,
        64,
        [&](std::size_t i, const Result<google::protobuf::Empty>& answer) {
            if (!answer) {
                outcome.items[places[i]].error = answer.error();
                outcome.failures.push_back(exit_code_of(answer.error()));
            }
        }
    );
}

BatchOutcome untouched(const std::vector<std::string>& names) {
    BatchOutcome outcome;
    for (const std::string& name : names) {
        outcome.items.emplace_back().name = name;
    }
    return outcome;
}

ExitCode run_set(Cli& cli, Args& args) {
    const Result<Changes> changes = read_words(args);
    if (!changes) {
        return cli.fail(changes.error());
    }
    const bool touches_kg = !args.kg_file.empty() || args.no_kg;
    if (changes->empty() && !touches_kg) {
        return cli.fail(Error(ErrorCode::invalid_argument, "set needs KEY=VALUE")
                            .with_hint("keys are " + join(known_keys(), ", ") + "; KEY- removes"));
    }
    const Result<Secret> kg = args.kg_file.empty() ? Result<Secret>(Secret())
                                                   : read_secret_file(cli.terminal(), args.kg_file);
    if (!kg) {
        return cli.fail(kg.error());
    }
    const Result<std::vector<std::string>> names = resolve_names(cli, args.selection);
    const Result<Client*> client = names ? cli.client() : names.error();
    if (!client) {
        return cli.fail(client.error());
    }
    if (!confirm(cli, "change", names->size())) {
        return ExitCode::failed;
    }
    BatchOutcome outcome = changes->empty()
                               ? untouched(*names)
                               : Setter(cli, **client, *changes, *names, args.dry_run).run();
    if (touches_kg && !args.dry_run) {
        set_kg(**client, outcome, *kg);
    }
    return print_outcome(cli, outcome, args.dry_run ? "could be changed" : "changed");
}

void add_value(
    CLI::App& command, Args& args, const std::string& flag, const std::string& key, const char* type
) {
    const auto store = [&args, key](const std::string& value) { args.values[key] = value; };
    command.add_option_function<std::string>(flag, store, key + "=" + type)
        ->type_name(type)
        ->group("As in add");
}

void define_as_in_add(CLI::App& command, Args& args) {
    add_value(command, args, "--address", "address", "ADDRESS");
    add_value(command, args, "--port", "port", "PORT");
    add_value(command, args, "--cipher-suites", "policy.cipher_suites", "IDS");
    add_value(command, args, "--allow", "policy.allow", "CIDR,...");
    add_value(command, args, "--privilege-max", "policy.privilege_max", "LEVEL");
    for (const char* field : {"ipmi15", "hide_users"}) {
        std::string flag = std::string("--") + field;
        std::replace(flag.begin(), flag.end(), '_', '-');
        const std::string key = std::string("policy.") + field;
        command
            .add_flag_callback(
                flag, [&args, key] { args.values[key] = "true"; }, key + "=true"
            )
            ->group("As in add");
    }
    add_repeated(command, "--label", args.labels, "labels.KEY=VALUE")
        ->type_name("KEY=VALUE")
        ->group("As in add");
    add_repeated(command, "--annotation", args.annotations, "annotations.KEY=VALUE")
        ->type_name("KEY=VALUE")
        ->group("As in add");
}

void define(CLI::App& command, Args& args) {
    command.add_option("NAME... KEY=VALUE...", args.words, "Nodes, then what to change")
        ->type_name("");
    auto* file = command.add_option("--kg-file", args.kg_file, "Set K_g: this file's first line")
                     ->type_name("FILE");
    command.add_flag("--no-kg", args.no_kg, "Remove K_g")->excludes(file);
    command.add_flag("--dry-run", args.dry_run, "Only check");
    add_property_options(command, args.selection);
    define_as_in_add(command, args);
}

} // namespace

void add_set_command(Cli& cli) {
    cli.command<Args>(cli.app(), "set", "Change nodes", define, run_set)
        ->group("Nodes")
        ->footer(
            "Keys: address, port, enabled, labels.KEY, annotations.KEY, option.NAME (of the "
            "backend;\n"
            "option.TARGET.NAME of one of several targets), routes.CAPABILITY, policy.FIELD\n"
            "(cipher_suites, ipmi15, hide_users, allow, privilege_max, confirm_window, fresh_for,\n"
            "stale_after). KEY- removes a label, annotation, option or route.\n\n"
            "Examples:\n"
            "  vbmcctl set n1 port=6231 labels.rack=7\n"
            "  vbmcctl set 'node*' labels.old-\n"
            "  vbmcctl set -l rack=7 policy.cipher_suites=17 policy.allow=10.1.0.0/22"
        );
}

} // namespace vbmc::ctl
