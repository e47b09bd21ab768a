#include "vbmcctl/connection.h"

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "vbmcctl/exit_code.h"
#include "vbmcctl/progress.h"

#include <grpcpp/support/status_code_enum.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace vbmc::ctl {

std::string ConnectionOptions::socket_path() const {
    if (!socket.empty()) {
        return socket;
    }
    const char* from_environment = std::getenv("VBMC_SOCKET");
    if (from_environment != nullptr && *from_environment != '\0') {
        return from_environment;
    }
    // A vbmcd that was started by hand, without a configuration, has it with its state.
    const bool by_hand =
        access(default_socket.data(), F_OK) != 0 && access(state_socket.data(), F_OK) == 0;
    return std::string(by_hand ? state_socket : default_socket);
}

namespace {

ErrorCode code_of(int code) noexcept {
    switch (code) {
    case grpc::INVALID_ARGUMENT:
    case grpc::OUT_OF_RANGE:
        return ErrorCode::invalid_argument;
    case grpc::NOT_FOUND:
        return ErrorCode::not_found;
    case grpc::ALREADY_EXISTS:
        return ErrorCode::already_exists;
    case grpc::FAILED_PRECONDITION:
        return ErrorCode::failed_precondition;
    case grpc::PERMISSION_DENIED:
        return ErrorCode::permission_denied;
    case grpc::UNAUTHENTICATED:
        return ErrorCode::unauthenticated;
    case grpc::UNAVAILABLE:
        return ErrorCode::unavailable;
    case grpc::DEADLINE_EXCEEDED:
        return ErrorCode::deadline_exceeded;
    case grpc::ABORTED:
        return ErrorCode::aborted;
    case grpc::RESOURCE_EXHAUSTED:
        return ErrorCode::resource_exhausted;
    case grpc::DATA_LOSS:
        return ErrorCode::corrupt;
    default:
        return ErrorCode::internal;
    }
}

Error unreachable(std::string message, std::string hint) {
    return Error(ErrorCode::unavailable, std::string(daemon_unreachable), std::move(message))
        .with_hint(std::move(hint));
}

/// connect(2) on the path: 0 or errno. The kernel's reason is better than gRPC's.
int probe_socket(const std::string& path) {
    sockaddr_un address{};
    if (path.size() >= sizeof(address.sun_path)) {
        return ENAMETOOLONG;
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    void* raw = &address;
    const int failed = connect(fd, static_cast<const sockaddr*>(raw), sizeof(address));
    const int reason = failed == 0 ? 0 : errno;
    close(fd);
    return reason;
}

Error socket_error(const std::string& path) {
    const std::string where = "vbmcd does not answer at " + path + ": ";
    switch (probe_socket(path)) {
    case 0:
        return unreachable(
            "vbmcd closed the connection at " + path,
            "it may be stopping or have just ended; its log says more"
        );
    case ENOENT:
    case ENOTDIR:
        return unreachable(
            where + "is it running? There is no such socket",
            "start vbmcd, or say where its socket is with --socket PATH or VBMC_SOCKET"
        );
    case ECONNREFUSED:
        return unreachable(where + "it is not running and left its socket behind", "start vbmcd");
    case EACCES:
    case EPERM:
        return Error(
                   ErrorCode::permission_denied,
                   std::string(socket_forbidden),
                   "you may not use the socket of vbmcd at " + path
        )
            .with_hint("become a member of the socket's group, or use sudo");
    case ENAMETOOLONG:
        return Error(ErrorCode::invalid_argument, "the path of the socket is too long: " + path);
    case EPROTOTYPE:
    case ENOTSOCK:
        return unreachable(where + "that is no socket of vbmcd", "check --socket and VBMC_SOCKET");
    default:
        return unreachable(where + "is it running?", "its log says more");
    }
}

bool mentions(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

Error tls_error(const std::string& host, const std::string& text) {
    const std::string where = "vbmcd does not answer at " + host;
    if (mentions(text, "DNS resolution") || mentions(text, "Name or service not known")) {
        return unreachable(where + ": the name cannot be resolved", "check --host HOST:PORT");
    }
    if (mentions(text, "Connection refused")) {
        return unreachable(
            where + ": nobody listens there", "check the port, and that vbmcd has a TCP listener"
        );
    }
    if (mentions(text, "CERTIFICATE_VERIFY_FAILED") ||
        mentions(text, "certificate verify failed")) {
        return unreachable(
            where + " with a certificate that this CA has signed",
            "check --tls-ca; it has to be the CA of vbmcd's certificate"
        );
    }
    if (mentions(text, "is not in peer certificate") ||
        mentions(text, "No match found for server name") || mentions(text, "ostname")) {
        return unreachable(
            "the certificate at " + host + " is for another name",
            "connect by a name in the certificate, or give it with --tls-name NAME"
        );
    }
    if (mentions(text, "WRONG_VERSION_NUMBER") || mentions(text, "wrong version number")) {
        return unreachable(where + ": what listens there does not speak TLS", "check the port");
    }
    if (mentions(text, "andshake") || mentions(text, "SSL") || mentions(text, "Socket closed") ||
        mentions(text, "Connection reset") || mentions(text, "Broken pipe")) {
        // A server that refuses a client's certificate just closes (TLS 1.3 does so after the
        // handshake).
        return unreachable(
            "vbmcd at " + host + " closed the connection: it did not accept the certificate",
            "check that --tls-cert is signed by a CA that vbmcd trusts and has not expired"
        );
    }
    return unreachable(where, "check the address, the network and firewalls between");
}

} // namespace

Error to_error(const google::rpc::Status& status) {
    Error error(code_of(status.code()), status.message());
    for (const google::protobuf::Any& detail : status.details()) {
        google::rpc::ErrorInfo info;
        google::rpc::BadRequest bad;
        if (detail.UnpackTo(&info)) {
            error.reason = info.reason();
            const auto hint = info.metadata().find("hint");
            error.hint = hint == info.metadata().end() ? "" : hint->second;
        } else if (detail.UnpackTo(&bad) && bad.field_violations_size() > 0) {
            error.field = bad.field_violations(0).field();
        }
    }
    return error;
}

Error transport_error(const ConnectionOptions& options, int code, const std::string& text) {
    switch (code) {
    case grpc::UNAVAILABLE:
        return options.host.empty() ? socket_error(options.socket_path())
                                    : tls_error(options.host, text);
    case grpc::DEADLINE_EXCEEDED:
        return Error(
                   ErrorCode::deadline_exceeded,
                   "vbmcd at " + options.endpoint() + " did not answer within " +
                       duration_text(options.timeout)
        )
            .with_hint("--request-timeout waits longer");
    case grpc::UNIMPLEMENTED:
        return Error(
                   ErrorCode::failed_precondition,
                   "the vbmcd at " + options.endpoint() + " does not know this request"
        )
            .with_hint("`vbmcctl version` shows whether it is older than vbmcctl");
    case grpc::CANCELLED:
        return unreachable("vbmcd ended the request", "it may be stopping; its log says more");
    case grpc::RESOURCE_EXHAUSTED:
        return Error(ErrorCode::resource_exhausted, "the request or its answer is too large");
    default:
        // vbmcd gives details with all its errors: this came from the libraries between.
        return Error(ErrorCode::internal, "vbmcd at " + options.endpoint() + " failed to answer")
            .with_hint("its log says more");
    }
}

} // namespace vbmc::ctl
