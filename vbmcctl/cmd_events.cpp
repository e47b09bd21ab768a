#include "vbmcctl/cli.h"
#include "vbmcctl/commands.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/progress.h"
#include "vbmcctl/ranges.h"
#include "vbmcctl/text.h"

#include <chrono>
#include <ctime>

namespace vbmc::ctl {

namespace {

struct Args {
    std::vector<std::string> names;
    std::string filter;
    std::string since;
    int limit = 0;
    bool follow = false;
};

Json event_document(const api::Event& event) {
    Json out = {
        {"sequence", event.sequence()},
        {"when", time_text(event.when())},
        {"kind", to_lower(api::Event::Kind_Name(event.kind()))},
        {"node", event.node()},
        {"who", event.who()},
        {"message", event.message()},
        {"fields", Json::object()}};
    const std::map<std::string, std::string> fields(event.fields().begin(), event.fields().end());
    for (const auto& [key, value] : fields) {
        out["fields"][key] = value;
    }
    return out;
}

std::vector<Column> event_columns() {
    std::vector<Column> columns = {
        column("when", "TIME", "when"),
        column("kind", "KIND", "kind"),
        column("node", "NODE", "node"),
        column("who", "WHO", "who"),
        column("message", "MESSAGE", "message"),
        column("fields", "FIELDS", "fields", true),
        column("sequence", "SEQUENCE", "sequence", true, true),
    };
    columns[0].text = [](const Json& row) { return local_time_text(row.value("when", "")); };
    return columns;
}

/// "10m" (ago) or an RFC 3339 time in UTC.
Result<google::protobuf::Timestamp> parse_since(const std::string& text) {
    google::protobuf::Timestamp out;
    std::tm utc{};
    const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
    if (end != nullptr && (*end == '\0' || *end == 'Z' || *end == '.')) {
        out.set_seconds(timegm(&utc));
        return out;
    }
    const Result<Duration> ago = parse_duration(text);
    if (!ago) {
        return Error(
                   ErrorCode::invalid_argument,
                   "--since is a duration or a time, not '" + text + "'"
        )
            .with_hint("10m, 2h, or 2026-01-31T12:00:00Z");
    }
    const auto when = std::chrono::system_clock::now().time_since_epoch() - *ago;
    out.set_seconds(std::chrono::duration_cast<std::chrono::seconds>(when).count());
    return out;
}

ExitCode
list_events(Cli& cli, Client& client, const std::vector<std::string>& names, const Args& args) {
    api::ListEventsRequest request;
    request.mutable_nodes()->Add(names.begin(), names.end());
    request.set_filter(args.filter);
    request.set_page_size(args.limit);
    if (!args.since.empty()) {
        const Result<google::protobuf::Timestamp> since = parse_since(args.since);
        if (!since) {
            return cli.fail(since.error());
        }
        *request.mutable_since() = *since;
    }
    const auto answer = client.call(&api::EventService::Stub::ListEvents, request);
    if (!answer) {
        return cli.fail(answer.error());
    }
    Listing listing;
    listing.columns = event_columns();
    listing.name_path = "node";
    for (const api::Event& event : answer->events()) {
        listing.rows.push_back(event_document(event));
    }
    if (listing.rows.empty() && cli.human()) {
        cli.terminal().note("nothing has happened");
        return ExitCode::ok;
    }
    return cli.print(std::move(listing));
}

ExitCode
follow_events(Cli& cli, Client& client, const std::vector<std::string>& names, const Args& args) {
    api::WatchEventsRequest request;
    request.mutable_nodes()->Add(names.begin(), names.end());
    request.set_filter(args.filter);
    RowStream rows(cli.terminal(), cli.output(), event_columns());
    grpc::ClientContext context;
    auto stream = client.stub<api::EventService::Stub>().WatchEvents(&context, request);
    api::WatchEventsResponse response;
    int shown = 0;
    while (stream->Read(&response)) {
        if (response.has_event()) {
            rows.write(event_document(response.event()));
            if (args.limit > 0 && ++shown == args.limit) {
                return ExitCode::ok;
            }
        } else if (response.has_resync()) {
            cli.terminal().warn("too much happened at once: some events were left out");
        }
    }
    const grpc::Status status = stream->Finish();
    return status.ok() ? ExitCode::ok : cli.fail(client.to_error(status));
}

ExitCode run_events(Cli& cli, Args& args) {
    const Result<Client*> client = cli.client();
    if (!client) {
        return cli.fail(client.error());
    }
    std::vector<std::string> names;
    for (const std::string& name : args.names) {
        const Result<std::vector<std::string>> expanded = expand_list(name);
        if (!expanded) {
            return cli.fail(expanded.error());
        }
        names.insert(names.end(), expanded->begin(), expanded->end());
    }
    if (args.follow && !args.since.empty()) {
        return cli.fail(Error(ErrorCode::invalid_argument, "--since does not go with -f")
                            .with_hint("list first, then follow"));
    }
    return args.follow ? follow_events(cli, **client, names, args)
                       : list_events(cli, **client, names, args);
}

void define(CLI::App& command, Args& args) {
    command.add_option("NAME", args.names, "Only of these nodes: names and ranges")->type_name("");
    command.add_option("--filter", args.filter, "Events that match, e.g. 'kind = POWER'")
        ->type_name("EXPR");
    command.add_option("--since", args.since, "Not older: 10m, 2h, or 2026-01-31T12:00:00Z")
        ->type_name("TIME");
    command.add_option("-n,--limit", args.limit, "The newest so many; with -f: end after so many")
        ->type_name("N")
        ->check(CLI::Range(1, 5000).description(""));
    command.add_flag("-f,--follow", args.follow, "Show what happens from now on");
}

} // namespace

void add_events_command(Cli& cli) {
    cli.command<Args>(
           cli.app(), "events", "Show what happened, or follow what happens", define, run_events
    )
        ->group("Fleet")
        ->footer("Kinds: node_added, node_changed, node_removed, state, power, action, session, "
                 "backend,\n"
                 "users, sel. A filter knows kind, node, who, message and fields.KEY.\n\n"
                 "Examples:\n"
                 "  vbmcctl events --since 1h\n"
                 "  vbmcctl events -f -o jsonl\n"
                 "  vbmcctl events n1 --filter 'kind = SESSION'");
}

} // namespace vbmc::ctl
