#include "control/bulk.h"
#include "control/convert.h"
#include "control/subjects.h"

#include <algorithm>
#include <set>

namespace vbmc::control {

namespace {

constexpr u32 parallelism_default = 64;
constexpr int names_max = 100'000;

using Verb = v1::BatchNodesRequest::VerbCase;

const char* verb_name(Verb verb) {
    switch (verb) {
    case Verb::kStart:
        return "StartNode";
    case Verb::kStop:
        return "StopNode";
    case Verb::kRestart:
        return "RestartNode";
    case Verb::kDelete:
        return "DeleteNode";
    case Verb::kGetPower:
        return "GetPower";
    case Verb::kSetPower:
        return "SetPower";
    case Verb::kSetBoot:
        return "SetBoot";
    case Verb::kClearSel:
        return "ClearSel";
    case Verb::VERB_NOT_SET:
        break;
    }
    return "";
}

Error missing(const char* field, const char* message) {
    return Error(ErrorCode::invalid_argument, "BAD_FIELD", message).with_field(field);
}

/// All that does not depend on a node is checked before the first node is touched.
struct Work {
    Verb verb = Verb::VERB_NOT_SET;
    bmc::PowerAction action{};
    bmc::BootRequest boot;
};

Result<Work> read_work(const v1::BatchNodesRequest& request) {
    Work work;
    work.verb = request.verb_case();
    if (work.verb == Verb::VERB_NOT_SET) {
        return missing("verb", "a verb is missing");
    }
    if (work.verb == Verb::kSetPower) {
        const auto action = to_action(request.set_power());
        if (!action) {
            return action.error().with_field("set_power");
        }
        work.action = *action;
    }
    if (work.verb == Verb::kSetBoot) {
        const auto boot = to_boot(request.set_boot());
        if (!boot) {
            return boot.error().with_field("set_boot.device");
        }
        work.boot = *boot;
    }
    return work;
}

Awaitable<Result<std::vector<std::string>>>
read_names(Core& core, const v1::BatchNodesRequest& request) {
    const bool by_name = request.names_size() > 0;
    if (by_name == !request.filter().empty()) {
        co_return missing("names", "either names or a filter says which nodes (\"*\" is all)");
    }
    std::vector<std::string> names;
    if (by_name) {
        if (request.names_size() > names_max) {
            co_return missing("names", "more than 100000 names");
        }
        std::set<std::string> seen;
        for (const std::string& name : request.names()) {
            if (seen.insert(name).second) {
                names.push_back(name);
            }
        }
        co_return names;
    }
    const auto filter = parse_node_filter(request.filter());
    if (!filter) {
        co_return filter.error();
    }
    const std::vector<fleet::NodeView> nodes = co_await core.fleet.list();
    for (const fleet::NodeView& node : nodes) {
        if (matches(*filter, node)) {
            names.push_back(node.spec.name);
        }
    }
    co_return names;
}

/// What the work of all nodes shares; lives in batch_nodes' frame.
struct Batch {
    Batch(Core& core_, Caller caller_, BatchStream& stream_, Work work_, u32 most)
        : core(core_), caller(std::move(caller_)), stream(stream_), work(work_),
          workers(core_.control, most), writing(core_.control, 1) {}

