#include "net/http_connection.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace vbmc::net {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::uint32_t header_bytes_max = 64 * 1024;
constexpr std::size_t buffer_bytes_max = 128 * 1024;
constexpr int informational_max = 4; // 1xx replies before the real one
constexpr Duration attempt_min = std::chrono::seconds(1);

constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> as_tuple{};

using Message = http::request<http::string_body>;
using Parser = http::response_parser<http::string_body>;

http::verb verb_of(HttpMethod method) noexcept {
    switch (method) {
    case HttpMethod::get:
        return http::verb::get;
    case HttpMethod::head:
        return http::verb::head;
    case HttpMethod::post:
        return http::verb::post;
    case HttpMethod::put:
        return http::verb::put;
    case HttpMethod::patch:
        return http::verb::patch;
    case HttpMethod::delete_:
        return http::verb::delete_;
    }
    return http::verb::get;
}

boost::beast::string_view view(std::string_view text) noexcept {
    return {text.data(), text.size()};
}

bool is_field_name(std::string_view name) noexcept {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
}

/// False when a field has what would start another field.
bool add_field(Message& message, std::string_view name, std::string_view value) {
    if (!is_field_name(name) || !is_field_value(value)) {
        return false;
    }
    message.set(view(name), view(value));
    return true;
}

Result<Message> make_message(const Url& url, const HttpRequest& request) {
    Message message{verb_of(request.method), view(url.target), 11};
    message.set(http::field::host, view(url.authority()));
    message.set(http::field::user_agent, "vbmcd");
    message.set(http::field::accept, "*/*");
    bool ok = true;
    for (const HttpField& field : request.fields) {
        ok = add_field(message, field.name, field.value) && ok;
    }
    for (const HttpCredential& credential : request.credentials) {
        ok = add_field(message, credential.name, credential.value.reveal()) && ok;
    }
    if (!ok) {
        return Error(
                   ErrorCode::invalid_argument,
                   "a request to " + url.origin() +
                       " has a field with a line end or a control character"
        )
            .with_hint("look for a line end in the token or password");
    }
    if (!request.body.empty() || request.method == HttpMethod::post ||
        request.method == HttpMethod::put || request.method == HttpMethod::patch) {
        message.body() = request.body;
        message.content_length(request.body.size());
    }
    return message;
}

HttpResponse to_response(Parser& parser) {
    HttpResponse response;
    auto& message = parser.get();
    response.status = message.result_int();
    for (const auto& field : message.base()) {
        const auto name = field.name_string();
        const auto value = field.value();
        response.fields.emplace_back(
            std::string(name.data(), name.size()), std::string(value.data(), value.size())
        );
    }
    response.body = std::move(message.body());
    return response;
}

bool is_oversized(const error_code& error) noexcept {
    return error == http::error::body_limit || error == http::error::header_limit ||
           error == http::error::buffer_overflow;
}

} // namespace

class HttpConnection::Limit {
  public:
    Limit(HttpConnection& connection, Mono deadline) : connection_(connection) {
        connection_.expired_ = false;
        connection_.timer_.arm(deadline);
    }

    ~Limit() { connection_.timer_.cancel(); }

    Limit(const Limit&) = delete;
    Limit& operator=(const Limit&) = delete;

  private:
    HttpConnection& connection_;
};

HttpConnection::HttpConnection(const Place& place)
    : place_(place), socket_(place.context), buffer_(buffer_bytes_max),
      timer_(
          place.timers, [](void* self) { static_cast<HttpConnection*>(self)->expire(); }, this
      ) {}

HttpConnection::~HttpConnection() {
    close();
}

void HttpConnection::expire() {
    expired_ = true;
    close();
}

void HttpConnection::close() noexcept {
    error_code ignored;
    socket_.close(ignored);
}

Error HttpConnection::failure(
    const std::string& origin, std::string_view doing, const error_code& error
) const {
    const std::string what(doing);
    if (expired_) {
        return Error(
                   ErrorCode::deadline_exceeded,
                   "HTTP_TIMEOUT",
                   origin + " did not answer in time (" + what + ")"
        )
            .with_hint("check the way to it and whether the service is up");
    }
    if (is_oversized(error)) {
        return Error(
                   ErrorCode::unavailable,
                   "HTTP_REPLY_TOO_LARGE",
                   "the reply of " + origin + " is larger than allowed"
        )
            .with_hint("check that the URL names the API and not some other server");
    }
    return Error(
               ErrorCode::unavailable,
               "HTTP_FAILED",
               what + " " + origin + " failed: " + error.message()
    )
        .with_hint("check the URL, the way to it and whether the service is up");
}

