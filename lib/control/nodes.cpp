#include "control/nodes.h"

#include "control/mask.h"
#include "control/page.h"
#include "control/subjects.h"

#include <algorithm>

namespace vbmc::control {

namespace {

constexpr int update_attempts = 5;
constexpr std::size_t page_bytes_max = 3 << 20; // a client accepts 4 MiB
constexpr int users_max = 15;

} // namespace

Result<std::vector<fleet::UserSpec>>
to_users(const google::protobuf::RepeatedPtrField<v1::User>& users) {
    if (users.size() > users_max) {
        return Error(ErrorCode::invalid_argument, "BAD_FIELD", "a node has at most 15 users")
            .with_field("users");
    }
    std::vector<fleet::UserSpec> out;
    for (int i = 0; i < users.size(); ++i) {
        auto user = to_user(users[i]);
        if (!user) {
            Error error = user.error();
            // "user.name" -> "users[2].name"
            error.field.replace(
                0, std::string_view("user").size(), "users[" + std::to_string(i) + "]"
            );
            return error;
        }
        out.push_back(*std::move(user));
    }
    return out;
}

Result<fleet::CreateRequest> to_create_request(
    const v1::Node& node,
    const google::protobuf::RepeatedPtrField<v1::User>& users,
    bool validate_only
) {
    fleet::CreateRequest create;
    auto spec = to_spec(node);
    if (!spec) {
        return spec.error();
    }
    create.spec = *std::move(spec);
    keep_secrets(create.spec, fleet::NodeSpec{});
    const auto wish = endpoint_of(node);
    if (!wish) {
        return wish.error();
    }
    create.address_auto = wish->address_auto;
    create.any_address = wish->address && *wish->address == IpAddress{};
    create.port_auto = !wish->port;
    auto given = to_users(users);
    if (!given) {
        return given.error();
    }
    create.users = *std::move(given);
    create.validate_only = validate_only;
    return create;
}

Awaitable<Result<void>> create_node(
    Core& core,
    Caller caller,
    const v1::CreateNodeRequest& request,
    v1::CreateNodeResponse& response
) {
    auto create = to_create_request(request.node(), request.users(), request.validate_only());
    if (!create) {
        co_return create.error();
    }
    for (const fleet::UserSpec& user : create->users) {
        if (auto warning = password_warning(user); !warning.empty()) {
            response.add_warnings(std::move(warning));
        }
    }
    fleet::CreateRequest wanted = *std::move(create);
    wanted.who = caller.identity;
    auto created = co_await core.fleet.create(std::move(wanted));
    if (!created) {
        co_return with_api_field(created.error());
    }
    *response.mutable_node() = to_proto(created->node);
    response.set_generated_password(std::string(created->generated_password.reveal()));
    co_return Result<void>();
}

Awaitable<Result<void>>
get_node(Core& core, Caller, const v1::GetNodeRequest& request, v1::Node& response) {
    auto node = co_await core.fleet.get(request.name());
    if (!node) {
        co_return node.error();
    }
    response = to_proto(*node);
    co_return Result<void>();
}

Awaitable<Result<void>> list_nodes(
    Core& core, Caller, const v1::ListNodesRequest& request, v1::ListNodesResponse& response
) {
    const auto filter = parse_node_filter(request.filter());
    if (!filter) {
        co_return filter.error();
    }
    const auto size = page_size(request.page_size());
    if (!size) {
        co_return size.error();
    }
    const auto after = read_page_token(request.page_token(), request.filter());
    if (!after) {
        co_return after.error();
    }
    fleet::NodeQuery query;
    query.after = *after;
    query.limit = static_cast<std::size_t>(*size);
    if (!filter->is_everything()) {
        query.wanted = [&filter](const fleet::NodeView& node) { return matches(*filter, node); };
    }
    const fleet::NodePage page = co_await core.fleet.list_page(std::move(query));
    std::string next = page.next_after;
    std::size_t bytes = 0;
    for (const fleet::NodeView& node : page.nodes) {
        if (bytes > page_bytes_max) {
            next = response.nodes(response.nodes_size() - 1).name();
            break;
        }
        *response.add_nodes() = to_proto(node);
        bytes += response.nodes(response.nodes_size() - 1).ByteSizeLong();
    }
    if (!next.empty()) {
        response.set_next_page_token(make_page_token(next, request.filter()));
    }
    response.set_total_size(static_cast<int>(page.total));
    co_return Result<void>();
}

Awaitable<Result<void>>
update_node(Core& core, Caller caller, const v1::UpdateNodeRequest& request, v1::Node& response) {
    if (auto named = check_name(request.node().name(), "node.name"); !named) {
        co_return named.error();
    }
    const std::string name = request.node().name();
    const bool has_etag = !request.node().etag().empty();
    for (int attempt = 1;; ++attempt) {
        auto current = co_await core.fleet.get(name);
        if (!current) {
            co_return current.error();
        }
        auto change = masked_change(request, current->spec);
        if (!change) {
            co_return change.error();
        }
        fleet::UpdateRequest update;
        update.spec = std::move(change->wanted);
        update.fields = std::move(change->fields);
        update.validate_only = request.validate_only();
        update.who = caller.identity;
        // Without an etag of the client's, ours catches a change between the look and the write.
        update.spec.etag = has_etag ? request.node().etag() : current->spec.etag;
        auto updated = co_await core.fleet.update(std::move(update));
        if (updated) {
            response = to_proto(*updated);
            co_return Result<void>();
        }
        const Error error = updated.error();
        if (error.code != ErrorCode::aborted || has_etag || attempt == update_attempts) {
            co_return with_api_field(error);
        }
    }
}

Awaitable<Result<void>>
delete_node(Core& core, Caller caller, const v1::DeleteNodeRequest& request, Empty&) {
    auto removed = co_await core.fleet.remove(request.name(), request.etag(), caller.identity);
    if (!removed && request.allow_missing() && removed.error().code == ErrorCode::not_found) {
        co_return Result<void>();
    }
    co_return removed;
}

Awaitable<Result<void>>
start_node(Core& core, Caller caller, const v1::StartNodeRequest& request, v1::Node& response) {
    auto node = co_await core.fleet.set_enabled(request.name(), true, caller.identity);
    if (!node) {
        co_return node.error();
    }
    response = to_proto(*node);
    co_return Result<void>();
}

Awaitable<Result<void>>
stop_node(Core& core, Caller caller, const v1::StopNodeRequest& request, v1::Node& response) {
    auto node = co_await core.fleet.set_enabled(request.name(), false, caller.identity);
    if (!node) {
        co_return node.error();
    }
    response = to_proto(*node);
    co_return Result<void>();
}

Awaitable<Result<void>>
restart_node(Core& core, Caller, const v1::RestartNodeRequest& request, v1::Node& response) {
    auto node = co_await core.fleet.restart(request.name());
    if (!node) {
        co_return node.error();
    }
    response = to_proto(*node);
    co_return Result<void>();
}

} // namespace vbmc::control
