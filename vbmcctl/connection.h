#pragma once
// How vbmcd is reached, and what it means when it is not: transport failures in words for people.

#include "base/result.h"
#include "base/time.h"

#include <string>
#include <string_view>

namespace google::rpc {
class Status;
}

namespace vbmc::ctl {

inline constexpr std::string_view default_socket = "/run/vbmc/vbmcd.sock";
inline constexpr std::string_view state_socket = "/var/lib/vbmc/vbmcd.sock";

struct ConnectionOptions {
    std::string socket; // --socket, else VBMC_SOCKET, else default_socket or state_socket
    std::string host;   // --host HOST:PORT: mutual TLS instead of the socket
    std::string tls_ca;
    std::string tls_cert;
    std::string tls_key;
    std::string tls_name; // the name in the daemon's certificate, when it is not HOST
    Duration timeout = std::chrono::seconds(60);

    /// The socket that is meant, with all defaults.
    std::string socket_path() const;

    /// "/run/vbmc/vbmcd.sock" or "host:port", for messages.
    std::string endpoint() const { return host.empty() ? socket_path() : host; }
};

/// What vbmcd said about a failure: ErrorInfo and BadRequest in the details. The reason is empty
/// when the details are not vbmcd's.
Error to_error(const google::rpc::Status& status);

/// A failure without details: nobody answered, or not vbmcd. `code` is the gRPC number, `text`
/// gRPC's own words, which are looked at and not repeated.
Error transport_error(const ConnectionOptions& options, int code, const std::string& text);

} // namespace vbmc::ctl
