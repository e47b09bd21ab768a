#pragma once
// What NodeService does, without gRPC: coroutines on the control thread.

#include "control/convert.h"
#include "control/core.h"

#include <google/protobuf/empty.pb.h>

namespace vbmc::control {

using Empty = google::protobuf::Empty;

Awaitable<Result<void>>
create_node(Core&, Caller, const v1::CreateNodeRequest&, v1::CreateNodeResponse&);
Awaitable<Result<void>> get_node(Core&, Caller, const v1::GetNodeRequest&, v1::Node&);
Awaitable<Result<void>>
list_nodes(Core&, Caller, const v1::ListNodesRequest&, v1::ListNodesResponse&);
Awaitable<Result<void>> update_node(Core&, Caller, const v1::UpdateNodeRequest&, v1::Node&);
Awaitable<Result<void>> delete_node(Core&, Caller, const v1::DeleteNodeRequest&, Empty&);
Awaitable<Result<void>> start_node(Core&, Caller, const v1::StartNodeRequest&, v1::Node&);
Awaitable<Result<void>> stop_node(Core&, Caller, const v1::StopNodeRequest&, v1::Node&);
Awaitable<Result<void>> restart_node(Core&, Caller, const v1::RestartNodeRequest&, v1::Node&);

/// The request of a new node, checked in form.
Result<fleet::CreateRequest> to_create_request(
    const v1::Node& node,
    const google::protobuf::RepeatedPtrField<v1::User>& users,
    bool validate_only
);

/// Users of a request; the error's field names which.
Result<std::vector<fleet::UserSpec>>
to_users(const google::protobuf::RepeatedPtrField<v1::User>& users);

} // namespace vbmc::control
