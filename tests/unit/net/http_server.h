#pragma once
// A server that plays a script, for tests of the HTTP client: one thread, one connection after the
// other, with TLS and a certificate made for the test or without.

#include <openssl/ssl.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace vbmc::test {

/// One accepted connection, as the script sees it.
class Caller {
  public:
    Caller(int fd, SSL* tls) : fd_(fd), tls_(tls) {}

    /// Up to the empty line (and `body` bytes behind it); empty when the client hung up.
    std::string read_request(std::size_t body = 0);
    void send(std::string_view text);
    /// The next close is a reset.
    void reset();
    /// Blocks until the client hangs up.
    void wait_for_end();

  private:
    int fd_;
    SSL* tls_;
};

struct Certificate {
    std::string name = "localhost"; // subjectAltName; "127.0.0.1" becomes an IP entry
    int valid_days = 1;             // negative: expired
};

class HttpServer {
  public:
    using Script = std::function<void(Caller&, int connection)>;

    explicit HttpServer(Script script);
    HttpServer(Script script, const Certificate& certificate);
    ~HttpServer();

    std::string url(const std::string& host = "127.0.0.1") const;

    /// PEM of the certificate: a client that trusts it trusts this server.
    const std::string& ca_file() const noexcept { return ca_file_; }

    std::string fingerprint() const;

    int connections() const noexcept { return connections_; }

  private:
    void listen();
    void run();

    Script script_;
    int listener_ = -1;
    int port_ = 0;
    std::atomic<int> connections_{0};
    std::atomic<bool> stopping_{false};
    std::atomic<int> current_{-1};
    std::shared_ptr<SSL_CTX> tls_;
    std::shared_ptr<X509> certificate_;
    std::string ca_file_;
    std::thread thread_;
};

} // namespace vbmc::test
