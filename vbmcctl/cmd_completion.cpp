#include "vbmcctl/backend_schema.h"
#include "vbmcctl/commands.h"
#include "vbmcctl/completion_scripts.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/resolve.h"
#include "vbmcctl/text.h"

#include <algorithm>
#include <ostream>

namespace vbmc::ctl {

namespace {

struct ScriptArgs {
    std::string shell;
};

struct CompleteArgs {
    std::vector<std::string> words; // as typed so far; the last is being typed
};

/// What the shell does besides: as in the other programs that answer completions.
enum class Directive { none = 0, no_files = 4 };

struct Candidate {
    std::string text;
    std::string help;
};

struct Completion {
    std::vector<Candidate> candidates;
    Directive directive = Directive::no_files;
};

ExitCode run_script(Cli& cli, ScriptArgs& args) {
    const std::vector<std::string> shells = {"bash", "zsh", "fish"};
    const std::string_view script = args.shell == "bash"   ? bash_completion
                                    : args.shell == "zsh"  ? zsh_completion
                                    : args.shell == "fish" ? fish_completion
                                                           : std::string_view();
    if (script.empty()) {
        return cli.fail(Error(
                            ErrorCode::invalid_argument,
                            "no completion for '" + args.shell + "'" +
                                did_you_mean(args.shell, shells)
        )
                            .with_hint("shells are bash, zsh and fish"));
    }
    cli.terminal().out << script;
    return ExitCode::ok;
}

void add_words(Completion& out, const std::vector<std::string>& words) {
    for (const std::string& word : words) {
        out.candidates.push_back({word, ""});
    }
}

/// A daemon that does not answer at once is no reason to keep somebody waiting for a Tab.
void add_nodes(Cli& cli, Completion& out) {
    cli.globals().connection.timeout = std::chrono::seconds(1);
    const Result<Client*> client = cli.client();
    if (!client) {
        return;
    }
    const Result<void> ignored = for_each_node(**client, "", [&out](const api::Node& node) {
        out.candidates.push_back(
            {node.name(),
             state_text(node.status().state()) + ", " + power_text(node.status().power())}
        );
    });
    static_cast<void>(ignored);
}

void add_backends(Cli& cli, Completion& out) {
    cli.globals().connection.timeout = std::chrono::seconds(1);
    if (const auto kinds = backend_kinds(cli)) {
        for (const api::BackendKind& kind : *kinds) {
            out.candidates.push_back({kind.name(), kind.help()});
        }
    }
}

void add_sources(Cli& cli, Completion& out) {
    cli.globals().connection.timeout = std::chrono::seconds(1);
    const Result<Client*> client = cli.client();
    if (!client) {
        return;
    }
    const api::ListSourcesRequest request;
    if (const auto all = (*client)->call(&api::DiscoveryService::Stub::ListSources, request)) {
        for (const api::Source& source : all->sources()) {
            out.candidates.push_back({source.name(), source.kind()});
        }
    }
}

/// The options of a backend, or of looking for its machines, as --NAME.
void add_backend_options(Cli& cli, const std::string& kind, bool to_discover, Completion& out) {
    cli.globals().connection.timeout = std::chrono::seconds(1);
    if (const auto found = find_backend(cli, kind)) {
        for (const api::BackendOption& option :
             to_discover ? found->discover_options() : found->options()) {
            out.candidates.push_back({"--" + option.name(), option.help()});
        }
    }
}

bool add_option_values(Cli& cli, const std::string& option, Completion& out) {
    static const std::map<std::string, std::vector<std::string>> fixed = {
        {"-o", {"table", "wide", "json", "jsonl", "yaml", "csv", "name"}},
        {"--output", {"table", "wide", "json", "jsonl", "yaml", "csv", "name"}},
        {"--color", {"auto", "always", "never"}},
        {"--privilege", {"callback", "user", "operator", "administrator"}},
        {"--privilege-max", {"callback", "user", "operator", "administrator"}},
        {"--for", {"running", "stopped", "failed", "deleted", "power=on", "power=off"}},
        {"--address", {"auto"}},
        {"--port", {"auto"}},
    };
    const auto found = fixed.find(option);
    if (found != fixed.end()) {
        add_words(out, found->second);
        return true;
    }
    if (option == "--backend") {
        add_backends(cli, out);
        return true;
    }
    return false;
}

struct Position {
    const CLI::App* command = nullptr; // the deepest that was typed
    const CLI::Option* waiting = nullptr;
    std::string waiting_flag;
    std::vector<std::string> positionals;
    std::string backend;
};

const CLI::App* find_command(const CLI::App& parent, const std::string& word) {
    const auto named = [&word](const CLI::App* sub) { return sub->check_name(word); };
    const std::vector<const CLI::App*> found = parent.get_subcommands(named);
    return found.empty() ? nullptr : found.front();
}

/// Walks what was typed before the current word.
Position walk(const CLI::App& root, const std::vector<std::string>& before) {
    Position at;
    at.command = &root;
    for (const std::string& word : before) {
        if (at.waiting != nullptr) {
            at.backend = at.waiting_flag == "--backend" ? word : at.backend;
            at.waiting = nullptr;
            continue;
        }
        if (word.starts_with('-') && word.size() > 1) {
            const CLI::Option* option = at.command->get_option_no_throw(word);
            option = option == nullptr ? root.get_option_no_throw(word) : option;
            if (option != nullptr && option->get_expected_min() > 0) {
                at.waiting = option;
                at.waiting_flag = word;
            }
            continue;
        }
        const CLI::App* sub = at.positionals.empty() ? find_command(*at.command, word) : nullptr;
        if (sub != nullptr) {
            at.command = sub;
        } else {
            at.positionals.push_back(word);
        }
    }
    return at;
}

void add_commands(const CLI::App& command, Completion& out) {
    for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
        if (!sub->get_group().empty() && !sub->get_name().starts_with("__")) {
            out.candidates.push_back({sub->get_name(), sub->get_description()});
        }
    }
}

void add_options(const CLI::App& command, Completion& out) {
    for (const CLI::Option* option : command.get_options()) {
        for (const std::string& name : option->get_lnames()) {
            out.candidates.push_back({"--" + name, option->get_description()});
        }
    }
}

/// Words that may stand where a name may, by command.
void add_verbs(const Position& at, Completion& out) {
    static const std::map<std::string, std::vector<std::string>> verbs = {
        {"power", {"status", "on", "off", "soft", "cycle", "reset", "diag"}},
        {"bootdev", {"pxe", "disk", "cdrom", "bios", "none"}},
        {"sel", {"list", "clear"}},
        {"sessions", {"list", "kick"}},
        {"users", {"list", "add", "set", "passwd", "rm"}},
    };
    const auto found = verbs.find(at.command->get_name());
    if (found != verbs.end() && !at.positionals.empty()) {
        add_words(out, found->second);
    }
}

bool is_of_sources(const Position& at) {
    const CLI::App* parent = at.command->get_parent();
    return parent != nullptr && parent->get_name() == "source";
}

void add_positional(Cli& cli, const Position& at, Completion& out) {
    if (is_of_sources(at)) {
        add_sources(cli, out);
        return;
    }
    static const std::vector<std::string> of_nodes = {
        "show",
        "list",
        "start",
        "stop",
        "restart",
        "rm",
        "set",
        "edit",
        "power",
        "bootdev",
        "console",
        "sel",
        "sensors",
        "sessions",
        "users",
        "wait",
        "events",
        "ipmitool"};
    const std::string& name = at.command->get_name();
    if (std::find(of_nodes.begin(), of_nodes.end(), name) != of_nodes.end()) {
        add_verbs(at, out);
        add_nodes(cli, out);
    } else if (name == "describe" || name == "test") {
        add_backends(cli, out);
    } else if (name == "completion") {
        add_words(out, {"bash", "zsh", "fish"});
    }
}

Completion complete(Cli& cli, const std::vector<std::string>& words) {
    Completion out;
    const std::string current = words.empty() ? "" : words.back();
    const std::vector<std::string> before(words.begin(), words.end() - (words.empty() ? 0 : 1));
    const Position at = walk(cli.app(), before);
    if (at.waiting != nullptr) {
        if (!add_option_values(cli, at.waiting_flag, out)) {
            out.directive = Directive::none; // most other values are files
        }
    } else if (current.starts_with('-')) {
        add_options(*at.command, out);
        if (at.command != &cli.app()) {
            add_options(cli.app(), out);
        }
        if (!at.backend.empty()) {
            const std::string& name = at.command->get_name();
            add_backend_options(cli, at.backend, name == "discover" || is_of_sources(at), out);
        }
    } else if (at.command->get_subcommands([](const CLI::App*) { return true; }).empty()) {
        add_positional(cli, at, out);
    } else {
        add_commands(*at.command, out);
    }
    std::erase_if(out.candidates, [&current](const Candidate& candidate) {
        return !candidate.text.starts_with(current);
    });
    return out;
}

/// The connection that the line itself names, so that names come from there.
void settle_connection(Cli& cli, const std::vector<std::string>& words) {
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        ConnectionOptions& connection = cli.globals().connection;
        const std::map<std::string, std::string*> targets = {
            {"--socket", &connection.socket},
            {"--host", &connection.host},
            {"--tls-ca", &connection.tls_ca},
            {"--tls-cert", &connection.tls_cert},
            {"--tls-key", &connection.tls_key}};
        const auto found = targets.find(words[i]);
        if (found != targets.end()) {
            *found->second = words[i + 1];
            if (words[i] == "--socket") { // whatever the environment says
                connection.host.clear();
            }
        }
    }
}

