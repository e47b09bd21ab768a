#include "control/tls.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

namespace vbmc::control {

namespace {

constexpr unsigned watch_interval_s = 1;

Result<void> check_pem(const std::string& path, const char* begins, const char* field) {
    std::ifstream file(path);
    if (!file) {
        return Error(
                   ErrorCode::failed_precondition,
                   "TLS_FILE",
                   "cannot read " + path + ": " + std::system_category().message(errno)
        )
            .with_field(field);
    }
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (text.find(begins) == std::string::npos) {
        return Error(
                   ErrorCode::failed_precondition,
                   "TLS_FILE",
                   path + " holds no \"" + begins + "\" in PEM form"
        )
            .with_field(field);
    }
    return {};
}

} // namespace

Result<std::shared_ptr<grpc::ServerCredentials>> tls_credentials(const TcpListener& listener) {
    auto checked = check_pem(listener.certificate, "BEGIN CERTIFICATE", "listen.tls.cert");
    if (checked) {
        checked = check_pem(listener.key, "PRIVATE KEY", "listen.tls.key");
    }
    if (checked) {
        checked = check_pem(listener.client_ca, "BEGIN CERTIFICATE", "listen.tls.ca");
    }
    if (!checked) {
        return checked.error();
    }
    auto provider = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
        listener.key, listener.certificate, listener.client_ca, watch_interval_s
    );
    grpc::experimental::TlsServerCredentialsOptions options(provider);
    options.watch_root_certs();
    options.watch_identity_key_cert_pairs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    return grpc::experimental::TlsServerCredentials(options);
}

} // namespace vbmc::control
