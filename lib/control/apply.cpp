#include "control/bulk.h"
#include "control/mask.h"
#include "control/nodes.h"
#include "control/subjects.h"

#include <algorithm>
#include <set>

namespace vbmc::control {

namespace {

using ItemResult = v1::ApplyResult;

constexpr int update_attempts = 5;

/// What the items of one stream share; lives in apply_nodes' frame.
struct Apply {
    Apply(Core& core_, Caller caller_, ApplyStream& stream_, v1::ApplyHeader header_, Filter prune_)
        : core(core_), caller(std::move(caller_)), stream(stream_), header(std::move(header_)),
          prune(std::move(prune_)),
          workers(core_.control, parallelism(core_, header.parallelism())),
          writing(core_.control, 1) {}

    Core& core;
    Caller caller;
    ApplyStream& stream;
    v1::ApplyHeader header;
    Filter prune;
    Gate workers;
    Gate writing;
    u64 items = 0;
    std::set<std::string> names; // of all items so far
    v1::ApplySummary summary;
    bool gone = false;
    bool ended = false; // the client said that these were all
};

Error bad_stream(const char* message) {
    return Error(ErrorCode::invalid_argument, "BAD_STREAM", message).with_field("part");
}

/// Waits for its turn; a slow reader slows the work.
Awaitable<void> tell(Apply& apply, v1::ApplyNodesResponse message) {
    co_await apply.writing.enter();
    if (!apply.gone) {
        const bool written = co_await apply.stream.write(std::move(message));
        apply.gone = !written;
    }
    apply.writing.leave();
}

void count(v1::ApplySummary& summary, ItemResult::Outcome outcome) {
    switch (outcome) {
    case ItemResult::CREATED:
        summary.set_created(summary.created() + 1);
        break;
    case ItemResult::UPDATED:
        summary.set_updated(summary.updated() + 1);
        break;
    case ItemResult::UNCHANGED:
        summary.set_unchanged(summary.unchanged() + 1);
        break;
    case ItemResult::PRUNED:
        summary.set_pruned(summary.pruned() + 1);
        break;
    default:
        summary.set_failed(summary.failed() + 1);
    }
}

/// A user of the item against those that are there: what has to be set, or nothing.
std::optional<fleet::UserSpec>
wanted_user(const v1::User& in, fleet::UserSpec user, const std::vector<fleet::UserSpec>& current) {
    const auto found = std::ranges::find_if(current, [&user](const fleet::UserSpec& c) {
        return user.id != 0 ? c.id == user.id : c.name == user.name;
    });
    if (found == current.end()) {
        return user;
    }
    user.id = found->id;
    user.name = user.name.empty() ? found->name : user.name;
    user.privilege =
        in.privilege() == v1::PRIVILEGE_UNSPECIFIED ? found->privilege : user.privilege;
    user.enabled = in.has_enabled() ? in.enabled() : found->enabled;
    const bool same = user.name == found->name && user.privilege == found->privilege &&
                      user.enabled == found->enabled &&
                      (user.password.empty() || user.password == found->password);
    return same ? std::nullopt : std::optional<fleet::UserSpec>(std::move(user));
}

/// Sets the users that differ. True when there was one.
Awaitable<Result<bool>> apply_users(Apply& apply, const v1::ApplyItem& item) {
    auto given = to_users(item.users());
    if (!given) {
        co_return given.error();
    }
    if (given->empty()) {
        co_return false;
    }
    const std::string name = item.node().name();
    const bool with_passwords = std::ranges::any_of(*given, [](const fleet::UserSpec& user) {
        return !user.password.empty();
    });
    Result<std::vector<fleet::UserSpec>> current = std::vector<fleet::UserSpec>();
    if (with_passwords) { // only to compare: nothing of it leaves
        current = co_await apply.core.fleet.secrets(name, "");
    } else {
        current = co_await apply.core.fleet.users(name);
    }
    if (!current) {
        co_return current.error();
    }
    bool changed = false;
    for (int i = 0; i < item.users_size(); ++i) {
        auto& user = (*given)[static_cast<std::size_t>(i)];
        auto wanted = wanted_user(item.users(i), std::move(user), *current);
        if (!wanted) {
            continue;
        }
        changed = true;
        if (!apply.header.validate_only()) {
            fleet::UserSpec set = *std::move(wanted);
            auto done =
                co_await apply.core.fleet.set_user(name, std::move(set), apply.caller.identity);
            if (!done) {
                co_return done.error();
            }
        }
    }
    co_return changed;
}

Awaitable<Result<void>> create_one(Apply& apply, const v1::ApplyItem& item, ItemResult& result) {
    auto create = to_create_request(item.node(), item.users(), apply.header.validate_only());
    if (!create) {
        co_return create.error();
    }
    for (const fleet::UserSpec& user : create->users) {
        if (auto warning = password_warning(user); !warning.empty()) {
            result.add_warnings(std::move(warning));
        }
    }
    fleet::CreateRequest wanted = *std::move(create);
    wanted.who = apply.caller.identity;
    auto created = co_await apply.core.fleet.create(std::move(wanted));
    if (!created) {
        co_return with_api_field(created.error());
    }
    result.set_outcome(ItemResult::CREATED);
    result.set_generated_password(std::string(created->generated_password.reveal()));
    *result.mutable_node() = to_proto(created->node);
    co_return Result<void>();
}

Awaitable<Result<void>>
update_one(Apply& apply, const v1::ApplyItem& item, fleet::NodeView current, ItemResult& result) {
    result.set_outcome(ItemResult::UNCHANGED);
    auto change = declared_change(item.node(), current.spec);
    if (!change) {
        co_return change.error();
    }
    if (!item.node().etag().empty()) {
        change->wanted.etag = item.node().etag();
    }
    if (!change->fields.empty()) {
        fleet::UpdateRequest update;
        update.spec = std::move(change->wanted);
        update.fields = change->fields;
        update.validate_only = apply.header.validate_only();
        update.who = apply.caller.identity;
        auto updated = co_await apply.core.fleet.update(std::move(update));
        if (!updated) {
            co_return with_api_field(updated.error());
        }
        current = *std::move(updated);
        result.set_outcome(ItemResult::UPDATED);
        for (const std::string& field : change->fields) {
            result.add_changed_fields(api_path(field));
        }
    }
    const auto users = co_await apply_users(apply, item);
    if (!users) {
        co_return users.error();
    }
    if (*users) {
        result.set_outcome(ItemResult::UPDATED);
        result.add_changed_fields("users");
    }
    *result.mutable_node() = to_proto(current);
    co_return Result<void>();
}

/// Creates or updates, and looks again when somebody else was faster.
Awaitable<Result<void>> apply_one(Apply& apply, const v1::ApplyItem& item, ItemResult& result) {
    if (auto named = check_name(item.node().name(), "node.name"); !named) {
        co_return named.error();
    }
    const std::string name = item.node().name();
    Result<void> done;
    for (int attempt = 1; attempt <= update_attempts; ++attempt) {
        auto current = co_await apply.core.fleet.get(name);
        if (!current && current.error().code != ErrorCode::not_found) {
            co_return current.error();
        }
        if (current) {
            fleet::NodeView view = *std::move(current);
            done = co_await update_one(apply, item, std::move(view), result);
        } else {
            done = co_await create_one(apply, item, result);
        }
        const bool raced =
            !done && item.node().etag().empty() && done.error().code == ErrorCode::aborted;
        if (!raced) {
            co_return done;
        }
    }
    co_return done;
}

Awaitable<void> run_one(Apply& apply, v1::ApplyItem item) {
    v1::ApplyNodesResponse message;
    ItemResult& result = *message.mutable_result();
    Result<void> done;
    try {
        done = co_await apply_one(apply, item, result);
    } catch (const std::exception& error) {
        log(Level::error, "control.exception", {{"call", "ApplyNodes"}, {"what", error.what()}});
        done = Error(ErrorCode::internal, "a bug in vbmcd, see its log");
    }
    const std::string name = item.node().name();
    if (!done) {
        result.Clear();
        result.set_outcome(ItemResult::ERROR);
        *result.mutable_error() = to_rpc_status(done.error(), name);
    }
    result.set_id(item.id());
    result.set_name(name);
    if (!apply.header.validate_only() && result.outcome() != ItemResult::UNCHANGED) {
        audit(apply.caller, "ApplyNodes", name, done);
    }
    count(apply.summary, result.outcome());
    co_await tell(apply, std::move(message));
    apply.workers.leave();
}

/// One after the other: pruning is rare, and its order is then that of the list.
Awaitable<void> prune(Apply& apply) {
    const std::vector<fleet::NodeView> nodes = co_await apply.core.fleet.list();
    for (const fleet::NodeView& node : nodes) {
        if (apply.gone || apply.core.stopping) {
            co_return;
        }
        if (apply.names.contains(node.spec.name) || !matches(apply.prune, node)) {
            continue;
        }
        v1::ApplyNodesResponse message;
        ItemResult& result = *message.mutable_result();
        result.set_name(node.spec.name);
        result.set_outcome(ItemResult::PRUNED);
        if (!apply.header.validate_only()) {
            auto removed = co_await apply.core.fleet.remove(
                node.spec.name, node.spec.etag, apply.caller.identity
            );
            audit(apply.caller, "ApplyNodes", node.spec.name, removed);
            if (!removed) {
                result.set_outcome(ItemResult::ERROR);
                *result.mutable_error() = to_rpc_status(removed.error(), node.spec.name);
            }
        }
        count(apply.summary, result.outcome());
        co_await tell(apply, std::move(message));
    }
}

/// Reads items until the client has sent all, and begins their work.
Awaitable<Result<void>> read_items(Apply& apply) {
    while (true) {
        auto message = co_await apply.stream.read();
        if (!message) {
            co_return Result<void>();
        }
        if (apply.core.stopping) {
            co_return shutting_down();
        }
        if (message->has_end() && message->end().items() == apply.items) {
            apply.ended = true;
            continue;
        }
        if (!message->has_item() || apply.ended) {
            co_return bad_stream(
                "after the header there are only items, then the end and their number"
            );
        }
        ++apply.items;
        v1::ApplyItem item = std::move(*message->mutable_item());
        co_await apply.workers.enter();
        if (!apply.names.insert(item.node().name()).second) {
            v1::ApplyNodesResponse twice;
            Error error(
                ErrorCode::invalid_argument,
                "DUPLICATE_NAME",
                "\"" + item.node().name().substr(0, 64) + "\" is in the stream twice"
            );
            error.field = "node.name";
            twice.mutable_result()->set_id(item.id());
            twice.mutable_result()->set_name(item.node().name());
            twice.mutable_result()->set_outcome(ItemResult::ERROR);
            *twice.mutable_result()->mutable_error() = to_rpc_status(error, item.node().name());
            count(apply.summary, ItemResult::ERROR);
            co_await tell(apply, std::move(twice));
            apply.workers.leave();
            continue;
        }
        boost::asio::co_spawn(
            apply.core.control.get_executor(),
            run_one(apply, std::move(item)),
            boost::asio::detached
        );
    }
}

Result<Filter> prune_filter(const v1::ApplyHeader& header) {
    if (!header.prune()) {
        return Filter();
    }
    if (header.prune_filter().empty()) {
        return Error(
                   ErrorCode::invalid_argument,
                   "BAD_FIELD",
                   "prune needs a filter that says what may be deleted (\"*\" is everything)"
        )
            .with_field("header.prune_filter");
    }
    return parse_node_filter(header.prune_filter(), "header.prune_filter");
}

} // namespace

Awaitable<Result<void>> apply_nodes(Core& core, Caller caller, ApplyStream& stream) {
    auto first = co_await stream.read();
    if (!first || !first->has_header()) {
        co_return bad_stream("the first message has to be the header");
    }
    auto filter = prune_filter(first->header());
    if (!filter) {
        co_return filter.error();
    }
    Apply apply(core, std::move(caller), stream, first->header(), *std::move(filter));
    const auto read = co_await read_items(apply);
    co_await apply.workers.until_empty();
    if (!read) {
        co_return read.error();
    }
    if (apply.header.prune()) {
        if (apply.summary.failed() > 0 || !apply.ended) {
            apply.summary.set_prune_skipped(true);
        } else {
            co_await prune(apply);
        }
    }
    v1::ApplyNodesResponse end;
    *end.mutable_summary() = apply.summary;
    co_await tell(apply, std::move(end));
    co_return Result<void>();
}

} // namespace vbmc::control
