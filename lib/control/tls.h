#pragma once
// Credentials of a TCP listener: the daemon's certificate, and clients have to show theirs.

#include "control/config.h"

#include <memory>

namespace grpc {
class ServerCredentials;
}

namespace vbmc::control {

/// Checks that the files can be read and look right, then leaves them to gRPC, which watches them.
Result<std::shared_ptr<grpc::ServerCredentials>> tls_credentials(const TcpListener& listener);

} // namespace vbmc::control
