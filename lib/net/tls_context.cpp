#include "net/tls_context.h"

#include <boost/asio/ip/address.hpp>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <sys/stat.h>

namespace vbmc::net {

namespace ssl = boost::asio::ssl;

namespace {

/// What changes when a file does; empty when there is none.
std::string file_state(const std::string& path) {
    struct stat info {};

    if (path.empty() || ::stat(path.c_str(), &info) != 0) {
        return {};
    }
    return std::to_string(info.st_ino) + ":" + std::to_string(info.st_size) + ":" +
           std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
}

Error ca_error(const std::string& path, const std::string& why) {
    return Error(
               ErrorCode::failed_precondition,
               "TLS_CA_FILE",
               "the CA file " + path + " cannot be used: " + why
    )
        .with_hint("give a file of PEM certificates that the daemon's user can read");
}

std::string hex(const unsigned char* bytes, unsigned size) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
        out += digits[bytes[i] >> 4];
        out += digits[bytes[i] & 15];
    }
    return out;
}

std::string fingerprint_of(SSL* handle) {
    X509* certificate = SSL_get0_peer_certificate(handle);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (certificate == nullptr || X509_digest(certificate, EVP_sha256(), digest, &size) != 1) {
        return {};
    }
    return hex(digest, size);
}

std::string advice(long verdict) {
    switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "the server's certificate has to be renewed, or this machine's clock is wrong";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "use the name that stands in the server's certificate";
    default:
        return "give the CA that signed it as ca-file";
    }
}

} // namespace

Result<std::shared_ptr<ssl::context>> TlsContexts::get(const TlsOptions& options) {
    const std::string state = file_state(options.ca_file);
    if (!options.ca_file.empty() && state.empty()) {
        return ca_error(options.ca_file, "it does not exist or is not readable");
    }
    Kept& kept = kept_[options];
    if (kept.context && kept.state == state) {
        return kept.context;
    }
    boost::system::error_code error;
    std::shared_ptr<ssl::context> context;
    try {
        context = std::make_shared<ssl::context>(ssl::context::tls_client);
    } catch (const std::exception& failure) {
        return Error(ErrorCode::internal, "TLS cannot be set up: " + std::string(failure.what()));
    }
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    const bool checks = !options.insecure && options.fingerprint.empty();
    SSL_CTX_set_verify(
        context->native_handle(), checks ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr
    );
    if (checks && options.ca_file.empty()) {
        context->set_default_verify_paths(error);
    } else if (checks) {
        context->load_verify_file(options.ca_file, error);
    }
    if (error) {
        kept_.erase(options);
        return ca_error(options.ca_file, error.message());
    }
    kept = Kept{context, state};
    return context;
}

Result<void> prepare_tls(SSL* handle, const std::string& host, const TlsOptions& options) {
    ERR_clear_error();
    boost::system::error_code no_address;
    boost::asio::ip::make_address(host, no_address);
    X509_VERIFY_PARAM* wanted = SSL_get0_param(handle);
    bool ok = true;
    if (no_address) {
        std::string name = host; // OpenSSL takes it as void*, and copies
        ok = SSL_ctrl(
                 handle, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()
             ) == 1;
        X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        ok = ok && X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size()) == 1;
    } else {
        ok = X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1;
    }
    if (!ok && !options.insecure) {
        return Error(ErrorCode::internal, "TLS cannot be set up for the name " + host);
    }
    return {};
}

Result<void> check_fingerprint(SSL* handle, const std::string& origin, const TlsOptions& options) {
    if (options.fingerprint.empty() || options.insecure) {
        return {};
    }
    const std::string seen = fingerprint_of(handle);
    if (!seen.empty() && seen == normal_fingerprint(options.fingerprint)) {
        return {};
    }
    return Error(
               ErrorCode::unavailable,
               "TLS_NOT_TRUSTED",
               "the certificate of " + origin + " is not the pinned one: its fingerprint is " + seen
    )
        .with_hint("if the server's certificate was renewed on purpose, pin the new fingerprint");
}

Error handshake_error(
    SSL* handle,
    const std::string& origin,
    const TlsOptions& options,
    const boost::system::error_code& error
) {
    const long verdict = SSL_get_verify_result(handle);
    const bool checked = !options.insecure && options.fingerprint.empty();
    if (checked && verdict != X509_V_OK && error.category() == boost::asio::error::ssl_category) {
        return Error(
                   ErrorCode::unavailable,
                   "TLS_NOT_TRUSTED",
                   "the certificate of " + origin +
                       " is not trusted: " + X509_verify_cert_error_string(verdict)
        )
            .with_hint(advice(verdict));
    }
    return Error(
               ErrorCode::unavailable,
               "TLS_FAILED",
               "the TLS handshake with " + origin + " failed: " + error.message()
    )
        .with_hint("check that the port speaks TLS 1.2 or newer");
}

std::string normal_fingerprint(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const char low = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
        if ((low >= '0' && low <= '9') || (low >= 'a' && low <= 'f')) {
            out += low;
        } else if (c != ':' && c != ' ') {
            return {};
        }
    }
    return out.size() == 64 ? out : std::string{};
}

} // namespace vbmc::net
