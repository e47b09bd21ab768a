#pragma once
// One connection to a server, for HttpClient alone: opens it, with TLS or without, and exchanges a
// request for a reply, each by a deadline at which the socket is closed. On one shard's thread;
// used by one coroutine at a time.

#include "net/http.h"
#include "net/resolver.h"
#include "net/timer_queue.h"
#include "net/tls_context.h"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::net {

class HttpConnection {
  public:
    struct Place {
        boost::asio::io_context& context;
        TimerQueue& timers;
        Now (*clock)();
    };

    explicit HttpConnection(const Place& place);
    ~HttpConnection();
    HttpConnection(const HttpConnection&) = delete;
    HttpConnection& operator=(const HttpConnection&) = delete;

    /// `url` and `options` must outlive the call, here and below. `tls` is null without TLS.
    Awaitable<Result<void>> open(
        const Url& url,
        const TlsOptions& options,
        std::shared_ptr<boost::asio::ssl::context> tls,
        Resolver& resolver,
        Mono deadline
    );

    Awaitable<Result<HttpResponse>>
    exchange(const Url& url, const HttpRequest& request, Mono deadline);

    /// Whether the last exchange left it fit for another.
    bool reusable() const noexcept { return reusable_; }

    /// Whether any of the last reply was received: otherwise a server that had closed an idle
    /// connection never saw the request.
    bool heard() const noexcept { return heard_; }

    /// Nothing came and nobody hung up since the last exchange.
    bool is_quiet();

    u32 uses() const noexcept { return uses_; }

    Mono idle_since = Mono::min(); // the pool's

  private:
    using Socket = boost::asio::
        basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;
    using TlsStream = boost::asio::ssl::stream<Socket&>;

    /// Closes the socket at a deadline, for as long as it stands.
    class Limit;

    Awaitable<Result<void>> connect(
        std::vector<boost::asio::ip::tcp::endpoint> endpoints, std::string origin, Mono deadline
    );

    /// Sends `message`, unless it is null, and reads one reply.
    template <class Stream, class Message, class Parser>
    Awaitable<boost::system::error_code> talk(Stream& stream, Message* message, Parser& parser);

    Error failure(
        const std::string& origin, std::string_view doing, const boost::system::error_code& error
    ) const;

    void expire();
    void close() noexcept;

    Place place_;
    Socket socket_;
    std::shared_ptr<boost::asio::ssl::context> context_;
    std::optional<TlsStream> tls_;
    boost::beast::flat_buffer buffer_;
    Timer timer_;
    bool expired_ = false;
    bool reusable_ = false;
    bool heard_ = false;
    u32 uses_ = 0;
};

} // namespace vbmc::net