    Core& core;
    Caller caller;
    BatchStream& stream;
    Work work;
    Gate workers;
    Gate writing;
    u32 done = 0;
    u32 failed = 0;
    bool gone = false; // nobody reads the results any more
};

Result<void> dropped(const Result<fleet::NodeView>& result) {
    return result ? Result<void>() : Result<void>(result.error());
}

Awaitable<Result<void>> power_one(Batch& batch, std::string name, v1::BatchResult& result) {
    Result<bmc::PowerState> state = bmc::PowerState::unknown;
    if (batch.work.verb == Verb::kGetPower) {
        state = co_await batch.core.fleet.get_power(name);
    } else {
        state = co_await batch.core.fleet.set_power(name, batch.work.action, batch.caller.identity);
    }
    if (!state) {
        co_return state.error();
    }
    result.set_power(to_proto(*state));
    co_return Result<void>();
}

Awaitable<Result<void>> do_one(Batch& batch, std::string name, v1::BatchResult& result) {
    fleet::Fleet& fleet = batch.core.fleet;
    switch (batch.work.verb) {
    case Verb::kStart: {
        auto node = co_await fleet.set_enabled(name, true, batch.caller.identity);
        co_return dropped(node);
    }
    case Verb::kStop: {
        auto node = co_await fleet.set_enabled(name, false, batch.caller.identity);
        co_return dropped(node);
    }
    case Verb::kRestart: {
        auto node = co_await fleet.restart(name);
        co_return dropped(node);
    }
    case Verb::kDelete:
        co_return co_await fleet.remove(name, "", batch.caller.identity);
    case Verb::kGetPower:
    case Verb::kSetPower:
        co_return co_await power_one(batch, name, result);
    case Verb::kSetBoot:
        co_return co_await fleet.set_boot(name, batch.work.boot, batch.caller.identity);
    case Verb::kClearSel:
        co_return co_await fleet.clear_sel(name, batch.caller.identity);
    case Verb::VERB_NOT_SET:
        break;
    }
    co_return Error(ErrorCode::internal, "no verb");
}

Awaitable<void> run_one(Batch& batch, std::string name) {
    v1::BatchNodesResponse message;
    v1::BatchResult& result = *message.mutable_result();
    result.set_name(name);
    Result<void> done;
    try {
        done = co_await do_one(batch, name, result);
    } catch (const std::exception& error) {
        log(Level::error, "control.exception", {{"call", "BatchNodes"}, {"what", error.what()}});
        done = Error(ErrorCode::internal, "a bug in vbmcd, see its log");
    }
    if (batch.work.verb != Verb::kGetPower) {
        audit(batch.caller, verb_name(batch.work.verb), name, done);
    }
    if (!done) {
        *result.mutable_error() = to_rpc_status(done.error(), name);
    }
    ++(done ? batch.done : batch.failed);

    co_await batch.writing.enter();
    if (!batch.gone) {
        const bool written = co_await batch.stream.write(std::move(message));
        batch.gone = !written;
    }
    batch.writing.leave();
    batch.workers.leave(); // only now: a slow reader slows the work, and results never pile up
}

} // namespace

u32 parallelism(const Core& core, u32 asked) {
    return std::min(asked == 0 ? parallelism_default : asked, core.config.parallelism_max);
}

Role role_of(const v1::BatchNodesRequest& request) {
    switch (request.verb_case()) {
    case Verb::kGetPower:
    case Verb::VERB_NOT_SET: // refused for another reason
        return Role::viewer;
    case Verb::kSetPower:
    case Verb::kSetBoot:
    case Verb::kClearSel:
        return Role::operate;
    default:
        return Role::admin;
    }
}

Awaitable<Result<void>> batch_nodes(Core& core, Caller caller, BatchStream& stream) {
    const auto work = read_work(stream.request);
    if (!work) {
        co_return work.error();
    }
    const auto names = co_await read_names(core, stream.request);
    if (!names) {
        co_return names.error();
    }
    Batch batch(
        core, std::move(caller), stream, *work, parallelism(core, stream.request.parallelism())
    );

    v1::BatchNodesResponse begin;
    begin.mutable_begin()->set_total(static_cast<u32>(names->size()));
    if (const bool written = co_await stream.write(std::move(begin)); !written) {
        co_return Error(ErrorCode::aborted, "the client is gone");
    }
    for (const std::string& name : *names) {
        co_await batch.workers.enter();
        if (batch.gone || stream.cancelled() || core.stopping) {
            batch.workers.leave();
            break; // what was begun is finished, nothing more is begun
        }
        boost::asio::co_spawn(
            core.control.get_executor(), run_one(batch, name), boost::asio::detached
        );
    }
    co_await batch.workers.until_empty();
    if (core.stopping) {
        co_return shutting_down();
    }
    v1::BatchNodesResponse end;
    end.mutable_summary()->set_done(batch.done);
    end.mutable_summary()->set_failed(batch.failed);
    co_await stream.write(std::move(end));
    co_return Result<void>();
}

} // namespace vbmc::control
