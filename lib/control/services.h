#pragma once
// The gRPC services, each made in a file of its own. They hold nothing but the core's address.

#include <memory>
#include <vector>

namespace grpc {
class Service;
}

namespace vbmc::control {

struct Core;

std::unique_ptr<grpc::Service> make_node_service(Core& core);
std::unique_ptr<grpc::Service> make_power_service(Core& core);
std::unique_ptr<grpc::Service> make_session_service(Core& core);
std::unique_ptr<grpc::Service> make_sel_service(Core& core);
std::unique_ptr<grpc::Service> make_sensor_service(Core& core);
std::unique_ptr<grpc::Service> make_user_service(Core& core);
std::unique_ptr<grpc::Service> make_backend_service(Core& core);
std::unique_ptr<grpc::Service> make_console_service(Core& core);
std::unique_ptr<grpc::Service> make_discovery_service(Core& core);
std::unique_ptr<grpc::Service> make_event_service(Core& core);
std::unique_ptr<grpc::Service> make_server_service(Core& core);

} // namespace vbmc::control
