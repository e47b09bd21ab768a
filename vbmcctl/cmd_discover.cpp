#include "vbmcctl/backend_schema.h"
#include "vbmcctl/cli.h"
#include "vbmcctl/commands.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/selector_options.h"

namespace vbmc::ctl {

namespace {

struct Args {
    std::string kind;
    std::vector<std::string> options;
    SelectorArgs selector;
};

Json machine_document(const api::Machine& machine) {
    return {
        {"id", machine.id()},
        {"name", machine.name()},
        {"power", power_text(machine.power())},
        {"labels",
         std::map<std::string, std::string>(machine.labels().begin(), machine.labels().end())},
        {"options",
         std::map<std::string, std::string>(machine.options().begin(), machine.options().end())}};
}

ExitCode run_discover(Cli& cli, Args& args) {
    const Result<api::BackendKind> kind = find_backend(cli, args.kind);
    const Result<Client*> client = kind ? cli.client() : kind.error();
    if (!client) {
        return cli.fail(client.error());
    }
    const auto options = discover_options(*kind, args.options);
    if (!options) {
        return cli.fail(options.error(), "backend " + args.kind);
    }
    api::DiscoverRequest request;
    request.set_kind(args.kind);
    request.mutable_options()->insert(options->begin(), options->end());
    if (const auto set = apply_selector(args.selector, *request.mutable_selector()); !set) {
        return cli.fail(set.error());
    }
    const auto answer = (*client)->call(&api::DiscoveryService::Stub::Discover, request);
    if (!answer) {
        return cli.fail(answer.error(), "backend " + args.kind);
    }
    Listing listing;
    listing.columns = {
        column("name", "NAME", "name"),
        column("power", "POWER", "power"),
        column("labels", "LABELS", "labels"),
        column("id", "ID", "id"),
        column("options", "OPTIONS", "options", true),
    };
    for (const api::Machine& machine : answer->machines()) {
        listing.rows.push_back(machine_document(machine));
    }
    if (listing.rows.empty() && cli.human()) {
        cli.terminal().note("there are no machines");
        return ExitCode::ok;
    }
    return cli.print(std::move(listing));
}

void define(CLI::App& command, Args& args) {
    command.add_option("--backend", args.kind, "Backend kind")->type_name("KIND")->required();
    add_repeated(
        command, "--option", args.options, "Where to look and how to log in; also as --KEY VALUE"
    )
        ->type_name("KEY=VALUE");
    add_selector_options(command, args.selector);
}

} // namespace

void add_discover_command(Cli& cli) {
    cli.command<Args>(
           cli.app(), "discover", "List the machines that a backend offers", define, run_discover
    )
        ->group("Fleet")
        ->footer(
            "Registers nothing: `vbmcctl source add` does. `vbmcctl backend describe KIND` "
            "lists the options.\n\nExamples:\n"
            "  vbmcctl discover --backend libvirt --uri qemu:///system\n"
            "  vbmcctl discover --backend metal --option token=file:/etc/vbmc/credentials/metal "
            "--match role=db*"
        );
}

} // namespace vbmc::ctl