ExitCode run_complete(Cli& cli, CompleteArgs& args) {
    settle_connection(cli, args.words);
    const Completion completion = complete(cli, args.words);
    for (const Candidate& candidate : completion.candidates) {
        cli.terminal().out << printable(candidate.text);
        if (!candidate.help.empty()) {
            cli.terminal().out << "\t" << printable(candidate.help);
        }
        cli.terminal().out << "\n";
    }
    cli.terminal().out << ":" << static_cast<int>(completion.directive) << "\n";
    return ExitCode::ok;
}

void define_script(CLI::App& command, ScriptArgs& args) {
    command.add_option("SHELL", args.shell, "bash, zsh or fish")->type_name("")->required();
}

void define_complete(CLI::App& command, CompleteArgs& args) {
    command.add_option("WORDS", args.words, "The line so far")->type_name("");
    command.prefix_command();
}

} // namespace

void add_completion_commands(Cli& cli) {
    cli.command<ScriptArgs>(
           cli.app(),
           "completion",
           "Print the completion script of a shell",
           define_script,
           run_script
    )
        ->group("Help")
        ->footer("Examples:\n"
                 "  source <(vbmcctl completion bash)\n"
                 "  vbmcctl completion zsh > \"${fpath[1]}/_vbmcctl\"\n"
                 "  vbmcctl completion fish > ~/.config/fish/completions/vbmcctl.fish");
    cli.command<CompleteArgs>(cli.app(), "__complete", "", define_complete, run_complete)
        ->group("");
}

} // namespace vbmc::ctl