Awaitable<Result<void>> HttpConnection::open(
    const Url& url,
    const TlsOptions& options,
    std::shared_ptr<asio::ssl::context> tls,
    Resolver& resolver,
    Mono deadline
) {
    std::string origin = url.origin();
    auto endpoints = co_await resolver.resolve(url.host, url.port, deadline);
    if (endpoints.has_error()) {
        co_return std::move(endpoints).error();
    }
    Result<void> connected = co_await connect(std::move(*endpoints), origin, deadline);
    if (connected.has_error() || !url.tls) {
        co_return connected;
    }
    context_ = std::move(tls);
    tls_.emplace(socket_, *context_);
    Result<void> ready = prepare_tls(tls_->native_handle(), url.host, options);
    if (ready.has_error()) {
        co_return ready;
    }
    const Limit limit(*this, deadline);
    const auto client = asio::ssl::stream_base::client;
    const auto [error] = co_await tls_->async_handshake(client, as_tuple);
    if (error && expired_) {
        co_return failure(origin, "the TLS handshake with", error);
    }
    if (error) {
        co_return handshake_error(tls_->native_handle(), origin, options, error);
    }
    co_return check_fingerprint(tls_->native_handle(), origin, options);
}

/// One address after the other; each has its share of the time that is left.
Awaitable<Result<void>> HttpConnection::connect(
    std::vector<asio::ip::tcp::endpoint> endpoints, std::string origin, Mono deadline
) {
    error_code last = asio::error::host_not_found;
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        const Mono now = place_.clock().mono;
        const auto left = static_cast<i64>(endpoints.size() - i);
        const Mono until = std::min(deadline, now + std::max((deadline - now) / left, attempt_min));
        close();
        const Limit limit(*this, until);
        const auto [error] = co_await socket_.async_connect(endpoints[i], as_tuple);
        if (!error) {
            error_code ignored;
            socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
            socket_.set_option(asio::socket_base::keep_alive(true), ignored);
            co_return Result<void>();
        }
        last = expired_ ? error_code(asio::error::timed_out) : error;
        if (place_.clock().mono >= deadline) {
            break;
        }
    }
    expired_ = expired_ && place_.clock().mono >= deadline;
    co_return failure(origin, "connecting to", last);
}

template <class Stream, class M, class P>
Awaitable<error_code> HttpConnection::talk(Stream& stream, M* message, P& parser) {
    if (message != nullptr) {
        const auto [error, written] = co_await http::async_write(stream, *message, as_tuple);
        if (error) {
            co_return error;
        }
        static_cast<void>(written);
    }
    const auto [error, received] = co_await http::async_read(stream, buffer_, parser, as_tuple);
    static_cast<void>(received);
    co_return error;
}

Awaitable<Result<HttpResponse>>
HttpConnection::exchange(const Url& url, const HttpRequest& request, Mono deadline) {
    reusable_ = false;
    heard_ = false;
    ++uses_;
    const std::string origin = url.origin();
    Result<Message> made = make_message(url, request);
    if (made.has_error()) {
        co_return std::move(made).error();
    }
    const Limit limit(*this, deadline);
    std::optional<Parser> parser;
    error_code error;
    for (int i = 0; i < informational_max; ++i) {
        parser.emplace();
        parser->header_limit(header_bytes_max);
        parser->body_limit(request.body_max);
        parser->skip(request.method == HttpMethod::head);
        // No ?: here: GCC 12 evaluates both sides' temporaries around a co_await.
        if (tls_) {
            error = co_await talk(*tls_, i == 0 ? &*made : nullptr, *parser);
        } else {
            error = co_await talk(socket_, i == 0 ? &*made : nullptr, *parser);
        }
        heard_ = heard_ || parser->got_some();
        if (error || parser->get().result_int() >= 200) {
            break;
        }
    }
    if (error) {
        co_return failure(origin, "asking", error);
    }
    if (parser->get().result_int() < 200) {
        co_return failure(origin, "asking", http::error::bad_status);
    }
    reusable_ = parser->keep_alive() && buffer_.size() == 0 && !expired_;
    co_return to_response(*parser);
}

bool HttpConnection::is_quiet() {
    char byte = 0;
    const auto n = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

} // namespace vbmc::net
