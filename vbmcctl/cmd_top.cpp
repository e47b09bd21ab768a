#include "vbmcctl/commands.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/resolve.h"
#include "vbmcctl/text.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <ostream>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

namespace vbmc::ctl {

namespace {

using Clock = std::chrono::steady_clock;

struct Args {
    SelectionArgs selection;
    double interval = 2;
    unsigned times = 0; // 0: until it is interrupted, or once where nobody watches
};

/// One look at all nodes, and the counters that the next look is compared with.
struct Sample {
    Clock::time_point at;
    std::vector<api::Node> nodes;
};

struct Totals {
    std::size_t running = 0;
    std::size_t on = 0;
    std::size_t failed = 0;
    unsigned sessions = 0;
    double packets_s = 0;
    double drops_s = 0;
};

std::vector<Column> top_columns() {
    std::vector<Column> columns = {
        column("name", "NAME", "name"),
        column("state", "STATE", "state"),
        column("power", "POWER", "power"),
        column("age", "AGE", "power_age_s", false, true),
        column("sessions", "SESSIONS", "sessions", false, true),
        column("packets", "PACKETS/S", "packets_s", false, true),
        column("drops", "DROPS/S", "drops_s", false, true),
        column("total", "PACKETS", "packets", true, true),
        column("error", "ERROR", "last_error"),
    };
    columns[1].style = state_style;
    columns[2].style = power_style;
    return columns;
}

double rounded(double value) {
    return std::round(value * 10) / 10;
}

/// What a counter rose by a second; a node that was made anew begins at 0 again.
double rate(std::uint64_t before, std::uint64_t now, double seconds) {
    return now < before || seconds <= 0 ? 0 : static_cast<double>(now - before) / seconds;
}

Result<Sample> take(Cli& cli, const SelectionArgs& selection) {
    Result<ResolvedNodes> resolved = resolve_nodes(cli, selection, true);
    if (!resolved) {
        return resolved.error();
    }
    if (!resolved->missing.empty()) {
        return missing_node(cli, resolved->missing.front());
    }
    return Sample{Clock::now(), std::move(resolved->nodes)};
}

std::vector<Json> compare(const Sample& before, const Sample& now, Totals& totals) {
    std::map<std::string, const api::Node*> known;
    for (const api::Node& node : before.nodes) {
        known[node.uid()] = &node;
    }
    const double seconds = std::chrono::duration<double>(now.at - before.at).count();
    std::vector<Json> rows;
    for (const api::Node& node : now.nodes) {
        const auto old = known.find(node.uid());
        const api::NodeStatus& status = node.status();
        const api::NodeStatus& then = old == known.end() ? status : old->second->status();
        const double packets = rate(then.packets_in(), status.packets_in(), seconds);
        const double drops = rate(then.packets_dropped(), status.packets_dropped(), seconds);
        totals.running += status.state() == api::NodeStatus::RUNNING ? 1 : 0;
        totals.failed += status.state() == api::NodeStatus::FAILED ||
                                 status.state() == api::NodeStatus::QUARANTINED
                             ? 1
                             : 0;
        totals.on += status.power() == api::POWER_STATE_ON ? 1 : 0;
        totals.sessions += status.sessions();
        totals.packets_s += packets;
        totals.drops_s += drops;
        Json row = {
            {"name", node.name()},
            {"state", state_text(status.state())},
            {"power", power_text(status.power())},
            {"sessions", status.sessions()},
            {"packets_s", rounded(packets)},
            {"drops_s", rounded(drops)},
            {"packets", status.packets_in()},
        };
        if (status.has_power_age()) {
            row["power_age_s"] = rounded(seconds_of(status.power_age()));
        }
        if (!status.last_error().empty()) {
            row["last_error"] = status.last_error();
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

std::size_t screen_lines() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 5 ? size.ws_row : 25;
}

std::string headline(const Totals& totals, std::size_t nodes) {
    return counted(nodes, "node") + ": " + std::to_string(totals.running) + " running, " +
           std::to_string(totals.failed) + " failed, " + std::to_string(totals.on) + " on; " +
           counted(totals.sessions, "session") + ", " +
           std::to_string(std::llround(totals.packets_s)) + " packets/s, " +
           std::to_string(std::llround(totals.drops_s)) + " dropped/s";
}

/// The busiest first, unless another order was asked for; on a screen what fits on it.
ExitCode show(Cli& cli, std::vector<Json> rows, const Totals& totals, bool live) {
    const std::size_t all = rows.size();
    if (cli.output().sort.empty()) {
        std::stable_sort(rows.begin(), rows.end(), [](const Json& a, const Json& b) {
            return a["packets_s"].get<double>() > b["packets_s"].get<double>();
        });
        const std::size_t most = screen_lines() - 4;
        if (live && rows.size() > most) {
            rows.resize(most);
        }
    }
    std::ostream& out = cli.terminal().out;
    if (live) {
        out << "\x1b[H\x1b[J";
    }
    if (cli.human()) {
        out << headline(totals, all) << "\n\n";
    }
    Listing listing;
    listing.columns = top_columns();
    listing.rows = std::move(rows);
    const ExitCode printed = cli.print(std::move(listing));
    out.flush();
    return printed;
}

ExitCode run_top(Cli& cli, Args& args) {
    if (args.interval < 0.1 || args.interval > 3600) {
        return cli.fail(
            Error(ErrorCode::invalid_argument, "--interval is between 0.1 and 3600 seconds")
        );
    }
    const bool live = cli.human() && cli.terminal().out_is_tty && args.times != 1;
    const unsigned times = args.times != 0 || live ? args.times : 1;
    Result<Sample> before = take(cli, args.selection);
    for (unsigned shown = 0; before && (times == 0 || shown < times); ++shown) {
        std::this_thread::sleep_for(std::chrono::duration<double>(args.interval));
        Result<Sample> now = take(cli, args.selection);
        if (!now) {
            return cli.fail(now.error());
        }
        Totals totals;
        const ExitCode printed = show(cli, compare(*before, *now, totals), totals, live);
        if (printed != ExitCode::ok) {
            return printed;
        }
        before = std::move(now);
    }
    return before ? ExitCode::ok : cli.fail(before.error());
}

void define_top(CLI::App& command, Args& args) {
    add_selection(command, args.selection);
    command.add_option("-d,--interval", args.interval, "Seconds between two looks (2)")
        ->type_name("S");
    command.add_option("-n,--times", args.times, "How often; else for ever on a terminal, or once")
        ->type_name("N");
}

} // namespace

void add_top_command(Cli& cli) {
    cli.command<Args>(
           cli.app(), "top", "Show which BMCs are busy, again and again", define_top, run_top
    )
        ->group("Nodes")
        ->footer("Columns: name, state, power, age, sessions, packets, drops, total, error. The "
                 "busiest come first;\n--sort chooses another order.\n\n"
                 "Examples:\n"
                 "  vbmcctl top\n"
                 "  vbmcctl top -l rack=7 --sort -sessions\n"
                 "  vbmcctl top -n 1 -d 10 -o json");
}

} // namespace vbmc::ctl
