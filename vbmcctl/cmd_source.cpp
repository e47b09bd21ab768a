#include "vbmcctl/backend_schema.h"
#include "vbmcctl/cli.h"
#include "vbmcctl/commands.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/progress.h"
#include "vbmcctl/secret_input.h"
#include "vbmcctl/selector_options.h"
#include "vbmcctl/text.h"

#include <algorithm>
#include <ostream>

namespace vbmc::ctl {

namespace {

struct NoArgs {};

struct NameArgs {
    std::string name;
    bool remove_nodes = false;
};

struct AddArgs {
    std::string name;
    std::string kind;
    std::vector<std::string> options;
    SelectorArgs selector;
    std::string name_prefix;
    std::string address;
    std::vector<std::string> labels;
    std::string username;
    std::string password_file;
    std::string password_from;
    std::string interval;
    std::string grace;
    bool paused = false;
    bool dry_run = false;
};

struct SetArgs {
    std::string name;
    std::vector<std::string> options;
    SelectorArgs selector;
    bool match_all = false;
    std::string interval;
    std::string grace;
};

template <class Map>
Json map_document(const Map& map) {
    return std::map<std::string, std::string>(map.begin(), map.end());
}

Json status_document(const api::SourceStatus& status) {
    Json out = {
        {"machines", status.machines()},
        {"nodes", std::vector<std::string>(status.nodes().begin(), status.nodes().end())},
        {"last_error", status.last_error()},
        {"conditions", Json::array()}};
    if (status.has_looked()) {
        out["looked"] = time_text(status.looked());
    }
    if (status.has_next_look()) {
        out["next_look"] = time_text(status.next_look());
    }
    for (const auto& condition : status.conditions()) {
        out["conditions"].push_back(
            {{"machine", condition.machine()},
             {"reason", condition.reason()},
             {"message", condition.message()}}
        );
    }
    return out;
}

Json source_document(const api::Source& source) {
    std::vector<std::string> hidden;
    for (const std::string& name : source.secret_options()) {
        if (!source.options().contains(name)) {
            hidden.push_back(name);
        }
    }
    const api::Registration& what = source.registration();
    Json registration = {
        {"name_prefix", what.name_prefix()},
        {"address", what.address()},
        {"labels", map_document(what.labels())},
        {"username", what.username()},
        {"password_set", what.password_set()}};
    if (!what.password().empty()) {
        registration["password"] = what.password(); // a reference
    }
    const std::string state = source.paused()                         ? "paused"
                              : !source.status().last_error().empty() ? "failing"
                              : source.status().has_looked()          ? "watching"
                                                                      : "starting";
    return {
        {"name", source.name()},
        {"kind", source.kind()},
        {"state", state},
        {"options", map_document(source.options())},
        {"secret_options", hidden},
        {"selector",
         {{"name", source.selector().name()},
          {"labels", map_document(source.selector().labels())}}},
        {"registration", registration},
        {"interval_s", seconds_of(source.interval())},
        {"grace_s", seconds_of(source.grace())},
        {"paused", source.paused()},
        {"status", status_document(source.status())}};
}

std::vector<Column> source_columns() {
    return {
        column("name", "NAME", "name"),
        column("kind", "BACKEND", "kind"),
        column("state", "STATE", "state"),
        column("machines", "MACHINES", "status.machines"),
        column("nodes", "NODES", "status.nodes", true),
        column("looked", "LOOKED", "status.looked", true),
        column("error", "LAST ERROR", "status.last_error"),
    };
}

ExitCode print_source(Cli& cli, const api::Source& source) {
    Listing listing;
    listing.single = true;
    listing.columns = source_columns();
    listing.rows.push_back(source_document(source));
    return cli.print(std::move(listing));
}

Result<std::optional<double>> seconds_option(const std::string& text, std::string_view what) {
    if (text.empty()) {
        return std::optional<double>();
    }
    const Result<Duration> value = parse_duration(text);
    if (!value) {
        return Error(
            ErrorCode::invalid_argument, std::string(what) + " is a duration such as 30s or 10m"
        );
    }
    return std::optional<double>(std::chrono::duration<double>(*value).count());
}

/// Both durations of a message that has them.
template <class Message>
Result<void> set_times(Message& message, const std::string& interval, const std::string& grace) {
    const auto between = seconds_option(interval, "--interval");
    const auto patience = between ? seconds_option(grace, "--grace") : between;
    if (!patience) {
        return patience.error();
    }
    if (*between) {
        set_seconds(*message.mutable_interval(), **between);
    }
    if (*patience) {
        set_seconds(*message.mutable_grace(), **patience);
    }
    return {};
}

Result<void> set_registration(Cli& cli, const AddArgs& args, api::Registration& what) {
    what.set_name_prefix(args.name_prefix);
    what.set_address(args.address);
    what.set_username(args.username);
    for (const std::string& label : args.labels) {
        const auto pair = parse_pair("--label", label);
        if (!pair) {
            return pair.error();
        }
        (*what.mutable_labels())[pair->first] = pair->second;
    }
    what.set_password(args.password_from);
    if (!args.password_file.empty()) {
        const Result<Secret> password = read_secret_file(cli.terminal(), args.password_file);
        if (!password) {
            return password.error();
        }
        what.set_password("literal:" + std::string(password->reveal()));
    }
    return {};
}

Result<api::CreateSourceRequest> add_request(Cli& cli, const AddArgs& args) {
    const Result<api::BackendKind> kind = find_backend(cli, args.kind);
    if (!kind) {
        return kind.error();
    }
    const auto options = discover_options(*kind, args.options);
    if (!options) {
        return options.error();
    }
    api::CreateSourceRequest request;
    request.set_validate_only(args.dry_run);
    api::Source& source = *request.mutable_source();
    source.set_name(args.name);
    source.set_kind(args.kind);
    source.mutable_options()->insert(options->begin(), options->end());
    source.set_paused(args.paused);
    Result<void> done = apply_selector(args.selector, *source.mutable_selector());
    done = done ? set_times(source, args.interval, args.grace) : done;
    done = done ? set_registration(cli, args, *source.mutable_registration()) : done;
    if (!done) {
        return done.error();
    }
    return request;
}

ExitCode run_add(Cli& cli, AddArgs& args) {
    const Result<api::CreateSourceRequest> request = add_request(cli, args);
    const Result<Client*> client = request ? cli.client() : request.error();
    if (!client) {
        return cli.fail(client.error(), "source " + args.name);
    }
    const auto made = (*client)->call(&api::DiscoveryService::Stub::CreateSource, *request);
    if (!made) {
        return cli.fail(made.error(), "source " + args.name);
    }
    if (args.dry_run) {
        cli.terminal().note(
            "source " + args.name + " would register " + std::to_string(made->status().machines()) +
            " machines; nothing was changed"
        );
        return ExitCode::ok;
    }
    if (cli.human()) {
        cli.terminal().note(
            "source " + args.name + " looks for machines from now on: vbmcctl source show " +
            args.name
        );
        return ExitCode::ok;
    }
    return print_source(cli, *made);
}

ExitCode run_list(Cli& cli, NoArgs&) {
    const Result<Client*> client = cli.client();
    if (!client) {
        return cli.fail(client.error());
    }
    const auto answer =
        (*client)->call(&api::DiscoveryService::Stub::ListSources, api::ListSourcesRequest());
    if (!answer) {
        return cli.fail(answer.error());
    }
    Listing listing;
    listing.columns = source_columns();
    for (const api::Source& source : answer->sources()) {
        listing.rows.push_back(source_document(source));
    }
    if (listing.rows.empty() && cli.human()) {
        cli.terminal().note("there are no sources: vbmcctl source add");
        return ExitCode::ok;
    }
    return cli.print(std::move(listing));
}

void line(std::ostream& out, std::string key, const std::string& value) {
    if (!value.empty()) {
        key.resize(std::max<std::size_t>(key.size(), 12), ' ');
        out << "  " << key << " " << printable(value) << "\n";
    }
}

std::string pairs(const Json& map) {
    std::vector<std::string> all;
    for (const auto& [key, value] : map.items()) {
        all.push_back(
            value.get<std::string>().empty() ? key : key + "=" + value.get<std::string>()
        );
    }
    return join(all, ", ");
}

void print_human(std::ostream& out, const Json& source) {
    const Json& status = source["status"];
    const Json& what = source["registration"];
    out << printable(source.value("name", "")) << "\n";
    line(out, "backend", source.value("kind", ""));
    line(out, "state", source.value("state", ""));
    line(out, "options", pairs(source["options"]));
    line(out, "secrets", join(source["secret_options"].get<std::vector<std::string>>(), ", "));
    line(out, "match name", source["selector"].value("name", ""));
    line(out, "match", pairs(source["selector"]["labels"]));
    line(out, "name prefix", what.value("name_prefix", ""));
    line(out, "address", what.value("address", ""));
    line(out, "labels", pairs(what["labels"]));
    line(
        out,
        "user",
        what.value("username", "") +
            (what.contains("password")           ? ", password " + what.value("password", "")
             : what.value("password_set", false) ? ", one password for all"
                                                 : ", a password for each node")
    );
    line(out, "every", std::to_string(static_cast<long>(source.value("interval_s", 0.0))) + " s");
    line(out, "grace", std::to_string(static_cast<long>(source.value("grace_s", 0.0))) + " s");
    line(out, "looked", local_time_text(status.value("looked", "")));
    line(out, "machines", std::to_string(status.value("machines", 0U)));
    line(out, "nodes", join(status["nodes"].get<std::vector<std::string>>(), ", "));
    for (const Json& condition : status["conditions"]) {
        line(out, "problem", condition.value("message", ""));
    }
    line(out, "last error", status.value("last_error", ""));
}

ExitCode run_show(Cli& cli, NameArgs& args) {
    const Result<Client*> client = cli.client();
    if (!client) {
        return cli.fail(client.error());
    }
    api::GetSourceRequest request;
    request.set_name(args.name);
    const auto source = (*client)->call(&api::DiscoveryService::Stub::GetSource, request);
    if (!source) {
        return cli.fail(source.error());
    }
    if (!cli.human()) {
        return print_source(cli, *source);
    }
    print_human(cli.terminal().out, source_document(*source));
    return ExitCode::ok;
}

ExitCode update(Cli& cli, const api::UpdateSourceRequest& request, const std::string& done) {
    const Result<Client*> client = cli.client();
    if (!client) {
        return cli.fail(client.error());
    }
    const auto answer = (*client)->call(&api::DiscoveryService::Stub::UpdateSource, request);
    if (!answer) {
        return cli.fail(answer.error(), "source " + request.name());
    }
    if (!cli.human()) {
        return print_source(cli, *answer);
    }
    cli.terminal().note("source " + request.name() + " " + done);
    return ExitCode::ok;
}

ExitCode run_pause(Cli& cli, NameArgs& args) {
    api::UpdateSourceRequest request;
    request.set_name(args.name);
    request.set_paused(true);
    return update(cli, request, "is paused: its nodes stay as they are");
}

ExitCode run_resume(Cli& cli, NameArgs& args) {
    api::UpdateSourceRequest request;
    request.set_name(args.name);
    request.set_paused(false);
    return update(cli, request, "looks for machines again");
}

ExitCode run_look(Cli& cli, NameArgs& args) {
    api::UpdateSourceRequest request;
    request.set_name(args.name);
    request.set_look_now(true);
    return update(cli, request, "looks now");
}

ExitCode run_set(Cli& cli, SetArgs& args) {
    api::UpdateSourceRequest request;
    request.set_name(args.name);
    for (const std::string& option : args.options) {
        const auto pair = parse_pair("--option", option);
        if (!pair) {
            return cli.fail(pair.error());
        }
        (*request.mutable_options())[pair->first] = pair->second;
    }
    if (args.selector.any() || args.match_all) {
        if (auto set = apply_selector(args.selector, *request.mutable_selector()); !set) {
            return cli.fail(set.error());
        }
    }
    if (const auto set = set_times(request, args.interval, args.grace); !set) {
        return cli.fail(set.error());
    }
    return update(cli, request, "changed");
}

ExitCode run_remove(Cli& cli, NameArgs& args) {
    const Result<Client*> client = cli.client();
    if (!client) {
        return cli.fail(client.error());
    }
    api::DeleteSourceRequest request;
    request.set_name(args.name);
    request.set_remove_nodes(args.remove_nodes);
    const auto answer = (*client)->call(&api::DiscoveryService::Stub::DeleteSource, request);
    if (!answer) {
        return cli.fail(answer.error(), "source " + args.name);
    }
    cli.terminal().note(
        "source " + args.name +
        (args.remove_nodes ? " and its nodes are removed" : " is removed; its nodes stay")
    );
    return ExitCode::ok;
}

void define_none(CLI::App&, NoArgs&) {}

void define_name(CLI::App& command, NameArgs& args) {
    command.add_option("NAME", args.name, "Name of the source")->type_name("")->required();
}

void define_remove(CLI::App& command, NameArgs& args) {
    define_name(command, args);
    command.add_flag("--remove-nodes", args.remove_nodes, "Remove what it registered as well");
}

void define_times(CLI::App& command, std::string& interval, std::string& grace) {
    command.add_option("--interval", interval, "Between looks (60s)")->type_name("DURATION");
    command.add_option("--grace", grace, "A machine that is gone this long is retired (10m)")
        ->type_name("DURATION");
}

void define_add(CLI::App& command, AddArgs& args) {
    command.add_option("NAME", args.name, "Name of the new source")->type_name("")->required();
    command.add_option("--backend", args.kind, "Backend kind")->type_name("KIND")->required();
    add_repeated(
        command, "--option", args.options, "Where to look and how to log in; also as --KEY VALUE"
    )
        ->type_name("KEY=VALUE");
    add_selector_options(command, args.selector);
    command.add_option("--name-prefix", args.name_prefix, "Nodes are named PREFIX and the machine")
        ->type_name("PREFIX");
    command.add_option("--address", args.address, "IP address of its nodes; auto: from the pool")
        ->type_name("ADDRESS");
    add_repeated(command, "--label", args.labels, "A label of its nodes")->type_name("KEY=VALUE");
    command.add_option("--username", args.username, "IPMI user of its nodes (admin)")
        ->type_name("USER");
    auto* file = command.add_option(
        "--password-file", args.password_file, "One password for all: this file's first line"
    );
    file->type_name("FILE");
    command
        .add_option(
            "--password-from",
            args.password_from,
            "One for all: env:NAME, file:PATH, credential:NAME"
        )
        ->type_name("REFERENCE")
        ->excludes(file);
    define_times(command, args.interval, args.grace);
    command.add_flag("--paused", args.paused, "Do not begin to look");
    command.add_flag("--dry-run", args.dry_run, "Look once, and tell how many machines fit");
}

void define_set(CLI::App& command, SetArgs& args) {
    command.add_option("NAME", args.name, "Name of the source")->type_name("")->required();
    add_repeated(command, "--option", args.options, "Another value; an empty one removes")
        ->type_name("KEY=VALUE");
    add_selector_options(command, args.selector);
    command.add_flag("--match-all", args.match_all, "All machines");
    define_times(command, args.interval, args.grace);
}

} // namespace

void add_source_commands(Cli& cli) {
    CLI::App* source =
        cli.app().add_subcommand("source", "Register what a backend offers, by itself");
    source->fallthrough();
    source->require_subcommand(1);
    source->group("Fleet");
    cli.command<AddArgs>(*source, "add", "Begin to watch a backend", define_add, run_add)
        ->footer("Each machine that fits becomes a node, with an address and a port; who is gone "
                 "for\nlonger than the grace is retired. What a person made is never touched.\n"
                 "A node's password: vbmcctl show NODE --secrets.\n\nExample:\n"
                 "  vbmcctl source add lab --backend libvirt --uri qemu:///system --match-name "
                 "'vm-*' --address auto");
    cli.command<NoArgs>(*source, "list", "List the sources", define_none, run_list)->alias("ls");
    cli.command<NameArgs>(
        *source, "show", "Show one: its nodes, and what it could not do", define_name, run_show
    );
    cli.command<SetArgs>(*source, "set", "Change one", define_set, run_set);
    cli.command<NameArgs>(*source, "pause", "Stop looking; nodes stay", define_name, run_pause);
    cli.command<NameArgs>(*source, "resume", "Look again", define_name, run_resume);
    cli.command<NameArgs>(*source, "look", "Look now", define_name, run_look);
    cli.command<NameArgs>(*source, "rm", "Forget one", define_remove, run_remove)->alias("delete");
}

} // namespace vbmc::ctl
