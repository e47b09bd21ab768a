#pragma once
// OpenSSL for HttpClient: contexts from TlsOptions, the check of a peer, and what went wrong in
// words. On one shard's thread.

#include "net/http.h"

#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>

#include <map>
#include <memory>
#include <string>

namespace vbmc::net {

/// The contexts of a shard: a CA file is read again when it has changed.
class TlsContexts {
  public:
    Result<std::shared_ptr<boost::asio::ssl::context>> get(const TlsOptions& options);

  private:
    struct Kept {
        std::shared_ptr<boost::asio::ssl::context> context;
        std::string state; // of the CA file when it was read
    };

    std::map<TlsOptions, Kept> kept_;
};

/// Before the handshake: the name to ask for and to find in the certificate.
Result<void> prepare_tls(SSL* ssl, const std::string& host, const TlsOptions& options);

/// After the handshake: a pinned certificate is that one.
Result<void> check_fingerprint(SSL* ssl, const std::string& origin, const TlsOptions& options);

/// Why the handshake failed, and what to do about it.
Error handshake_error(
    SSL* ssl,
    const std::string& origin,
    const TlsOptions& options,
    const boost::system::error_code& error
);

/// The 64 hex digits of a fingerprint, without colons, lower case; empty when it is none.
std::string normal_fingerprint(std::string_view text);

} // namespace vbmc::net
