#include "vbmcctl/commands.h"
#include "vbmcctl/fan_out.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/text.h"

namespace vbmc::ctl {

namespace {

struct Args {
    std::vector<std::string> words;
    SelectionArgs selection;
};

Column time_column() {
    Column shown = column("when", "TIME", "when");
    shown.text = [](const Json& row) {
        const Json* when = find(row, "when");
        return when == nullptr ? std::string() : local_time_text(text_of(*when));
    };
    return shown;
}

ExitCode list_sel(Cli& cli, const SelectionArgs& selection) {
    const auto logs = fan_out(cli, selection, &api::SelService::Stub::AsyncListSel, "sel");
    if (!logs) {
        return cli.fail(logs.error());
    }
    Listing listing;
    listing.name_path = "id";
    listing.columns = {
        column("id", "ID", "id", false, true),
        time_column(),
        column("sensor", "SENSOR", "sensor"),
        column("event", "EVENT", "event"),
        column("raw", "RAW", "raw", true),
    };
    show_node_column(listing, logs->names.size());
    for (std::size_t i = 0; i < logs->names.size(); ++i) {
        if (!logs->answers[i]) {
            continue;
        }
        for (const api::SelEntry& entry : logs->answers[i]->entries()) {
            listing.rows.push_back(
                {{"node", logs->names[i]},
                 {"id", entry.id()},
                 {"when", time_text(entry.when())},
                 {"sensor", entry.sensor()},
                 {"event", entry.event()},
                 {"raw", hex_text(entry.raw())}}
            );
        }
    }
    const bool empty = listing.rows.empty();
    const ExitCode failed = report_failures(cli, logs->items);
    if (empty && cli.human()) {
        if (failed == ExitCode::ok) {
            cli.terminal().note("the event log is empty");
        }
        return failed;
    }
    const ExitCode printed = cli.print(std::move(listing));
    return printed == ExitCode::ok ? failed : printed;
}

ExitCode clear_sel(Cli& cli, const SelectionArgs& selection) {
    const Result<std::vector<std::string>> names = resolve_names(cli, selection);
    if (!names) {
        return cli.fail(names.error());
    }
    if (!confirm(cli, "clear the event log of", names->size())) {
        return ExitCode::failed;
    }
    api::BatchNodesRequest request;
    request.mutable_clear_sel();
    const Result<BatchOutcome> outcome = run_batch(cli, std::move(request), *names, "sel clear");
    return outcome ? print_outcome(cli, *outcome, "cleared its event log")
                   : cli.fail(outcome.error());
}

ExitCode run_sel(Cli& cli, Args& args) {
    const VerbArgs split =
        split_at_verb(args.words, {"list", "clear"}, args.selection.by_property(), 0);
    args.selection.names = split.names;
    return split.verb == "clear" ? clear_sel(cli, args.selection) : list_sel(cli, args.selection);
}

void define(CLI::App& command, Args& args) {
    command
        .add_option("NAME... [list|clear]", args.words, "Nodes, then list (the default) or clear")
        ->type_name("");
    add_property_options(command, args.selection);
}

} // namespace

void add_sel_command(Cli& cli) {
    cli.command<Args>(cli.app(), "sel", "Read or clear the system event log", define, run_sel)
        ->group("Machines")
        ->footer("Examples:\n  vbmcctl sel n1\n  vbmcctl sel 'node*' clear");
}

} // namespace vbmc::ctl
