#include "vbmcctl/commands.h"
#include "vbmcctl/fan_out.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/progress.h"
#include "vbmcctl/text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ostream>

namespace vbmc::ctl {

namespace {

struct Args {
    std::vector<std::string> words;
    SelectionArgs selection;
};

constexpr std::size_t ids_max = 64;

Column idle_column() {
    Column shown = column("idle", "IDLE", "idle_s", false, true);
    shown.text = [](const Json& row) {
        const Json* idle = find(row, "idle_s");
        return idle == nullptr ? std::string()
                               : duration_text(Duration(std::llround(idle->get<double>() * 1e9)));
    };
    return shown;
}

std::string hex_id(std::uint32_t id) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "0x%08x", id);
    return text.data();
}

ExitCode list_sessions(Cli& cli, const SelectionArgs& selection) {
    const auto answers =
        fan_out(cli, selection, &api::SessionService::Stub::AsyncListSessions, "sessions");
    if (!answers) {
        return cli.fail(answers.error());
    }
    Listing listing;
    listing.name_path = "id";
    listing.columns = {
        column("id", "ID", "id"),
        column("user", "USER", "user"),
        column("privilege", "PRIVILEGE", "privilege"),
        column("peer", "FROM", "peer"),
        column("suite", "SUITE", "cipher_suite", false, true),
        idle_column(),
    };
    show_node_column(listing, answers->names.size());
    for (std::size_t i = 0; i < answers->names.size(); ++i) {
        if (!answers->answers[i]) {
            continue;
        }
        for (const api::Session& session : answers->answers[i]->sessions()) {
            listing.rows.push_back(
                {{"node", answers->names[i]},
                 {"id", hex_id(session.id())},
                 {"user", session.user()},
                 {"privilege", privilege_text(session.privilege())},
                 {"peer", session.peer()},
                 {"cipher_suite", session.cipher_suite()},
                 {"idle_s", std::round(seconds_of(session.idle()) * 1000) / 1000}}
            );
        }
    }
    const ExitCode failed = report_failures(cli, answers->items);
    if (listing.rows.empty() && cli.human()) {
        if (failed == ExitCode::ok) {
            cli.terminal().note("nobody is logged in");
        }
        return failed;
    }
    const ExitCode printed = cli.print(std::move(listing));
    return printed == ExitCode::ok ? failed : printed;
}

Result<std::uint32_t> parse_id(const std::string& text) {
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    const char* first = text.data() + (hex ? 2 : 0);
    const char* last = text.data() + text.size();
    std::uint32_t id = 0;
    const auto [end, error] = std::from_chars(first, last, id, hex ? 16 : 10);
    if (error != std::errc() || end != last) {
        return Error(ErrorCode::invalid_argument, "'" + text + "' is no session id")
            .with_hint("`vbmcctl sessions NAME` shows them");
    }
    return id;
}

/// The ids that `kick all` means.
Result<std::vector<std::uint32_t>> live_ids(Client& client, const std::string& node) {
    api::ListSessionsRequest request;
    request.set_node(node);
    const auto sessions = client.call(&api::SessionService::Stub::ListSessions, request);
    if (!sessions) {
        return sessions.error();
    }
    std::vector<std::uint32_t> ids;
    for (const api::Session& session : sessions->sessions()) {
        ids.push_back(session.id());
    }
    return ids;
}

Result<std::size_t>
kick_node(Client& client, const std::string& node, const std::vector<std::string>& operands) {
    std::vector<std::uint32_t> ids;
    const bool all = operands.size() == 1 && operands.front() == "all";
    if (all) {
        Result<std::vector<std::uint32_t>> live = live_ids(client, node);
        if (!live) {
            return live.error();
        }
        ids = std::move(*live);
    }
    for (const std::string& text : all ? std::vector<std::string>() : operands) {
        const Result<std::uint32_t> id = parse_id(text);
        if (!id) {
            return id.error();
        }
        ids.push_back(*id);
    }
    for (const std::uint32_t id : ids) {
        api::CloseSessionRequest request;
        request.set_node(node);
        request.set_id(id);
        const auto closed = client.call(&api::SessionService::Stub::CloseSession, request);
        // One that ended by itself in the meantime is what was wanted.
        if (!closed && !(all && closed.error().code == ErrorCode::not_found)) {
            return closed.error();
        }
    }
    return ids.size();
}

ExitCode kick(Cli& cli, const SelectionArgs& selection, const std::vector<std::string>& operands) {
    if (operands.empty()) {
        return cli.fail(Error(ErrorCode::invalid_argument, "kick needs session ids, or all")
                            .with_hint("`vbmcctl sessions NAME` shows them"));
    }
    const Result<std::vector<std::string>> names = resolve_names(cli, selection);
    if (!names) {
        return cli.fail(names.error());
    }
    const Result<Client*> client = cli.client();
    if (!client) {
        return cli.fail(client.error());
    }
    if (!confirm(cli, "end sessions of", names->size())) {
        return ExitCode::failed;
    }
    std::vector<ItemResult> items;
    std::size_t ended = 0;
    for (const std::string& name : *names) {
        ItemResult& item = items.emplace_back();
        item.name = name;
        const Result<std::size_t> kicked = kick_node(**client, name, operands);
        if (!kicked) {
            item.error = kicked.error();
        }
        ended += kicked ? *kicked : 0;
    }
    const ExitCode failed = report_failures(cli, items);
    if (failed == ExitCode::ok && !cli.globals().quiet) {
        cli.terminal().out << counted(ended, "session") << " ended\n";
    }
    return failed;
}

ExitCode run_sessions(Cli& cli, Args& args) {
    const VerbArgs split =
        split_at_verb(args.words, {"list", "kick"}, args.selection.by_property(), ids_max);
    args.selection.names = split.names;
    if (split.verb == "kick") {
        return kick(cli, args.selection, split.operands);
    }
    for (const std::string& word : split.operands) { // `sessions list n1 n2`
        args.selection.names.push_back(word);
    }
    return list_sessions(cli, args.selection);
}

void define(CLI::App& command, Args& args) {
    command
        .add_option(
            "NAME... [list | kick ID...|all]",
            args.words,
            "Nodes, then list (the default), or kick and session ids or all"
        )
        ->type_name("");
    add_property_options(command, args.selection);
}

} // namespace

void add_sessions_command(Cli& cli) {
    cli.command<Args>(cli.app(), "sessions", "Show or end IPMI sessions", define, run_sessions)
        ->group("Access")
        ->footer("Examples:\n  vbmcctl sessions n1\n  vbmcctl sessions n1 kick 0x5f3a0001\n"
                 "  vbmcctl sessions --all kick all");
}

} // namespace vbmc::ctl
