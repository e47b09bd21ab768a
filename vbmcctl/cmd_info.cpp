#include "vbmcctl/cli.h"
#include "vbmcctl/commands.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/progress.h"
#include "vbmcctl/text.h"

#include <cmath>
#include <ostream>

namespace vbmc::ctl {

namespace {

struct NoArgs {};

struct VersionArgs {
    bool client_only = false;
};

Json info_document(const api::ServerInfo& info) {
    Json out = {
        {"version", info.version()},
        {"api_version", info.api_version()},
        {"pid", info.pid()},
        {"started", time_text(info.started())},
        {"uptime_s", std::round(seconds_of(info.uptime()))},
        {"state_dir", info.state_dir()},
        {"listeners", std::vector<std::string>(info.listeners().begin(), info.listeners().end())},
        {"nodes",
         {{"total", info.nodes().total()},
          {"running", info.nodes().running()},
          {"failed", info.nodes().failed()},
          {"stopped", info.nodes().stopped()}}},
        {"caller",
         {{"identity", info.caller().identity()},
          {"roles",
           std::vector<std::string>(info.caller().roles().begin(), info.caller().roles().end())}}},
        {"config", Json::object()}};
    const std::map<std::string, std::string> config(info.config().begin(), info.config().end());
    for (const auto& [key, value] : config) {
        out["config"][key] = value;
    }
    return out;
}

void print_line(std::ostream& out, std::string key, const std::string& value) {
    key.resize(std::max<std::size_t>(key.size(), 12), ' ');
    out << key << " " << printable(value) << "\n";
}

void print_info(std::ostream& out, const Json& info) {
    const auto seconds = static_cast<long long>(info.value("uptime_s", 0.0));
    print_line(out, "vbmcd", info.value("version", "") + ", API " + info.value("api_version", ""));
    print_line(
        out,
        "running",
        "for " + duration_text(std::chrono::seconds(seconds)) + ", pid " + text_of(info["pid"])
    );
    print_line(out, "state", info.value("state_dir", ""));
    print_line(out, "listens at", join(info["listeners"].get<std::vector<std::string>>(), ", "));
    const Json& nodes = info["nodes"];
    print_line(
        out,
        "nodes",
        text_of(nodes["total"]) + ": " + text_of(nodes["running"]) + " running, " +
            text_of(nodes["failed"]) + " failed, " + text_of(nodes["stopped"]) + " stopped"
    );
    print_line(
        out,
        "you are",
        text_of(info["caller"]["identity"]) + " (" + text_of(info["caller"]["roles"]) + ")"
    );
    for (const auto& [key, value] : info["config"].items()) {
        print_line(out, "  " + key, text_of(value));
    }
}

ExitCode run_info(Cli& cli, NoArgs&) {
    const Result<Client*> client = cli.client();
    if (!client) {
        return cli.fail(client.error());
    }
    const auto info =
        (*client)->call(&api::ServerService::Stub::GetServerInfo, api::GetServerInfoRequest());
    if (!info) {
        return cli.fail(info.error());
    }
    if (cli.human() && cli.output().columns.empty()) {
        print_info(cli.terminal().out, info_document(*info));
        return ExitCode::ok;
    }
    Listing listing;
    listing.single = true;
    listing.name_path = "version";
    listing.columns = {
        column("version", "VERSION", "version"),
        column("nodes", "NODES", "nodes.total"),
        column("running", "RUNNING", "nodes.running"),
        column("failed", "FAILED", "nodes.failed"),
        column("stopped", "STOPPED", "nodes.stopped"),
        column("state_dir", "STATE-DIR", "state_dir"),
        column("pid", "PID", "pid"),
    };
    listing.rows.push_back(info_document(*info));
    return cli.print(std::move(listing));
}

ExitCode run_version(Cli& cli, VersionArgs& args) {
    Json versions = {{"client", VBMC_VERSION}};
    std::string trouble;
    if (!args.client_only) {
        const Result<Client*> client = cli.client();
        const auto info =
            client ? (*client)->call(
                         &api::ServerService::Stub::GetServerInfo, api::GetServerInfoRequest()
                     )
                   : Result<api::ServerInfo>(client.error());
        if (info) {
            versions["server"] = info->version();
            versions["api"] = info->api_version();
        } else {
            trouble = info.error().message;
        }
    }
    if (cli.human() && cli.output().columns.empty()) {
        cli.terminal().out << "vbmcctl " << VBMC_VERSION << "\n";
        if (versions.contains("server")) {
            cli.terminal().out << "vbmcd   " << printable(versions.value("server", "")) << "\n";
        } else if (!args.client_only) {
            cli.terminal().note(trouble);
        }
        return ExitCode::ok;
    }
    Listing listing;
    listing.single = true;
    listing.name_path = "client";
    listing.columns = {
        column("client", "CLIENT", "client"),
        column("server", "SERVER", "server"),
        column("api", "API", "api"),
    };
    listing.rows.push_back(std::move(versions));
    return cli.print(std::move(listing));
}

void define_none(CLI::App&, NoArgs&) {}

void define_version(CLI::App& command, VersionArgs& args) {
    command.add_flag("--client", args.client_only, "Do not ask vbmcd");
}

} // namespace

void add_info_commands(Cli& cli) {
    cli.command<NoArgs>(
           cli.app(),
           "info",
           "Show the daemon: version, nodes, who you are to it",
           define_none,
           run_info
    )
        ->group("Fleet");
    cli.command<VersionArgs>(
           cli.app(),
           "version",
           "Show the versions of vbmcctl and vbmcd",
           define_version,
           run_version
    )
        ->group("Help");
}

} // namespace vbmc::ctl
