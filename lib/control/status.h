#pragma once
// Error -> google.rpc.Status with details, and that -> grpc::Status.

#include "base/result.h"
#include "google/rpc/status.pb.h"

#include <string>

namespace grpc {
class Status;
}

namespace vbmc::control {

/// `subject` is the node that the request was about, or "".
google::rpc::Status to_rpc_status(const Error& error, const std::string& subject);

grpc::Status to_grpc_status(const Error& error, const std::string& subject);

} // namespace vbmc::control
