#include "vbmcctl/backend_schema.h"
#include "vbmcctl/cli.h"
#include "vbmcctl/commands.h"
#include "vbmcctl/text.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <memory>

namespace vbmc::ctl {

namespace {

/// Options as a manual shows them: what they take, and nothing of how they are checked.
class HelpFormatter final : public CLI::Formatter {
  public:
    std::string make_option_opts(const CLI::Option* option) const override {
        const std::string type = option->get_type_name();
        return (type.empty() ? "" : " " + type) + (option->get_required() ? " (required)" : "");
    }

    std::string make_option_usage(const CLI::Option* option) const override {
        const std::string name = option->get_name(true);
        const bool many = option->get_expected_max() > 1 && name.find("...") == std::string::npos;
        const std::string shown = many ? name + "..." : name;
        return option->get_required() || shown.starts_with('[') ? shown : "[" + shown + "]";
    }
};

/// `__complete` takes its words as they are: half-typed lines are no errors.
bool is_completion(const std::vector<std::string>& words) {
    return !words.empty() && words.front() == "__complete";
}

/// `vbmcctl help power` is `vbmcctl power --help`.
std::vector<std::string> without_help_word(const CLI::App& app, std::vector<std::string> words) {
    const std::vector<std::string> path = command_path(app, words);
    if (!path.empty() && path.front() == "help") {
        words.erase(std::find(words.begin(), words.end(), "help"));
        words.emplace_back("--help");
    }
    return words;
}

/// `ipmitool NAME -- ARGS`: ARGS are not ours to parse.
std::vector<std::string> cut_at_dashes(Cli& cli, std::vector<std::string> words) {
    const auto dashes = std::find(words.begin(), words.end(), "--");
    const std::vector<std::string> path = command_path(cli.app(), words);
    if (dashes != words.end() && !path.empty() && path.front() == "ipmitool") {
        cli.after_dashes().assign(dashes + 1, words.end());
        words.erase(dashes, words.end());
    }
    return words;
}

void add_all_commands(Cli& cli) {
    add_add_command(cli);
    add_apply_commands(cli);
    add_list_commands(cli);
    add_set_command(cli);
    add_edit_command(cli);
    add_lifecycle_commands(cli);
    add_wait_command(cli);
    add_power_command(cli);
    add_boot_command(cli);
    add_console_command(cli);
    add_sensors_command(cli);
    add_sel_command(cli);
    add_users_command(cli);
    add_sessions_command(cli);
    add_top_command(cli);
    add_ipmitool_command(cli);
    add_events_command(cli);
    add_backend_commands(cli);
    add_discover_command(cli);
    add_source_commands(cli);
    add_info_commands(cli);
    add_completion_commands(cli);
}

/// The deepest command that was recognised.
const CLI::App& parsed_command(const CLI::App& app) {
    const CLI::App* at = &app;
    while (!at->get_subcommands().empty()) {
        at = at->get_subcommands().front();
    }
    return *at;
}

std::string path_of(const CLI::App& command) {
    const CLI::App* parent = command.get_parent();
    return parent == nullptr ? "vbmcctl" : path_of(*parent) + " " + command.get_name();
}

std::vector<std::string> option_names(const CLI::App& app, const CLI::App& command) {
    std::vector<std::string> names;
    for (const CLI::App* from : {&command, &app}) {
        for (const CLI::Option* option : from->get_options()) {
            for (const std::string& name : option->get_lnames()) {
                names.push_back("--" + name);
            }
        }
    }
    return names;
}

std::vector<std::string> command_names(const CLI::App& command) {
    std::vector<std::string> names;
    for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
        if (!sub->get_group().empty()) {
            names.push_back(sub->get_name());
        }
    }
    return names;
}

Error unexpected_word(const CLI::App& app, const std::string& word) {
    const CLI::App& command = parsed_command(app);
    if (word.starts_with('-') && word.size() > 1) {
        return Error(
            ErrorCode::invalid_argument,
            "unknown option '" + word + "'" +
                did_you_mean(word.substr(0, word.find('=')), option_names(app, command))
        );
    }
    const std::vector<std::string> commands = command_names(command);
    if (!commands.empty()) {
        return Error(
            ErrorCode::invalid_argument,
            "unknown command '" + word + "'" + did_you_mean(word, commands)
        );
    }
    return Error(ErrorCode::invalid_argument, "'" + word + "' is one word too many");
}

ExitCode report_usage(const Cli& cli, const CLI::App& app, const Error& error) {
    Error complete = error;
    if (complete.hint.empty()) {
        complete.hint = "`" + path_of(parsed_command(app)) + " --help` shows how";
    }
    return cli.fail(complete);
}

ExitCode run(Cli& cli, CLI::App& app, std::vector<std::string> words) {
    try {
        if (!is_completion(words)) {
            words = cut_at_dashes(cli, without_help_word(app, std::move(words)));
            words = fold_unknown_options(app, words);
        }
        std::vector<std::string> reversed(words.rbegin(), words.rend());
        app.parse(reversed);
    } catch (const CLI::CallForHelp&) {
        const CLI::App& command = parsed_command(app);
        const CLI::App* parent = command.get_parent();
        std::cout << command.help(parent == nullptr ? "" : path_of(*parent));
        return ExitCode::ok;
    } catch (const CLI::CallForVersion&) {
        std::cout << "vbmcctl " << VBMC_VERSION << "\n";
        return ExitCode::ok;
    } catch (const CLI::ExtrasError&) {
        const std::vector<std::string> rest = app.remaining(true);
        return report_usage(cli, app, unexpected_word(app, rest.empty() ? "" : rest.front()));
    } catch (const CLI::ParseError& problem) {
        return report_usage(cli, app, Error(ErrorCode::invalid_argument, problem.what()));
    }
    return cli.run();
}

} // namespace

} // namespace vbmc::ctl

int main(int argc, char** argv) {
    using namespace vbmc::ctl;
    // A reader that has seen enough (`vbmcctl list | head`) ends us quietly.
    std::signal(SIGPIPE, SIG_DFL);
    use_utf8_locale();
    Terminal terminal = Terminal::standard();
    CLI::App app("vbmcctl - control emulated BMCs", "vbmcctl");
    // One command a line: `users n1 add bob` is not `add bob`, and a node may be called "list".
    app.require_subcommand(0, 1);
    app.set_help_flag("-h,--help", "Show help");
    app.set_version_flag("--version", VBMC_VERSION);
    const auto formatter = std::make_shared<HelpFormatter>();
    formatter->column_width(34);
    app.formatter(formatter);
    app.footer("Nodes are selected by names, globs ('db*'), ranges (node[001-100]), -l LABELS, "
               "--filter or --all.\n"
               "Ends with 0 done, 1 failed, 2 wrong use, 3 not found, 4 not allowed, 5 conflict, 6 "
               "partly failed,\n"
               "7 vbmcd does not answer, 8 time is up.\n\n"
               "A first try:\n"
               "  vbmcctl add n1 --backend sim");
    Cli cli(app, terminal);
    add_all_commands(cli);
    const std::vector<std::string> words(argv + 1, argv + argc);
    ExitCode code = run(cli, app, words);
    std::cout.flush();
    if (!std::cout) { // a full disk: what a script reads is not all there is
        const vbmc::Error lost(vbmc::ErrorCode::internal, "the output could not be written");
        terminal.report(lost);
        code = code == ExitCode::ok ? ExitCode::failed : code;
    }
    return static_cast<int>(code);
}
