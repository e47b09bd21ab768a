#include "vbmcctl/client.h"

#include "google/rpc/status.pb.h"

#include <grpcpp/security/credentials.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace vbmc::ctl {

namespace {

constexpr int message_max = 64 * 1024 * 1024; // a page of 5,000 nodes is far below

Result<std::string> read_pem(const std::string& option, const std::string& path) {
    if (path.empty()) {
        return Error(ErrorCode::invalid_argument, "--host needs " + option + " FILE")
            .with_hint("--host is where vbmcd is, which over the network speaks mutual TLS only: "
                       "--tls-ca, --tls-cert, --tls-key. A backend's host is --option host=HOST");
    }
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (!file.is_open() || text.empty()) {
        const std::string why = errno == 0 ? "it is empty" : std::strerror(errno);
        return Error(
            ErrorCode::invalid_argument, "cannot read " + option + " " + path + ": " + why
        );
    }
    if (text.find("-----BEGIN ") == std::string::npos) {
        return Error(ErrorCode::invalid_argument, option + " " + path + " is not a PEM file");
    }
    return text;
}

Result<std::shared_ptr<grpc::ChannelCredentials>> credentials_of(const ConnectionOptions& options) {
    if (options.host.empty()) {
        return grpc::InsecureChannelCredentials();
    }
    const Result<std::string> ca = read_pem("--tls-ca", options.tls_ca);
    const Result<std::string> cert = ca ? read_pem("--tls-cert", options.tls_cert) : ca;
    const Result<std::string> key = cert ? read_pem("--tls-key", options.tls_key) : cert;
    if (!key) {
        return key.error();
    }
    return grpc::SslCredentials({*ca, *key, *cert});
}

} // namespace

Result<std::unique_ptr<Client>> Client::make(ConnectionOptions options) {
    // gRPC's own log would be the raw text that people shall not see.
    setenv("GRPC_VERBOSITY", "NONE", 0);
    auto credentials = credentials_of(options);
    if (!credentials) {
        return credentials.error();
    }
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetMaxReceiveMessageSize(message_max);
    arguments.SetUserAgentPrefix("vbmcctl");
    if (!options.tls_name.empty()) {
        arguments.SetSslTargetNameOverride(options.tls_name);
    }
    const std::string target =
        options.host.empty() ? "unix:" + options.socket_path() : "dns:///" + options.host;
    auto channel = grpc::CreateCustomChannel(target, *credentials, arguments);
    return std::unique_ptr<Client>(new Client(std::move(options), std::move(channel)));
}

void Client::set_deadline(grpc::ClientContext& context) const {
    context.set_deadline(
        std::chrono::system_clock::now() +
        std::chrono::duration_cast<std::chrono::system_clock::duration>(options_.timeout)
    );
}

Error Client::to_error(const grpc::Status& status) const {
    google::rpc::Status details;
    if (!status.error_details().empty() && details.ParseFromString(status.error_details())) {
        Error error = ctl::to_error(details);
        if (!error.reason.empty()) {
            return error;
        }
    }
    return transport_error(options_, status.error_code(), status.error_message());
}

} // namespace vbmc::ctl
