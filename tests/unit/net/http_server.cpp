#include "unit/net/http_server.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <cstdio>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace vbmc::test {

namespace {

std::shared_ptr<EVP_PKEY> make_key() {
    return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}

std::shared_ptr<X509> make_certificate(EVP_PKEY* key, const Certificate& wanted) {
    std::shared_ptr<X509> made(X509_new(), X509_free);
    X509* x = made.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    const long day = 24L * 3600;
    X509_gmtime_adj(X509_getm_notBefore(x), -10 * day);
    X509_gmtime_adj(X509_getm_notAfter(x), wanted.valid_days * day);
    X509_set_pubkey(x, key);
    X509_NAME* name = X509_get_subject_name(x);
    const auto* text = reinterpret_cast<const unsigned char*>("test");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
    X509_set_issuer_name(x, name);
    const bool is_address = wanted.name.find_first_not_of("0123456789.") == std::string::npos;
    const std::string alternative = (is_address ? "IP:" : "DNS:") + wanted.name;
    X509_EXTENSION* extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative.c_str());
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(x, key, EVP_sha256());
    return made;
}

std::string write_pem(X509* certificate) {
    std::string path = "/tmp/vbmc-http-XXXXXX";
    const int fd = ::mkstemp(path.data());
    std::FILE* file = ::fdopen(fd, "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    return path;
}

} // namespace

std::string Caller::read_request(std::size_t body) {
    std::string text;
    for (;;) {
        const auto end = text.find("\r\n\r\n");
        if (end != std::string::npos && text.size() >= end + 4 + body) {
            return text;
        }
        char buffer[4096];
        const auto n = tls_ != nullptr ? SSL_read(tls_, buffer, sizeof(buffer))
                                       : static_cast<int>(::recv(fd_, buffer, sizeof(buffer), 0));
        if (n <= 0) {
            return {};
        }
        text.append(buffer, static_cast<std::size_t>(n));
    }
}

void Caller::send(std::string_view text) {
    if (tls_ != nullptr) {
        SSL_write(tls_, text.data(), static_cast<int>(text.size()));
        return;
    }
    while (!text.empty()) {
        const auto n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

void Caller::reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

void Caller::wait_for_end() {
    char buffer[4096];
    while (::recv(fd_, buffer, sizeof(buffer), 0) > 0) {
    }
}

HttpServer::HttpServer(Script script) : script_(std::move(script)) {
    listen();
}

HttpServer::HttpServer(Script script, const Certificate& certificate) : script_(std::move(script)) {
    const auto key = make_key();
    certificate_ = make_certificate(key.get(), certificate);
    ca_file_ = write_pem(certificate_.get());
    tls_ = {SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
    SSL_CTX_use_certificate(tls_.get(), certificate_.get());
    SSL_CTX_use_PrivateKey(tls_.get(), key.get());
    listen();
}

HttpServer::~HttpServer() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    ::shutdown(current_, SHUT_RDWR); // a script may wait for a client that keeps its connection
    thread_.join();
    ::close(listener_);
    if (!ca_file_.empty()) {
        ::unlink(ca_file_.c_str());
    }
}

void HttpServer::listen() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        throw std::runtime_error("no port for the test's server");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
}

void HttpServer::run() {
    for (;;) {
        const int fd = ::accept(listener_, nullptr, nullptr);
        if (fd < 0 || stopping_) {
            ::close(fd);
            return;
        }
        current_ = fd;
        const int number = ++connections_;
        SSL* tls = tls_ ? SSL_new(tls_.get()) : nullptr;
        bool ready = true;
        if (tls != nullptr) {
            SSL_set_fd(tls, fd);
            ready = SSL_accept(tls) == 1;
        }
        if (ready) {
            Caller peer(fd, tls);
            script_(peer, number);
        }
        SSL_free(tls);
        current_ = -1;
        ::close(fd);
    }
}

std::string HttpServer::url(const std::string& host) const {
    return (tls_ ? "https://" : "http://") + host + ":" + std::to_string(port_);
}

std::string HttpServer::fingerprint() const {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    X509_digest(certificate_.get(), EVP_sha256(), digest, &size);
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
        static constexpr char hex[] = "0123456789ABCDEF";
        out += i == 0 ? "" : ":";
        out += hex[digest[i] >> 4];
        out += hex[digest[i] & 15];
    }
    return out;
}

} // namespace vbmc::test
