#pragma once
// What every command gets: the global options, the terminal, the connection; and how a command is
// added. One object, made by main.

#include "vbmcctl/client.h"
#include "vbmcctl/exit_code.h"
#include "vbmcctl/output.h"
#include "vbmcctl/selection.h"
#include "vbmcctl/terminal.h"

#include <CLI/App.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace vbmc::ctl {

struct Globals {
    ConnectionOptions connection;
    std::string request_timeout;
    OutputOptions output;
    std::string format = "table";
    std::string columns;
    std::string color = "auto";
    bool no_header = false;
    bool yes = false;
    bool quiet = false;
    unsigned jobs = 0; // 0: the daemon's choice
};

class Cli {
  public:
    Cli(CLI::App& app, Terminal& terminal);

    Cli(const Cli&) = delete;
    Cli& operator=(const Cli&) = delete;

    CLI::App& app() { return app_; }

    Terminal& terminal() { return terminal_; }

    Globals& globals() { return globals_; }

    /// The words behind "--", of commands that hand them on as they are.
    std::vector<std::string>& after_dashes() { return after_dashes_; }

    const OutputOptions& output() const { return globals_.output; }

    bool human() const {
        return globals_.output.format == Format::table || globals_.output.format == Format::wide;
    }

    /// The connection; made on first use.
    Result<Client*> client();

    /// Adds a command below `parent`. `define` declares options that write into the arguments;
    /// `run` is called when all are parsed.
    template <class Args>
    CLI::App* command(
        CLI::App& parent,
        const std::string& name,
        const std::string& help,
        void (*define)(CLI::App&, Args&),
        ExitCode (*body)(Cli&, Args&)
    ) {
        CLI::App* made = parent.add_subcommand(name, help);
        made->fallthrough();
        auto args = std::make_shared<Args>();
        define(*made, *args);
        made->callback([this, args, body] {
            action_ = [this, args, body] { return body(*this, *args); };
        });
        return made;
    }

    /// Checks the global options, then does what was asked for; usage when nothing was.
    ExitCode run();

    /// Reports and says how to end.
    ExitCode fail(const Error& error, std::string_view subject = {}) const;

    /// Writes the listing, or reports why not.
    ExitCode print(Listing listing) const;

  private:
    Result<void> settle_globals();

    CLI::App& app_;
    Terminal& terminal_;
    Globals globals_;
    std::vector<std::string> after_dashes_;
    std::unique_ptr<Client> client_;
    std::function<ExitCode()> action_;
};

/// Declares -l, --filter and --all.
void add_property_options(CLI::App& command, SelectionArgs& args);

/// Declares NAME... (any number), -l, --filter and --all.
void add_selection(CLI::App& command, SelectionArgs& args);

/// A list option that takes one value each time it is given.
CLI::Option* add_repeated(
    CLI::App& command,
    const std::string& flags,
    std::vector<std::string>& values,
    const std::string& help
);

/// "key=value" as a pair; `what` names the option in the error.
Result<std::pair<std::string, std::string>>
parse_pair(std::string_view what, const std::string& text);

} // namespace vbmc::ctl
