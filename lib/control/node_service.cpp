#include "control/bulk.h"
#include "control/call.h"
#include "control/nodes.h"
#include "control/services.h"
#include "vbmc/v1/nodes.grpc.pb.h"

namespace vbmc::control {

namespace {

using Context = grpc::CallbackServerContext;
using Unary = grpc::ServerUnaryReactor;

class NodeService final : public v1::NodeService::CallbackService {
  public:
    explicit NodeService(Core& core) : core_(core) {}

    Unary* CreateNode(
        Context* context, const v1::CreateNodeRequest* in, v1::CreateNodeResponse* out
    ) override {
        return serve(core_, context, {"CreateNode", Role::admin, true}, in, out, create_node);
    }

    Unary* GetNode(Context* context, const v1::GetNodeRequest* in, v1::Node* out) override {
        return serve(core_, context, {"GetNode", Role::viewer, false}, in, out, get_node);
    }

    Unary* ListNodes(Context* context, const v1::ListNodesRequest* in, v1::ListNodesResponse* out)
        override {
        return serve(core_, context, {"ListNodes", Role::viewer, false}, in, out, list_nodes);
    }

    Unary* UpdateNode(Context* context, const v1::UpdateNodeRequest* in, v1::Node* out) override {
        return serve(core_, context, {"UpdateNode", Role::admin, true}, in, out, update_node);
    }

    Unary* DeleteNode(Context* context, const v1::DeleteNodeRequest* in, Empty* out) override {
        return serve(core_, context, {"DeleteNode", Role::admin, true}, in, out, delete_node);
    }

    Unary* StartNode(Context* context, const v1::StartNodeRequest* in, v1::Node* out) override {
        return serve(core_, context, {"StartNode", Role::admin, true}, in, out, start_node);
    }

    Unary* StopNode(Context* context, const v1::StopNodeRequest* in, v1::Node* out) override {
        return serve(core_, context, {"StopNode", Role::admin, true}, in, out, stop_node);
    }

    Unary* RestartNode(Context* context, const v1::RestartNodeRequest* in, v1::Node* out) override {
        return serve(core_, context, {"RestartNode", Role::admin, true}, in, out, restart_node);
    }

    grpc::ServerBidiReactor<v1::ApplyNodesRequest, v1::ApplyNodesResponse>*
    ApplyNodes(Context* context) override {
        constexpr Method method{"ApplyNodes", Role::admin, true};
        return serve_stream(
            core_, std::make_shared<ApplyStream>(core_), peer_of(*context), method, apply_nodes
        );
    }

    grpc::ServerWriteReactor<v1::BatchNodesResponse>*
    BatchNodes(Context* context, const v1::BatchNodesRequest* in) override {
        const Method method{"BatchNodes", role_of(*in), true};
        return serve_stream(
            core_, std::make_shared<BatchStream>(core_, *in), peer_of(*context), method, batch_nodes
        );
    }

  private:
    Core& core_;
};

} // namespace

std::unique_ptr<grpc::Service> make_node_service(Core& core) {
    return std::make_unique<NodeService>(core);
}

} // namespace vbmc::control
