#include "vbmcctl/batch.h"
#include "vbmcctl/commands.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/progress.h"
#include "vbmcctl/resolve.h"
#include "vbmcctl/text.h"

#include <algorithm>
#include <array>
#include <ostream>
#include <thread>

namespace vbmc::ctl {

namespace {

using namespace std::chrono_literals;

struct Args {
    SelectionArgs selection;
    std::string condition;
    std::string timeout = "60s";
};

/// What a node is waited for.
struct Condition {
    enum class Kind { state, power, deleted } kind = Kind::state;
    api::NodeStatus::State state = api::NodeStatus::RUNNING;
    api::PowerState power = api::POWER_STATE_ON;
};

Result<Condition> parse_condition(const std::string& text) {
    static const std::vector<std::string> known = {
        "running", "stopped", "failed", "deleted", "power=on", "power=off"};
    Condition condition;
    if (text == "running" || text == "stopped" || text == "failed") {
        condition.state = text == "running"   ? api::NodeStatus::RUNNING
                          : text == "stopped" ? api::NodeStatus::STOPPED
                                              : api::NodeStatus::FAILED;
        return condition;
    }
    if (text == "deleted") {
        condition.kind = Condition::Kind::deleted;
        return condition;
    }
    if (text == "power=on" || text == "power=off") {
        condition.kind = Condition::Kind::power;
        condition.power = text == "power=on" ? api::POWER_STATE_ON : api::POWER_STATE_OFF;
        return condition;
    }
    return Error(
               ErrorCode::invalid_argument,
               "cannot wait for '" + text + "'" + did_you_mean(text, known)
    )
        .with_hint("--for is " + join(known, ", "));
}

struct Look {
    bool met = false;
    std::string seen; // for the message when time is up
};

/// The node as vbmcd has it; for power the backend is asked.
Result<Look> look(Client& client, const std::string& name, const Condition& condition) {
    if (condition.kind == Condition::Kind::power) {
        api::GetPowerRequest request;
        request.set_node(name);
        const auto power = client.call(&api::PowerService::Stub::GetPower, request);
        if (!power) {
            // A backend that does not answer now may do so later: that is what waiting is for.
            const bool later = power.error().code == ErrorCode::unavailable &&
                               power.error().reason != daemon_unreachable;
            return later ? Result<Look>(Look{false, power.error().message}) : power.error();
        }
        return Look{power->state() == condition.power, "power is " + power_text(power->state())};
    }
    api::GetNodeRequest request;
    request.set_name(name);
    const auto node = client.call(&api::NodeService::Stub::GetNode, request);
    if (!node) {
        const bool gone =
            condition.kind == Condition::Kind::deleted && node.error().code == ErrorCode::not_found;
        return gone ? Result<Look>(Look{true, "deleted"}) : node.error();
    }
    const std::string state = state_text(node->status().state());
    if (condition.kind == Condition::Kind::deleted) {
        return Look{false, "it is " + state};
    }
    return Look{node->status().state() == condition.state, "it is " + state};
}

struct Pending {
    std::string name;
    std::string seen;
};

/// Looks at all that are pending once; those that are settled leave the list.
void look_once(
    Client& client,
    const Condition& condition,
    std::vector<Pending>& pending,
    std::vector<ItemResult>& settled
) {
    std::erase_if(pending, [&](Pending& item) {
        const Result<Look> seen = look(client, item.name, condition);
        if (seen && !seen->met) {
            item.seen = seen->seen;
            return false;
        }
        ItemResult result;
        result.name = item.name;
        if (!seen) {
            result.error = seen.error();
        }
        settled.push_back(std::move(result));
        return true;
    });
}

ExitCode run_wait(Cli& cli, Args& args) {
    const Result<Condition> condition = parse_condition(args.condition);
    const Result<Duration> timeout = parse_duration(args.timeout);
    if (!condition || !timeout) {
        return cli.fail(condition ? timeout.error() : condition.error());
    }
    const Result<std::vector<std::string>> names = resolve_names(cli, args.selection);
    const Result<Client*> client = names ? cli.client() : names.error();
    if (!client) {
        return cli.fail(client.error());
    }
    std::vector<Pending> pending;
    for (const std::string& name : *names) {
        pending.push_back({name, {}});
    }
    std::vector<ItemResult> settled;
    const auto end = std::chrono::steady_clock::now() + *timeout;
    Duration pause = 100ms;
    while (true) {
        look_once(**client, *condition, pending, settled);
        const auto left = end - std::chrono::steady_clock::now();
        if (pending.empty() || left <= 0s) {
            break;
        }
        std::this_thread::sleep_for(std::min<Duration>(pause, left));
        pause = std::min<Duration>(pause * 2, 1s);
    }
    for (const Pending& item : pending) {
        ItemResult late;
        late.name = item.name;
        late.error = Error(
            ErrorCode::deadline_exceeded,
            "WAIT_TIMEOUT",
            "not " + args.condition + " after " + args.timeout + ": " + item.seen
        );
        settled.push_back(std::move(late));
    }
    return report_failures(cli, settled);
}

void define(CLI::App& command, Args& args) {
    add_selection(command, args.selection);
    command
        .add_option(
            "--for", args.condition, "running, stopped, failed, deleted, power=on or power=off"
        )
        ->type_name("WHAT")
        ->required();
    command.add_option("--timeout", args.timeout, "Give up after this time (60s)")
        ->type_name("TIME");
}

} // namespace

void add_wait_command(Cli& cli) {
    cli.command<Args>(cli.app(), "wait", "Wait until nodes are as wanted", define, run_wait)
        ->group("Nodes")
        ->footer("Ends with 0 when all are, with 8 when time is up.\n\n"
                 "Examples:\n"
                 "  vbmcctl wait n1 --for running\n"
                 "  vbmcctl power n1 soft && vbmcctl wait n1 --for power=off --timeout 5m");
}

} // namespace vbmc::ctl
