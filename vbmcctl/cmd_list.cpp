#include "vbmcctl/batch.h"
#include "vbmcctl/commands.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/node_view.h"
#include "vbmcctl/resolve.h"
#include "vbmcctl/text.h"

#include <algorithm>
#include <ostream>

namespace vbmc::ctl {

namespace {

struct ListArgs {
    SelectionArgs selection;
    bool watch = false;
};

struct ShowArgs {
    SelectionArgs selection;
    bool secrets = false;
};

Column address_column() {
    Column shown = column("endpoint", "ENDPOINT", "address");
    shown.text = [](const Json& row) {
        return endpoint_text(row.value("address", ""), row.value("port", 0U));
    };
    return shown;
}

Column backend_column() {
    Column shown = column("backend", "BACKEND", "backend.kind");
    shown.text = [](const Json& row) {
        std::vector<std::string> kinds;
        if (const Json* kind = find(row, "backend.kind")) {
            kinds.push_back(text_of(*kind));
        }
        if (const Json* targets = find(row, "targets")) {
            for (const Json& target : *targets) {
                kinds.push_back(target.value("kind", ""));
            }
        }
        return join(kinds, ",");
    };
    return shown;
}

/// Why a node is not as it should be: the first condition that does not hold.
Column message_column() {
    Column shown = column("message", "MESSAGE", "status.last_error", true);
    shown.text = [](const Json& row) {
        const Json* conditions = find(row, "status.conditions");
        for (const Json& condition : conditions == nullptr ? Json::array() : *conditions) {
            if (!condition.value("ok", true)) {
                return condition.value("message", "");
            }
        }
        return std::string();
    };
    return shown;
}

} // namespace

std::vector<Column> node_columns() {
    std::vector<Column> columns = {
        column("name", "NAME", "name"),
        address_column(),
        backend_column(),
        column("power", "POWER", "status.power"),
        column("state", "STATE", "status.state"),
        column("labels", "LABELS", "labels"),
        column("address", "ADDRESS", "address", true),
        column("port", "PORT", "port", true, true),
        column("enabled", "ENABLED", "enabled", true),
        column("sessions", "SESSIONS", "status.sessions", true, true),
        column("boot", "BOOT", "status.boot.device", true),
        column("uid", "UID", "uid", true),
        message_column(),
    };
    columns[3].style = power_style;
    columns[4].style = state_style;
    return columns;
}

namespace {

/// Tells on a terminal that the table does not say everything.
void note_failed(Cli& cli, const Listing& listing) {
    const auto failed =
        std::count_if(listing.rows.begin(), listing.rows.end(), [](const Json& row) {
            const Json* state = find(row, "status.state");
            return state != nullptr && (*state == "failed" || *state == "quarantined");
        });
    if (failed > 0 && cli.output().format == Format::table && cli.terminal().err_is_tty) {
        cli.terminal().note(
            counted(static_cast<std::size_t>(failed), "node") +
            " failed: `vbmcctl show NAME` says why"
        );
    }
}

ExitCode watch_list(Cli& cli, const ListArgs& args) {
    const Result<Selection> selection = parse_selection(args.selection);
    const Result<Client*> client = cli.client();
    if (!selection || !client) {
        return cli.fail(selection ? client.error() : selection.error());
    }
    if (selection->filtered || !selection->globs.empty()) {
        return cli.fail(Error(ErrorCode::invalid_argument, "--watch takes names or all nodes")
                            .with_hint("`vbmcctl events -f --filter EXPR` follows what happens"));
    }
    api::WatchEventsRequest request;
    request.mutable_nodes()->Add(selection->names.begin(), selection->names.end());
    request.set_send_initial(true);
    request.set_include_nodes(true);
    RowStream rows(cli.terminal(), cli.output(), node_columns());
    grpc::ClientContext context;
    auto stream = (*client)->stub<api::EventService::Stub>().WatchEvents(&context, request);
    api::WatchEventsResponse response;
    while (stream->Read(&response)) {
        if (response.has_node()) {
            rows.write(node_document(response.node()));
        } else if (response.has_event() && response.event().kind() == api::Event::NODE_REMOVED) {
            cli.terminal().note("node " + response.event().node() + " was deleted");
        } else if (response.has_resync()) {
            cli.terminal().warn("too much happened at once: some changes were left out");
        }
    }
    const grpc::Status status = stream->Finish();
    return status.ok() ? ExitCode::ok : cli.fail((*client)->to_error(status));
}

ExitCode report_missing(Cli& cli, const std::vector<std::string>& missing, std::size_t found) {
    std::vector<ExitCode> failures;
    for (const std::string& name : missing) {
        Error error(ErrorCode::not_found, "NODE_NOT_FOUND", "there is no such node");
        if (missing.size() == 1) {
            error = missing_node(cli, name);
        }
        cli.terminal().report(error, "node " + name);
        failures.push_back(ExitCode::not_found);
    }
    return exit_code_of_many(missing.size() + found, failures);
}

ExitCode run_list(Cli& cli, ListArgs& args) {
    if (args.watch) {
        return watch_list(cli, args);
    }
    Result<ResolvedNodes> resolved = resolve_nodes(cli, args.selection, true);
    if (!resolved) {
        return cli.fail(resolved.error());
    }
    Listing listing;
    listing.columns = node_columns();
    for (const api::Node& node : resolved->nodes) {
        listing.rows.push_back(node_document(node));
    }
    const std::size_t found = listing.rows.size();
    if (found == 0 && cli.human() && resolved->missing.empty()) {
        cli.terminal().note(
            args.selection.empty() || args.selection.all
                ? "there are no nodes yet: `vbmcctl add n1 --backend sim` makes one"
                : "no node matches"
        );
        return ExitCode::ok;
    }
    if (found > 0 || !cli.human()) {
        note_failed(cli, listing);
        const ExitCode printed = cli.print(std::move(listing));
        if (printed != ExitCode::ok) {
            return printed;
        }
    }
    return report_missing(cli, resolved->missing, found);
}

/// Passwords and K_g may be any bytes: those that are no text are given as hex digits.
void add_secret(Json& document, const std::string& key, const std::string& bytes) {
    if (printable(bytes) == bytes) {
        document[key] = bytes;
    } else {
        document[key + "_hex"] = hex_text(bytes);
    }
}

Result<void> add_secrets(Client& client, Json& document) {
    api::GetNodeSecretsRequest request;
    request.set_node(document.value("name", ""));
    const auto secrets = client.call(&api::UserService::Stub::GetNodeSecrets, request);
    if (!secrets) {
        return secrets.error();
    }
    document["users"] = Json::array();
    for (const api::User& user : secrets->users()) {
        Json shown = user_document(user);
        add_secret(shown, "password", user.password());
        document["users"].push_back(std::move(shown));
    }
    add_secret(document, "kg", secrets->kg());
    return {};
}

ExitCode run_show(Cli& cli, ShowArgs& args) {
    Result<ResolvedNodes> resolved = resolve_nodes(cli, args.selection, false);
    const Result<Client*> client = cli.client();
    if (!resolved || !client) {
        return cli.fail(resolved ? client.error() : resolved.error());
    }
    Listing listing;
    listing.columns = node_columns();
    listing.single = resolved->nodes.size() == 1 && resolved->missing.empty();
    for (const api::Node& node : resolved->nodes) {
        Json document = node_document(node);
        if (args.secrets) {
            if (const Result<void> added = add_secrets(**client, document); !added) {
                return cli.fail(added.error(), "node " + node.name());
            }
        }
        listing.rows.push_back(std::move(document));
    }
    const std::size_t found = listing.rows.size();
    if (cli.human() && cli.output().columns.empty()) {
        for (const Json& document : listing.rows) {
            cli.terminal().out << (&document == listing.rows.data() ? "" : "\n")
                               << node_view(document, cli.terminal().out_color);
        }
        cli.terminal().out.flush();
    } else if (found > 0 || !cli.human()) {
        const ExitCode printed = cli.print(std::move(listing));
        if (printed != ExitCode::ok) {
            return printed;
        }
    }
    return report_missing(cli, resolved->missing, found);
}

void define_list(CLI::App& command, ListArgs& args) {
    add_selection(command, args.selection);
    command.add_flag("-w,--watch", args.watch, "Go on: a row whenever a node changes");
}

void define_show(CLI::App& command, ShowArgs& args) {
    add_selection(command, args.selection);
    command.add_flag(
        "--secrets", args.secrets, "Also passwords and K_g, for those who may see them"
    );
}

} // namespace

void add_list_commands(Cli& cli) {
    cli.command<ListArgs>(cli.app(), "list", "List nodes", define_list, run_list)
        ->alias("ls")
        ->group("Nodes")
        ->footer("Columns: name, endpoint, backend, power, state, labels, address, port, enabled, "
                 "sessions,\nboot, uid, message. -o yaml writes what `vbmcctl apply -f` reads.\n\n"
                 "Examples:\n"
                 "  vbmcctl list\n"
                 "  vbmcctl list 'node[001-100]' -o wide\n"
                 "  vbmcctl list -l rack=7 --filter 'status.power = OFF' -o name\n"
                 "  vbmcctl list -c name,endpoint --sort -endpoint");
    cli.command<ShowArgs>(cli.app(), "show", "Show everything about nodes", define_show, run_show)
        ->group("Nodes")
        ->footer(
            "Examples:\n  vbmcctl show n1\n  vbmcctl show n1 -o yaml\n  vbmcctl show n1 --secrets"
        );
}

} // namespace vbmc::ctl
