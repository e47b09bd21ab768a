#include "google/rpc/status.pb.h"
#include "vbmcctl/apply_stream.h"
#include "vbmcctl/batch.h"
#include "vbmcctl/commands.h"
#include "vbmcctl/diff.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/resolve.h"
#include "vbmcctl/text.h"

#include <array>
#include <cstdio>
#include <ostream>
#include <unordered_map>

namespace vbmc::ctl {

namespace {

struct Args {
    std::vector<std::string> files;
    std::vector<std::string> labels;
    bool prune = false;
    bool all = false;
    bool dry_run = false;
    bool diff = false;
};

constexpr std::size_t errors_shown = 20;

/// Reads the files; complains and returns nothing when something is wrong with them.
std::optional<Manifest> load(Cli& cli, const Args& args) {
    Manifest manifest = load_manifests(args.files);
    read_password_files(manifest);
    for (std::size_t i = 0; i < std::min(manifest.errors.size(), errors_shown); ++i) {
        cli.terminal().report(manifest.errors[i]);
    }
    if (manifest.errors.size() > errors_shown) {
        cli.terminal().note(
            "... and " + counted(manifest.errors.size() - errors_shown, "more mistake")
        );
    }
    return manifest.errors.empty() ? std::optional(std::move(manifest)) : std::nullopt;
}

/// --prune with -l or --all: which nodes may be deleted. Both are needed, so that nobody empties a
/// fleet with half a manifest.
Result<ApplyOptions> options_of(const Args& args) {
    ApplyOptions options;
    options.validate_only = args.dry_run;
    options.prune = args.prune;
    if (!args.prune) {
        if (!args.labels.empty() || args.all) {
            return Error(ErrorCode::invalid_argument, "-l and --all say what --prune may delete");
        }
        return options;
    }
    if (args.labels.empty() == !args.all) {
        return Error(ErrorCode::invalid_argument, "--prune needs -l LABELS or --all")
            .with_hint("nodes that match and are not in the files are deleted");
    }
    SelectionArgs selection;
    selection.labels = args.labels;
    const Result<Selection> parsed = parse_selection(selection);
    if (!parsed) {
        return parsed.error();
    }
    options.prune_filter = args.all ? "*" : parsed->filter;
    return options;
}

std::string outcome_text(api::ApplyResult::Outcome outcome) {
    return to_lower(api::ApplyResult::Outcome_Name(outcome));
}

std::vector<ExitCode> report_errors(Cli& cli, const ApplyOutcome& outcome) {
    std::vector<ExitCode> failures;
    std::map<std::string, bool> hints;
    for (const ApplyItemResult& item : outcome.items) {
        if (item.result.outcome() != api::ApplyResult::ERROR) {
            continue;
        }
        Error error = to_error(item.result.error());
        failures.push_back(exit_code_of(error));
        if (!error.hint.empty() && !hints.emplace(error.hint, true).second) {
            error.hint.clear();
        }
        const std::string place =
            item.wanted == nullptr ? "" : item.wanted->where(error.field) + ": ";
        cli.terminal().report(error, place + "node " + item.result.name());
    }
    return failures;
}

void report_warnings(Cli& cli, const ApplyOutcome& outcome) {
    for (const ApplyItemResult& item : outcome.items) {
        for (const std::string& warning : item.result.warnings()) {
            cli.terminal().warn("node " + item.result.name() + ": " + warning);
        }
    }
}

Json result_row(const ApplyItemResult& item) {
    const api::ApplyResult& result = item.result;
    Json row = {{"name", result.name()}, {"outcome", outcome_text(result.outcome())}};
    if (result.has_node()) {
        row["address"] = result.node().endpoint().address();
        row["port"] = result.node().endpoint().port();
        row["state"] = state_text(result.node().status().state());
    }
    if (result.changed_fields_size() > 0) {
        row["changed"] = std::vector<std::string>(
            result.changed_fields().begin(), result.changed_fields().end()
        );
    }
    if (!result.generated_password().empty()) {
        const bool named = item.wanted != nullptr && !item.wanted->users.empty();
        row["username"] = named ? item.wanted->users.front().name : "admin";
        row["generated_password"] = result.generated_password();
    }
    if (result.outcome() == api::ApplyResult::ERROR) {
        const Error error = to_error(result.error());
        row["error"] = {{"reason", error.reason}, {"message", error.message}};
    }
    return row;
}

Listing result_listing(const ApplyOutcome& outcome) {
    Listing listing;
    listing.columns = {
        column("name", "NAME", "name"),
        column("outcome", "RESULT", "outcome"),
        column("address", "ADDRESS", "address"),
        column("port", "PORT", "port", false, true),
        column("state", "STATE", "state"),
        column("changed", "CHANGED", "changed"),
        column("username", "USER", "username"),
        column("password", "PASSWORD", "generated_password"),
        column("message", "MESSAGE", "error.message", true),
    };
    for (const ApplyItemResult& item : outcome.items) {
        listing.rows.push_back(result_row(item));
    }
    return listing;
}

/// "1000 nodes: 990 created, 10 unchanged (2.4s)"
std::string summary_text(const ApplyOutcome& outcome, bool dry_run) {
    const api::ApplySummary& summary = outcome.summary;
    const std::array<std::pair<std::uint32_t, std::string_view>, 5> counts = {{
        {summary.created(), "created"},
        {summary.updated(), "updated"},
        {summary.unchanged(), "unchanged"},
        {summary.pruned(), "pruned"},
        {summary.failed(), "failed"},
    }};
    std::vector<std::string> parts;
    for (const auto& [count, what] : counts) {
        if (count > 0) {
            parts.push_back(std::to_string(count) + " " + std::string(what));
        }
    }
    std::array<char, 32> time{};
    std::snprintf(time.data(), time.size(), " (%.1fs)", outcome.seconds);
    return counted(outcome.items.size(), "node") + ": " +
           (parts.empty() ? "nothing to do" : join(parts, ", ")) +
           (dry_run ? " - nothing was changed" : time.data());
}

void print_people(Cli& cli, const ApplyOutcome& outcome, bool dry_run) {
    std::ostream& out = cli.terminal().out;
    const bool few = outcome.items.size() <= ask_above;
    bool passwords = false;
    for (const ApplyItemResult& item : outcome.items) {
        const api::ApplyResult& result = item.result;
        passwords = passwords || !result.generated_password().empty();
        const bool shown =
            few || result.outcome() == api::ApplyResult::PRUNED; // what goes is named
        if (!shown || result.outcome() == api::ApplyResult::ERROR || cli.globals().quiet) {
            continue;
        }
        const std::vector<std::string> changed(
            result.changed_fields().begin(), result.changed_fields().end()
        );
        out << "node " << printable(result.name()) << " " << outcome_text(result.outcome())
            << (changed.empty() ? "" : " (" + join(changed, ", ") + ")")
            << (dry_run ? " (dry run)" : "") << "\n";
    }
    if (!few && !cli.globals().quiet) {
        out << summary_text(outcome, dry_run) << "\n";
    }
    if (!passwords) {
        return;
    }
    Listing made = result_listing(outcome);
    std::erase_if(made.rows, [](const Json& row) { return !row.contains("generated_password"); });
    std::erase_if(made.columns, [](const Column& shown) {
        return shown.id == "outcome" || shown.id == "state" || shown.id == "changed" ||
               shown.id == "message";
    });
    OutputOptions plain;
    plain.format = Format::table;
    cli.terminal().note("Passwords that were made up, shown this once:");
    const Result<void> written = write_listing(cli.terminal(), plain, std::move(made));
    static_cast<void>(written); // fixed columns: cannot fail
}

/// The nodes as they are, for what would be updated or deleted.
Result<std::unordered_map<std::string, api::Node>>
current_nodes(Client& client, const ApplyOutcome& outcome) {
    std::vector<api::GetNodeRequest> requests;
    for (const ApplyItemResult& item : outcome.items) {
        const auto kind = item.result.outcome();
        if (kind == api::ApplyResult::UPDATED || kind == api::ApplyResult::PRUNED) {
            requests.emplace_back().set_name(item.result.name());
        }
    }
    std::unordered_map<std::string, api::Node> nodes;
    std::optional<Error> failed;
    client.call_each(
        &api::NodeService::Stub::AsyncGetNode,
        requests,
        64,
        [&](std::size_t, Result<api::Node> node) {
            if (node) {
                const std::string name = node->name();
                nodes.emplace(name, std::move(*node));
            } else {
                failed = node.error();
            }
        }
    );
    if (failed) {
        return *failed;
    }
    return nodes;
}

/// What "auto" and the daemon's defaults will give is not known before.
Json planned_document(const api::Node& node) {
    Json document = wanted_document(node);
    if (node.endpoint().address().empty() || node.endpoint().address() == "auto") {
        document["address"] = node.endpoint().address().empty() ? "(default)" : "auto";
    }
    if (node.endpoint().port() == 0) {
        document["port"] = "auto";
    }
    return document;
}

std::string diff_of(const ApplyItemResult& item, const api::Node* current, bool color) {
    const std::string before = current == nullptr ? "" : to_yaml(wanted_document(*current));
    const std::string after =
        item.wanted == nullptr ? "" : to_yaml(planned_document(wanted_node(*item.wanted, current)));
    std::string text = render_diff(diff_lines(before, after), 2, color);
    const auto& changed = item.result.changed_fields();
    if (std::find(changed.begin(), changed.end(), "users") != changed.end()) {
        text += styled("~ users", Style::warning, color) + "\n";
    }
    if (text.empty()) { // what only vbmcd sees: a secret, a default
        text = styled("~ " + join({changed.begin(), changed.end()}, ", "), Style::warning, color) +
               "\n";
    }
    return text;
}

/// Prints the differences of a checked manifest. Returns how many nodes differ.
Result<std::size_t> print_diff(Cli& cli, Client& client, const ApplyOutcome& outcome) {
    const auto nodes = current_nodes(client, outcome);
    if (!nodes) {
        return nodes.error();
    }
    std::size_t differing = 0;
    const bool color = cli.terminal().out_color;
    for (const ApplyItemResult& item : outcome.items) {
        const auto kind = item.result.outcome();
        if (kind == api::ApplyResult::UNCHANGED || kind == api::ApplyResult::ERROR) {
            continue;
        }
        ++differing;
        if (cli.globals().quiet) {
            continue;
        }
        const auto current = nodes->find(item.result.name());
        const std::string place = item.wanted == nullptr ? "" : " (" + item.wanted->where() + ")";
        cli.terminal().out << styled(
                                  "node " + printable(item.result.name()) + " would be " +
                                      outcome_text(kind) + place,
                                  Style::bold,
                                  color
                              )
                           << "\n"
                           << diff_of(
                                  item, current == nodes->end() ? nullptr : &current->second, color
                              );
    }
    cli.terminal().out.flush();
    return differing;
}

Result<ApplyOutcome> check(Cli& cli, const Manifest& manifest, ApplyOptions options) {
    options.validate_only = true;
    return apply_nodes(cli, manifest.nodes, options);
}

/// Counts what would be deleted and asks.
Result<bool> may_prune(Cli& cli, const Manifest& manifest, const ApplyOptions& options) {
    if (!options.prune || options.validate_only || cli.globals().yes || !cli.terminal().in_is_tty) {
        return true;
    }
    const Result<ApplyOutcome> plan = check(cli, manifest, options);
    if (!plan) {
        return plan.error();
    }
    return confirm(cli, "delete", plan->summary.pruned());
}

ExitCode print_results(Cli& cli, const ApplyOutcome& outcome, bool dry_run) {
    ExitCode printed = ExitCode::ok;
    if (cli.output().format == Format::name) {
        for (const ApplyItemResult& item : outcome.items) {
            const bool failed = item.result.outcome() == api::ApplyResult::ERROR;
            cli.terminal().out << (failed ? "" : printable(item.result.name()) + "\n");
        }
    } else if (cli.human() && cli.output().columns.empty()) {
        print_people(cli, outcome, dry_run);
    } else {
        printed = cli.print(result_listing(outcome));
    }
    report_warnings(cli, outcome);
    const std::vector<ExitCode> failures = report_errors(cli, outcome);
    if (outcome.summary.prune_skipped()) {
        cli.terminal().warn("nothing was pruned, because not everything could be applied");
    }
    return printed == ExitCode::ok ? exit_code_of_many(outcome.items.size(), failures) : printed;
}

ExitCode run_apply(Cli& cli, Args& args) {
    const Result<ApplyOptions> options = options_of(args);
    if (!options) {
        return cli.fail(options.error());
    }
    const std::optional<Manifest> manifest = load(cli, args);
    if (!manifest) {
        return ExitCode::usage;
    }
    if (manifest->nodes.empty() && !args.prune) {
        cli.terminal().note("there is nothing to apply");
        return ExitCode::ok;
    }
    const Result<Client*> client = cli.client();
    if (!client) {
        return cli.fail(client.error());
    }
    if (args.diff) {
        const Result<ApplyOutcome> plan = check(cli, *manifest, *options);
        const Result<std::size_t> shown = plan ? print_diff(cli, **client, *plan) : plan.error();
        if (!shown) {
            return cli.fail(shown.error());
        }
    }
    const Result<bool> allowed = may_prune(cli, *manifest, *options);
    if (!allowed || !*allowed) {
        return allowed ? ExitCode::failed : cli.fail(allowed.error());
    }
    const Result<ApplyOutcome> outcome = apply_nodes(cli, manifest->nodes, *options);
    return outcome ? print_results(cli, *outcome, args.dry_run) : cli.fail(outcome.error());
}

/// As diff(1): 0 the same, 1 different, more is trouble.
ExitCode run_diff(Cli& cli, Args& args) {
    const Result<ApplyOptions> options = options_of(args);
    if (!options) {
        return cli.fail(options.error());
    }
    const std::optional<Manifest> manifest = load(cli, args);
    if (!manifest) {
        return ExitCode::usage;
    }
    const Result<Client*> client = cli.client();
    const Result<ApplyOutcome> plan = client ? check(cli, *manifest, *options) : client.error();
    if (!plan) {
        const ExitCode code = cli.fail(plan.error());
        return code == ExitCode::failed ? ExitCode::usage : code;
    }
    const Result<std::size_t> differing = print_diff(cli, **client, *plan);
    if (!differing) {
        const ExitCode code = cli.fail(differing.error());
        return code == ExitCode::failed ? ExitCode::usage : code;
    }
    const std::vector<ExitCode> failures = report_errors(cli, *plan);
    if (!failures.empty()) {
        const ExitCode code = exit_code_of_many(plan->items.size(), failures);
        return code == ExitCode::failed ? ExitCode::usage : code;
    }
    return *differing == 0 ? ExitCode::ok : ExitCode::failed;
}

void define_common(CLI::App& command, Args& args) {
    add_repeated(
        command, "-f,--file", args.files, "Manifest: a file, a folder, or - for standard input"
    )
        ->type_name("FILE")
        ->required();
    command.add_flag(
        "--prune", args.prune, "Also delete nodes that match -l (or --all) and are not in the files"
    );
    add_repeated(command, "-l,--selector", args.labels, "What --prune may delete")
        ->type_name("LABELS");
    command.add_flag("--all", args.all, "--prune may delete any node");
}

void define_apply(CLI::App& command, Args& args) {
    define_common(command, args);
    command.add_flag("--dry-run", args.dry_run, "Check everything, change nothing");
    command.add_flag("--diff", args.diff, "Show the differences first");
}

} // namespace

void add_apply_commands(Cli& cli) {
    cli.command<Args>(cli.app(), "apply", "Make nodes as YAML files say", define_apply, run_apply)
        ->group("Nodes")
        ->footer(
            "Creates what is not there and changes what differs. A manifest is a list of nodes:\n\n"
            "  - name: node[001-100]\n"
            "    address: 127.0.2.[1-100]\n"
            "    port: 623\n"
            "    backend: {kind: sim}\n"
            "    labels: {rack: 7}\n"
            "    users: [{name: admin, password-file: admin.pw}]\n\n"
            "vbmcctl(1) has all of its members.\n\n"
            "Examples:\n"
            "  vbmcctl apply -f fleet.yaml --dry-run --diff\n"
            "  vbmcctl apply -f fleet.d --prune -l managed=yaml\n"
            "  vbmcctl list -o yaml | vbmcctl apply -f -"
        );
    cli.command<Args>(
           cli.app(), "diff", "Show how nodes differ from YAML files", define_common, run_diff
    )
        ->group("Nodes")
        ->footer(
            "Ends with 0 when nothing differs, 1 when something does, more when it cannot tell.\n\n"
            "Example:\n  vbmcctl diff -f fleet.yaml"
        );
}

} // namespace vbmc::ctl
