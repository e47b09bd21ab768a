#include "vbmcctl/backend_schema.h"
#include "vbmcctl/backend_warning.h"
#include "vbmcctl/commands.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/node_view.h"
#include "vbmcctl/password_options.h"
#include "vbmcctl/policy_options.h"
#include "vbmcctl/ranges.h"
#include "vbmcctl/text.h"

#include <charconv>
#include <ostream>

namespace vbmc::ctl {

namespace {

struct Args {
    std::string name;
    std::string backend;
    std::vector<std::string> options;
    std::vector<std::string> targets;
    std::vector<std::string> routes;
    std::string address;
    std::string port;
    std::string username;
    PasswordArgs password;
    std::vector<std::string> labels;
    std::vector<std::string> annotations;
    PolicyArgs policy;
    std::string kg_file;
    bool stopped = false;
    bool dry_run = false;
    bool no_test = false;
};

Error usage(const std::string& message, const std::string& hint) {
    return Error(ErrorCode::invalid_argument, message).with_hint(hint);
}

/// "a=1,b=x\,y" as its entries; a backslash keeps a comma in a value.
std::vector<std::string> split_escaped(std::string_view text) {
    std::vector<std::string> parts(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) {
            parts.back() += text[++i];
        } else if (text[i] == ',') {
            parts.emplace_back();
        } else {
            parts.back() += text[i];
        }
    }
    std::erase(parts, "");
    return parts;
}

Result<void> add_target(
    Cli& cli,
    api::Node& node,
    const std::string& name,
    const std::string& kind,
    const std::vector<std::string>& entries
) {
    const Result<api::BackendKind> known = find_backend(cli, kind);
    if (!known) {
        return known.error();
    }
    const Result<std::map<std::string, std::string>> options = schema_options(*known, entries);
    if (!options) {
        return options.error();
    }
    api::Target& target = *node.add_targets();
    target.set_name(name);
    target.set_kind(kind);
    target.mutable_options()->insert(options->begin(), options->end());
    return {};
}

/// NAME=KIND or NAME=KIND:k=v,k=v
Result<void> add_named_target(Cli& cli, api::Node& node, const std::string& text) {
    constexpr const char* form = "--target NAME=KIND:KEY=VALUE,KEY=VALUE";
    const auto pair = parse_pair("--target", text);
    if (!pair) {
        return usage(pair.error().message, form);
    }
    if (pair->first.find(':') != std::string::npos) { // the first '=' is an option's already
        return usage("--target needs a name for the target before its kind", form);
    }
    const std::size_t colon = pair->second.find(':');
    const std::string options =
        colon == std::string::npos ? std::string() : pair->second.substr(colon + 1);
    return add_target(
        cli, node, pair->first, pair->second.substr(0, colon), split_escaped(options)
    );
}

Result<void> add_targets(Cli& cli, api::Node& node, const Args& args) {
    if (args.backend.empty() && args.targets.empty()) {
        return usage(
            "add needs a backend",
            "--backend sim is a simulated machine; `vbmcctl backend list` shows what else there is"
        );
    }
    if (!args.backend.empty()) {
        if (const Result<void> added = add_target(cli, node, "", args.backend, args.options);
            !added) {
            return added.error();
        }
    } else if (!args.options.empty()) {
        return usage(
            "--option belongs to --backend", "options of a --target stand behind its kind"
        );
    }
    for (const std::string& target : args.targets) {
        if (const Result<void> added = add_named_target(cli, node, target); !added) {
            return added.error();
        }
    }
    return {};
}

template <class Map>
Result<void> add_pairs(Map& map, std::string_view what, const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
        const auto pair = parse_pair(what, text);
        if (!pair) {
            return pair.error();
        }
        map[pair->first] = pair->second;
    }
    return {};
}

/// "soft=host,sensors=host"
Result<void> add_routes(api::Node& node, const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
        if (auto added = add_pairs(*node.mutable_routes(), "--route", split(text, ',')); !added) {
            return added.error();
        }
    }
    return {};
}

Result<void> set_endpoint(api::Node& node, const Args& args) {
    node.mutable_endpoint()->set_address(args.address);
    if (args.port.empty() || args.port == "auto") {
        return {};
    }
    unsigned port = 0;
    const char* last = args.port.data() + args.port.size();
    const auto [end, error] = std::from_chars(args.port.data(), last, port);
    if (error != std::errc() || end != last || port == 0 || port > 65535) {
        return usage("--port is 1 to 65535 or auto, not '" + args.port + "'", "");
    }
    node.mutable_endpoint()->set_port(port);
    return {};
}

