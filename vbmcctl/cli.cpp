#include "vbmcctl/cli.h"

#include "vbmcctl/progress.h"
#include "vbmcctl/text.h"

#include <cstdlib>

namespace vbmc::ctl {

namespace {

/// Without a port gRPC would take 443, which is never vbmcd's.
bool has_port(const std::string& host) {
    const std::size_t colon = host.rfind(':');
    const std::size_t bracket = host.rfind(']'); // [::1]:6253
    const bool bare_ipv6 = bracket == std::string::npos && host.find(':') != colon;
    return colon != std::string::npos && colon > 0 && colon + 1 < host.size() && !bare_ipv6 &&
           host.find_first_not_of("0123456789", colon + 1) == std::string::npos;
}

/// What was typed beats what some profile exports; two that were typed are a mistake.
Result<void> choose_vbmcd(ConnectionOptions& c) {
    if (!c.socket.empty() && !c.host.empty()) {
        return Error(ErrorCode::invalid_argument, "--socket and --host are two vbmcds: give one")
            .with_hint("--socket is the vbmcd of this machine, --host one over the network");
    }
    const bool typed = !c.host.empty();
    const char* exported = std::getenv("VBMC_HOST");
    if (!typed && c.socket.empty() && exported != nullptr) {
        c.host = exported;
    }
    if (!c.host.empty() && !has_port(c.host)) {
        return Error(
                   ErrorCode::invalid_argument,
                   std::string(typed ? "--host" : "VBMC_HOST") + " is HOST:PORT, not '" + c.host +
                       "'"
        )
            .with_hint("the port is the one of `listen` in vbmcd.yaml; IPv6 is [ADDRESS]:PORT. "
                       "A backend's host is --option host=HOST");
    }
    return {};
}

} // namespace

Cli::Cli(CLI::App& app, Terminal& terminal) : app_(app), terminal_(terminal) {
    Globals& g = globals_;
    ConnectionOptions& c = g.connection;
    const char* connection = "Connection";
    app.add_option(
           "--socket",
           c.socket,
           "Control socket of vbmcd (VBMC_SOCKET; default " + std::string(default_socket) + ")"
    )
        ->type_name("PATH")
        ->group(connection);
    app.add_option("--host", c.host, "Connect by mutual TLS instead (VBMC_HOST)")
        ->type_name("HOST:PORT")
        ->group(connection);
    app.add_option("--tls-ca", c.tls_ca, "CA that signed vbmcd's certificate")
        ->type_name("FILE")
        ->envname("VBMC_TLS_CA")
        ->group(connection);
    app.add_option("--tls-cert", c.tls_cert, "Certificate to show")
        ->type_name("FILE")
        ->envname("VBMC_TLS_CERT")
        ->group(connection);
    app.add_option("--tls-key", c.tls_key, "Its key")
        ->type_name("FILE")
        ->envname("VBMC_TLS_KEY")
        ->group(connection);
    app.add_option("--tls-name", c.tls_name, "Name in vbmcd's certificate, when it is not HOST")
        ->type_name("NAME")
        ->group(connection);
    app.add_option("--request-timeout", g.request_timeout, "How long to wait for one answer (60s)")
        ->type_name("TIME")
        ->group(connection);
    const char* output = "Output";
    app.add_option("-o,--output", g.format, "table, wide, json, jsonl, yaml, csv or name")
        ->type_name("FORMAT")
        ->group(output);
    app.add_option("-c,--columns", g.columns, "Columns to show, joined by commas")
        ->type_name("COLS")
        ->group(output);
    app.add_option("--sort", g.output.sort, "Column to sort by; -COL is descending")
        ->type_name("COL")
        ->group(output);
    app.add_flag("--no-header", g.no_header, "Leave the header line out")->group(output);
    app.add_option("--color", g.color, "auto, always or never (also: NO_COLOR)")
        ->type_name("WHEN")
        ->group(output);
    app.add_flag("-q,--quiet", g.quiet, "Only errors, and what was asked for")->group(output);
    const char* bulk = "Bulk";
    app.add_flag("-y,--yes", g.yes, "Do not ask before a change to more than 20 nodes")
        ->group(bulk);
    app.add_option("-j,--jobs", g.jobs, "How many nodes at a time")
        ->type_name("N")
        ->check(CLI::Range(1, 1024).description(""))
        ->group(bulk);
}

Result<void> Cli::settle_globals() {
    const Result<ColorMode> color = parse_color_mode(globals_.color);
    if (!color) {
        return color.error();
    }
    terminal_.set_color(*color);
    terminal_.quiet = globals_.quiet;
    const Result<Format> format = parse_format(globals_.format);
    if (!format) {
        return format.error();
    }
    if (const Result<void> chosen = choose_vbmcd(globals_.connection); !chosen) {
        return chosen.error();
    }
    globals_.output.format = *format;
    globals_.output.header = !globals_.no_header;
    if (!globals_.columns.empty()) {
        globals_.output.columns = split(globals_.columns, ',');
    }
    if (!globals_.request_timeout.empty()) {
        const Result<Duration> timeout = parse_duration(globals_.request_timeout);
        if (!timeout) {
            return timeout.error();
        }
        globals_.connection.timeout = *timeout;
    }
    return {};
}

Result<Client*> Cli::client() {
    if (!client_) {
        Result<std::unique_ptr<Client>> made = Client::make(globals_.connection);
        if (!made) {
            return made.error();
        }
        client_ = std::move(*made);
    }
    return client_.get();
}

ExitCode Cli::run() {
    if (const Result<void> settled = settle_globals(); !settled) {
        return fail(settled.error());
    }
    if (!action_) {
        terminal_.err << app_.help();
        return ExitCode::usage;
    }
    return action_();
}

ExitCode Cli::fail(const Error& error, std::string_view subject) const {
    terminal_.report(error, subject);
    return exit_code_of(error);
}

ExitCode Cli::print(Listing listing) const {
    const Result<void> written = write_listing(terminal_, globals_.output, std::move(listing));
    return written ? ExitCode::ok : fail(written.error());
}

void add_property_options(CLI::App& command, SelectionArgs& args) {
    const char* group = "Selection";
    add_repeated(command, "-l,--selector", args.labels, "Nodes with these labels: rack=7,role!=db")
        ->type_name("LABELS")
        ->group(group);
    command.add_option("--filter", args.filter, "Nodes that match, e.g. 'status.power = ON'")
        ->type_name("EXPR")
        ->group(group);
    command.add_flag("--all", args.all, "All nodes")->group(group);
}

void add_selection(CLI::App& command, SelectionArgs& args) {
    command.add_option("NAME", args.names, "Names, globs, ranges such as node[001-100]")
        ->type_name("");
    add_property_options(command, args);
}

CLI::Option* add_repeated(
    CLI::App& command,
    const std::string& flags,
    std::vector<std::string>& values,
    const std::string& help
) {
    return command.add_option(flags, values, help)
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

Result<std::pair<std::string, std::string>>
parse_pair(std::string_view what, const std::string& text) {
    const std::size_t sign = text.find('=');
    if (sign == std::string::npos || sign == 0) {
        return Error(
            ErrorCode::invalid_argument, std::string(what) + " is KEY=VALUE, not '" + text + "'"
        );
    }
    return std::pair(text.substr(0, sign), text.substr(sign + 1));
}

} // namespace vbmc::ctl
