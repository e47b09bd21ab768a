#include "vbmcctl/batch.h"
#include "vbmcctl/commands.h"
#include "vbmcctl/no_verb.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/resolve.h"
#include "vbmcctl/text.h"

#include <array>
#include <ostream>

namespace vbmc::ctl {

namespace {

struct Args {
    std::vector<std::string> words;
    SelectionArgs selection;
};

struct Action {
    std::string_view word;
    api::PowerAction action;
    std::string_view done;
};

constexpr std::array<Action, 8> actions = {{
    {"status", api::POWER_ACTION_UNSPECIFIED, ""},
    {"on", api::POWER_ACTION_ON, "powered on"},
    {"off", api::POWER_ACTION_OFF, "powered off"},
    {"soft", api::POWER_ACTION_SOFT, "asked to shut down"},
    {"cycle", api::POWER_ACTION_CYCLE, "power-cycled"},
    {"reset", api::POWER_ACTION_RESET, "reset"},
    {"diag", api::POWER_ACTION_DIAG, "interrupted"},
    {"nmi", api::POWER_ACTION_DIAG, "interrupted"},
}};

std::vector<std::string> action_words() {
    std::vector<std::string> words;
    for (const Action& action : actions) {
        words.emplace_back(action.word);
    }
    return words;
}

Listing status_listing(const BatchOutcome& outcome) {
    Listing listing;
    listing.columns = {
        column("name", "NAME", "name"),
        column("power", "POWER", "power"),
    };
    listing.columns[1].style = power_style;
    for (const ItemResult& item : outcome.items) {
        if (!item.error) {
            listing.rows.push_back({{"name", item.name}, {"power", power_text(item.power)}});
        }
    }
    return listing;
}

/// `power NAME status --quiet`: 0 on, 3 off, 1 not known; many are on when all are.
ExitCode quiet_status(Cli& cli, const BatchOutcome& outcome) {
    const ExitCode failed = report_failures(cli, outcome.items);
    ExitCode code = failed;
    for (const ItemResult& item : outcome.items) {
        if (failed == ExitCode::ok && item.power == api::POWER_STATE_OFF && code == ExitCode::ok) {
            code = ExitCode::not_found;
        } else if (failed == ExitCode::ok && item.power != api::POWER_STATE_ON && item.power != api::POWER_STATE_OFF) {
            code = ExitCode::failed;
        }
    }
    return code;
}

ExitCode show_status(Cli& cli, const std::vector<std::string>& names) {
    api::BatchNodesRequest request;
    request.mutable_get_power();
    const Result<BatchOutcome> outcome = run_batch(cli, std::move(request), names, "power status");
    if (!outcome) {
        return cli.fail(outcome.error());
    }
    if (cli.globals().quiet) {
        return quiet_status(cli, *outcome);
    }
    if (outcome->failures.size() < outcome->items.size() || !cli.human()) {
        const ExitCode printed = cli.print(status_listing(*outcome));
        if (printed != ExitCode::ok) {
            return printed;
        }
    }
    return report_failures(cli, outcome->items);
}

ExitCode run_power(Cli& cli, Args& args) {
    const std::vector<std::string> known = action_words();
    const VerbArgs split = split_at_verb(args.words, known, args.selection.by_property(), 0);
    if (split.verb.empty()) {
        const bool named = args.selection.by_property();
        return cli.fail(no_verb("power needs an action", "power action", args.words, known, named)
                            .with_hint("vbmcctl power NAME... status|on|off|soft|cycle|reset|diag")
        );
    }
    args.selection.names = split.names;
    const Result<std::vector<std::string>> names = resolve_names(cli, args.selection);
    if (!names) {
        return cli.fail(names.error());
    }
    if (split.verb == "status") {
        return show_status(cli, *names);
    }
    const Action* action = nullptr;
    for (const Action& candidate : actions) {
        action = candidate.word == split.verb ? &candidate : action;
    }
    const std::string what = "power " + split.verb;
    if (!confirm(cli, what, names->size())) {
        return ExitCode::failed;
    }
    api::BatchNodesRequest request;
    request.set_set_power(action->action);
    const Result<BatchOutcome> outcome = run_batch(cli, std::move(request), *names, what);
    return outcome ? print_outcome(cli, *outcome, std::string(action->done))
                   : cli.fail(outcome.error());
}

void define(CLI::App& command, Args& args) {
    command
        .add_option(
            "NAME... ACTION",
            args.words,
            "Nodes, then status, on, off, soft, cycle, reset or diag (nmi)"
        )
        ->type_name("");
    add_property_options(command, args.selection);
}

} // namespace

void add_power_command(Cli& cli) {
    cli.command<Args>(
           cli.app(), "power", "Ask for or change the power of machines", define, run_power
    )
        ->group("Machines")
        ->footer(
            "soft asks the operating system to shut down; off, cycle and reset do not ask.\n"
            "status asks the backend now. With --quiet it only ends with 0 (on), 3 (off) or 1\n"
            "(not known); of several nodes with 0 when all are on.\n\n"
            "Examples:\n"
            "  vbmcctl power n1 status\n"
            "  vbmcctl power 'node[001-100]' off\n"
            "  vbmcctl power -l rack=7 cycle"
        );
}

} // namespace vbmc::ctl
