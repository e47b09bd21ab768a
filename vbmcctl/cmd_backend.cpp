#include "vbmcctl/backend_schema.h"
#include "vbmcctl/cli.h"
#include "vbmcctl/commands.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/text.h"

#include <ostream>

namespace vbmc::ctl {

namespace {

struct NoArgs {};

struct DescribeArgs {
    std::string kind;
};

struct TestArgs {
    std::string kind;
    std::vector<std::string> options;
};

std::vector<std::string> words(const google::protobuf::RepeatedPtrField<std::string>& list) {
    return {list.begin(), list.end()};
}

Json options_document(const google::protobuf::RepeatedPtrField<api::BackendOption>& options) {
    Json out = Json::array();
    for (const api::BackendOption& option : options) {
        out.push_back(
            {{"name", option.name()},
             {"type", option_type_text(option)},
             {"required", option.required()},
             {"default", option.default_value()},
             {"choices", words(option.choices())},
             {"help", option.help()}}
        );
    }
    return out;
}

Json kind_document(const api::BackendKind& kind) {
    Json out = {
        {"name", kind.name()},
        {"help", kind.help()},
        {"options", options_document(kind.options())},
        {"can_discover", kind.can_discover()}};
    if (kind.can_discover()) {
        out["discover_options"] = options_document(kind.discover_options());
    }
    return out;
}

ExitCode run_list(Cli& cli, NoArgs&) {
    const Result<std::vector<api::BackendKind>> kinds = backend_kinds(cli);
    if (!kinds) {
        return cli.fail(kinds.error());
    }
    Listing listing;
    listing.columns = {column("name", "KIND", "name"), column("help", "WHAT IT DRIVES", "help")};
    for (const api::BackendKind& kind : *kinds) {
        listing.rows.push_back(kind_document(kind));
    }
    return cli.print(std::move(listing));
}

ExitCode
print_options(Cli& cli, const google::protobuf::RepeatedPtrField<api::BackendOption>& options) {
    Listing listing;
    listing.columns = {
        column("name", "OPTION", "name"),
        column("type", "TYPE", "type"),
        column("required", "REQUIRED", "required"),
        column("default", "DEFAULT", "default"),
        column("help", "MEANING", "help"),
    };
    listing.columns[1].text = [](const Json& row) {
        const auto choices = row.value("choices", std::vector<std::string>());
        return choices.empty() ? row.value("type", "") : join(choices, "|");
    };
    listing.columns[2].text = [](const Json& row) {
        return std::string(row.value("required", false) ? "yes" : "");
    };
    const Json document = options_document(options);
    for (const Json& option : document) {
        listing.rows.push_back(option);
    }
    return cli.print(std::move(listing));
}

ExitCode run_describe(Cli& cli, DescribeArgs& args) {
    const Result<api::BackendKind> kind = find_backend(cli, args.kind);
    if (!kind) {
        return cli.fail(kind.error());
    }
    if (!cli.human()) {
        Listing listing;
        listing.single = true;
        listing.columns = {
            column("name", "KIND", "name"), column("help", "WHAT IT DRIVES", "help")};
        listing.rows.push_back(kind_document(*kind));
        return cli.print(std::move(listing));
    }
    cli.terminal().out << printable(kind->name()) << ": " << printable(kind->help()) << "\n";
    if (kind->options().empty()) {
        cli.terminal().out << "It has no options.\n";
    } else {
        cli.terminal().out << "\n";
    }
    ExitCode done = kind->options().empty() ? ExitCode::ok : print_options(cli, kind->options());
    if (kind->can_discover() && done == ExitCode::ok) {
        cli.terminal().out << "\nTo list its machines (`vbmcctl discover --backend "
                           << printable(kind->name()) << "`):\n\n";
        done = print_options(cli, kind->discover_options());
    }
    return done;
}

ExitCode run_test(Cli& cli, TestArgs& args) {
    const Result<api::BackendKind> kind = find_backend(cli, args.kind);
    const Result<Client*> client = kind ? cli.client() : kind.error();
    if (!client) {
        return cli.fail(client.error());
    }
    Result<std::map<std::string, std::string>> options = schema_options(*kind, args.options);
    if (!options) {
        return cli.fail(options.error(), "backend " + args.kind);
    }
    api::TestBackendRequest request;
    request.set_kind(args.kind);
    request.mutable_options()->insert(options->begin(), options->end());
    const auto answer = (*client)->call(&api::BackendService::Stub::TestBackend, request);
    if (!answer) {
        return cli.fail(answer.error(), "backend " + args.kind);
    }
    if (!cli.human()) {
        Listing listing;
        listing.single = true;
        listing.columns = {column("kind", "KIND", "kind"), column("power", "POWER", "power")};
        listing.name_path = "kind";
        listing.columns.push_back(column("host", "HOST", "host"));
        listing.columns.push_back(column("capabilities", "CAN", "capabilities"));
        listing.rows.push_back(
            {{"kind", args.kind},
             {"power", power_text(answer->power())},
             {"host", answer->host()},
             {"capabilities", words(answer->capabilities())}}
        );
        return cli.print(std::move(listing));
    }
    cli.terminal().out << "backend " << printable(args.kind) << " answers: power is "
                       << power_text(answer->power()) << "\n";
    if (!answer->host().empty()) {
        cli.terminal().out << "  host  " << printable(answer->host()) << "\n";
    }
    cli.terminal().out << "  can   " << join(words(answer->capabilities()), ", ") << "\n";
    return ExitCode::ok;
}

void define_none(CLI::App&, NoArgs&) {}

void define_describe(CLI::App& command, DescribeArgs& args) {
    command.add_option("KIND", args.kind, "Backend kind")->type_name("")->required();
}

void define_test(CLI::App& command, TestArgs& args) {
    command.add_option("KIND", args.kind, "Backend kind")->type_name("")->required();
    add_repeated(command, "--option", args.options, "An option of the kind; also as --KEY VALUE")
        ->type_name("KEY=VALUE");
}

} // namespace

void add_backend_commands(Cli& cli) {
    CLI::App* backend = cli.app().add_subcommand("backend", "Show and try backends");
    backend->fallthrough();
    backend->require_subcommand(1);
    backend->group("Fleet");
    cli.command<NoArgs>(
           *backend, "list", "List the backend kinds of this vbmcd", define_none, run_list
    )
        ->alias("ls");
    cli.command<DescribeArgs>(
           *backend, "describe", "Show the options of a kind", define_describe, run_describe
    )
        ->footer("Example:\n  vbmcctl backend describe sim");
    cli.command<TestArgs>(
           *backend, "test", "Try options without making a node", define_test, run_test
    )
        ->footer("Connects as a node would and asks for the power state.\n\nExample:\n  vbmcctl "
                 "backend test sim");
}

} // namespace vbmc::ctl