Result<api::CreateNodeRequest> make_request(Cli& cli, const Args& args) {
    api::CreateNodeRequest request;
    api::Node& node = *request.mutable_node();
    node.set_name(args.name);
    // With K_g the endpoint starts when the key is there.
    node.set_enabled(!args.stopped && args.kg_file.empty());
    request.set_validate_only(args.dry_run);
    Result<void> done = set_endpoint(node, args);
    done = done ? add_pairs(*node.mutable_labels(), "--label", args.labels) : done;
    done = done ? add_pairs(*node.mutable_annotations(), "--annotation", args.annotations) : done;
    done = done ? add_routes(node, args.routes) : done;
    done = done ? apply_policy_options(args.policy, *node.mutable_policy()) : done;
    done = done ? add_targets(cli, node, args) : done;
    if (!done) {
        return done.error();
    }
    return request;
}

/// The user that --username and the password options describe; none: vbmcd makes up "admin".
Result<std::string> add_user(Cli& cli, const Args& args, api::CreateNodeRequest& request) {
    if (args.username.empty() && !args.password.any()) {
        return std::string();
    }
    Result<Secret> password = read_password(cli.terminal(), args.password);
    if (!password) {
        return password.error();
    }
    std::string shown;
    if (password->empty()) {
        *password = generate_password();
        shown = password->reveal();
    }
    api::User& user = *request.add_users();
    user.set_name(args.username.empty() ? "admin" : args.username);
    user.set_password(std::string(password->reveal()));
    return shown;
}

/// K_g, and then the start that waited for it.
Result<void> set_kg(Client& client, const Args& args, const Secret& kg, api::Node& node) {
    api::SetKgRequest request;
    request.set_node(node.name());
    request.set_kg(std::string(kg.reveal()));
    const auto set = client.call(&api::UserService::Stub::SetKg, request);
    if (!set) {
        return set.error();
    }
    if (args.stopped) {
        return {};
    }
    api::StartNodeRequest start;
    start.set_name(node.name());
    auto started = client.call(&api::NodeService::Stub::StartNode, start);
    if (!started) {
        return started.error();
    }
    node = std::move(*started);
    return {};
}

std::string status_line(const api::Node& node) {
    return "node " + node.name() + " is " + state_text(node.status().state()) + " at " +
           endpoint_text(node.endpoint().address(), node.endpoint().port());
}

void print_node(
    Cli& cli, const api::Node& node, const std::string& user, const std::string& password, bool kg
) {
    std::ostream& out = cli.terminal().out;
    out << printable(status_line(node)) << "\n";
    out << "  user      " << printable(user) << "\n";
    if (!password.empty()) {
        out << "  password  " << password << "\n";
    }
    if (cli.globals().quiet) {
        return;
    }
    std::vector<std::string> words = {"ipmitool"};
    const std::vector<std::string> more = ipmitool_words(node_document(node), user);
    words.insert(words.end(), more.begin(), more.end());
    words.emplace_back("-a");
    if (kg) {
        words.emplace_back("-Y");
    }
    words.emplace_back("power");
    words.emplace_back("status");
    if (!password.empty()) {
        out << "The password is shown this once.";
    }
    out << (password.empty() ? "Try it" : " Try it") << " (-a asks for "
        << (kg ? "the password, -Y for K_g" : "it; -f FILE reads it") << "):\n  "
        << shell_line(words) << "\n";
}

ExitCode
print_created(Cli& cli, const Args& args, const api::Node& node, const std::string& password) {
    const std::string user = args.username.empty() ? "admin" : args.username;
    if (cli.human()) {
        print_node(cli, node, user, password, !args.kg_file.empty());
        return ExitCode::ok;
    }
    Listing listing;
    listing.single = true;
    listing.columns = node_columns();
    Json document = node_document(node);
    document["username"] = user;
    if (!password.empty()) {
        document["generated_password"] = password;
    }
    listing.columns.push_back(column("username", "USER", "username"));
    listing.columns.push_back(column("password", "PASSWORD", "generated_password"));
    listing.rows.push_back(std::move(document));
    return cli.print(std::move(listing));
}

/// A node that was made but does not run: why, as its conditions say.
ExitCode report_state(Cli& cli, const Args& args, const api::Node& node) {
    const bool should_run = !args.stopped && !args.dry_run;
    if (!should_run || node.status().state() == api::NodeStatus::RUNNING) {
        return ExitCode::ok;
    }
    for (const api::Condition& condition : node.status().conditions()) {
        if (!condition.ok()) {
            return cli.fail(
                Error(ErrorCode::failed_precondition, condition.reason(), condition.message()),
                "node " + node.name()
            );
        }
    }
    return cli.fail(
        Error(ErrorCode::failed_precondition, "it was made but does not run yet"),
        "node " + node.name()
    );
}

