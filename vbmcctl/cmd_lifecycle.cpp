#include "vbmcctl/batch.h"
#include "vbmcctl/commands.h"
#include "vbmcctl/resolve.h"

namespace vbmc::ctl {

namespace {

struct Args {
    SelectionArgs selection;
    bool missing_ok = false;
};

struct Verb {
    std::string name; // for progress and the question
    std::string done; // "started"
    bool asks;
};

ExitCode run_verb(Cli& cli, const Args& args, api::BatchNodesRequest request, const Verb& verb) {
    const Result<std::vector<std::string>> names = resolve_names(cli, args.selection);
    if (!names) {
        const bool fine = args.missing_ok && names.error().code == ErrorCode::not_found;
        return fine ? ExitCode::ok : cli.fail(names.error());
    }
    if (verb.asks && !confirm(cli, verb.name, names->size())) {
        return ExitCode::failed;
    }
    Result<BatchOutcome> outcome = run_batch(cli, std::move(request), *names, verb.name);
    if (!outcome) {
        return cli.fail(outcome.error());
    }
    if (args.missing_ok) {
        std::erase_if(outcome->items, [](const ItemResult& item) {
            return item.error && item.error->code == ErrorCode::not_found;
        });
        std::erase(outcome->failures, ExitCode::not_found);
    }
    return print_outcome(cli, *outcome, verb.done);
}

ExitCode run_start(Cli& cli, Args& args) {
    api::BatchNodesRequest request;
    request.mutable_start();
    return run_verb(cli, args, std::move(request), {"start", "started", true});
}

ExitCode run_stop(Cli& cli, Args& args) {
    api::BatchNodesRequest request;
    request.mutable_stop();
    return run_verb(cli, args, std::move(request), {"stop", "stopped", true});
}

ExitCode run_restart(Cli& cli, Args& args) {
    api::BatchNodesRequest request;
    request.mutable_restart();
    return run_verb(cli, args, std::move(request), {"restart", "restarted", true});
}

ExitCode run_rm(Cli& cli, Args& args) {
    api::BatchNodesRequest request;
    request.mutable_delete_();
    return run_verb(cli, args, std::move(request), {"delete", "deleted", true});
}

void define(CLI::App& command, Args& args) {
    add_selection(command, args.selection);
}

void define_rm(CLI::App& command, Args& args) {
    add_selection(command, args.selection);
    command.add_flag("--missing-ok", args.missing_ok, "A node that is not there is fine");
}

} // namespace

void add_lifecycle_commands(Cli& cli) {
    const char* group = "Nodes";
    CLI::App& app = cli.app();
    cli.command<Args>(app, "start", "Start the BMC endpoints of nodes", define, run_start)
        ->group(group)
        ->footer("Starts the emulated BMC, not the machine behind it: that is `vbmcctl power`.\n\n"
                 "Example:\n  vbmcctl start 'node[001-100]'");
    cli.command<Args>(app, "stop", "Stop the BMC endpoints of nodes", define, run_stop)
        ->group(group)
        ->footer("The machine behind is left alone. A stopped node stays stopped when vbmcd "
                 "restarts.\n\n"
                 "Example:\n  vbmcctl stop -l rack=7");
    cli.command<Args>(app, "restart", "Restart the BMC endpoints of nodes", define, run_restart)
        ->group(group)
        ->footer(
            "Ends their IPMI sessions; no machine is restarted.\n\nExample:\n  vbmcctl restart n1"
        );
    cli.command<Args>(app, "rm", "Delete nodes", define_rm, run_rm)
        ->alias("delete")
        ->group(group)
        ->footer(
            "Deletes the emulated BMC with its users, log and settings; the machine behind is left "
            "alone.\n\nExamples:\n  vbmcctl rm n1\n  vbmcctl rm -y --all"
        );
}

} // namespace vbmc::ctl