ExitCode create(Cli& cli, const Args& args) {
    Result<api::CreateNodeRequest> request = make_request(cli, args);
    const Result<Client*> client = request ? cli.client() : request.error();
    if (!client) {
        return cli.fail(client.error(), "node " + args.name);
    }
    const Result<std::string> made_up = add_user(cli, args, *request);
    const Result<Secret> kg = args.kg_file.empty() ? Result<Secret>(Secret())
                                                   : read_secret_file(cli.terminal(), args.kg_file);
    if (!made_up || !kg) {
        return cli.fail(made_up ? kg.error() : made_up.error());
    }
    const auto answer = (*client)->call(&api::NodeService::Stub::CreateNode, *request);
    if (!answer) {
        return cli.fail(answer.error(), "node " + args.name);
    }
    for (const std::string& warning : answer->warnings()) {
        cli.terminal().warn(warning);
    }
    if (args.dry_run) {
        cli.terminal().note("node " + args.name + " could be added; nothing was changed");
        return ExitCode::ok;
    }
    api::Node node = answer->node();
    // The password first: whatever fails from here on, it is shown only now.
    const std::string password = made_up->empty() ? answer->generated_password() : *made_up;
    const Result<void> keyed = kg->empty() ? Result<void>() : set_kg(**client, args, *kg, node);
    const ExitCode printed = print_created(cli, args, node, password);
    if (!keyed) {
        return cli.fail(keyed.error(), "node " + args.name);
    }
    const bool runs = node.status().state() == api::NodeStatus::RUNNING;
    if (printed == ExitCode::ok && runs && !args.no_test) {
        warn_of_backends(cli, **client, request->node());
    }
    return printed == ExitCode::ok ? report_state(cli, args, node) : printed;
}

ExitCode run_add(Cli& cli, Args& args) {
    if (args.name.empty()) {
        return cli.fail(usage("add needs a name", "vbmcctl add n1 --backend sim"));
    }
    if (has_range(args.name)) {
        return cli.fail(usage(
            "add makes one node", "a manifest with a range makes many: `vbmcctl apply -f FILE`"
        ));
    }
    return create(cli, args);
}

void define(CLI::App& command, Args& args) {
    command.add_option("NAME", args.name, "Name of the new node")->type_name("");
    command
        .add_option(
            "--backend", args.backend, "What drives its machine: sim, ... (`vbmcctl backend list`)"
        )
        ->type_name("KIND");
    add_repeated(command, "--option", args.options, "An option of the backend; also as --KEY VALUE")
        ->type_name("KEY=VALUE");
    command
        .add_option(
            "--address", args.address, "IP address; auto: from the pool (vbmcd's default address)"
        )
        ->type_name("ADDRESS");
    command.add_option("--port", args.port, "UDP port, or auto (the first free one)")
        ->type_name("PORT");
    command.add_option("--username", args.username, "IPMI user (admin)")->type_name("USER");
    add_password_options(command, args.password);
    command
        .add_option("--kg-file", args.kg_file, "K_g, the BMC's own key, is this file's first line")
        ->type_name("FILE")
        ->group("Password");
    add_repeated(command, "--label", args.labels, "A label")->type_name("KEY=VALUE");
    add_repeated(command, "--annotation", args.annotations, "An annotation")
        ->type_name("KEY=VALUE");
    add_repeated(
        command,
        "--target",
        args.targets,
        "One of several ways to the machine: NAME=KIND:KEY=VALUE,..."
    )
        ->type_name("TARGET");
    add_repeated(command, "--route", args.routes, "Which target a capability goes to")
        ->type_name("CAPABILITY=TARGET,...");
    add_policy_options(command, args.policy);
    command.add_flag("--stopped", args.stopped, "Do not start it");
    command.add_flag("--no-test", args.no_test, "Do not wait for what the backend says");
    command.add_flag("--dry-run", args.dry_run, "Only check whether it could be added");
}

} // namespace

void add_add_command(Cli& cli) {
    cli.command<Args>(cli.app(), "add", "Add a node and start its BMC", define, run_add)
        ->group("Nodes")
        ->footer(
            "Without a password vbmcd makes one up and shows it once. Options of the backend "
            "stand\n"
            "as --KEY VALUE or --option KEY=VALUE; `vbmcctl backend describe KIND` lists them. A\n"
            "secret option's value may be @FILE.\n\n"
            "Examples:\n"
            "  vbmcctl add n1 --backend sim\n"
            "  vbmcctl add n2 --backend sim --address 127.0.0.2 --port 623 --label rack=7\n"
            "  vbmcctl add n3 --backend sim --username ops --password-file pw --cipher-suites 17\n"
            "  vbmcctl add n4 --backend sim --target host=sim:speed=10 --route "
            "soft=host,sensors=host"
        );
}

} // namespace vbmc::ctl
