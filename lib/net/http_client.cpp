#include "net/http_client.h"

#include "net/http_connection.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

namespace vbmc::net {

namespace {

constexpr std::size_t idle_a_server_max = 8;
constexpr Duration idle_max = std::chrono::seconds(60);

/// A connection serves only who would have opened it the same way.
struct PoolKey {
    std::string origin;
    TlsOptions tls;

    friend auto operator<=>(const PoolKey&, const PoolKey&) = default;
};

bool is_redirect(unsigned status) noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// Finds the shard's client again: an io_context owns one of these.
class ClientSlot final : public boost::asio::execution_context::service {
  public:
    using key_type = ClientSlot;
    static inline boost::asio::execution_context::id id;

    explicit ClientSlot(boost::asio::execution_context& owner)
        : boost::asio::execution_context::service(owner) {}

    std::weak_ptr<HttpClient> client;

  private:
    void shutdown() override {}
};

} // namespace

class HttpClient::Impl : public std::enable_shared_from_this<HttpClient::Impl> {
  public:
    Impl(boost::asio::io_context& context, TimerQueue& timers, Now (*clock)())
        : place_{context, timers, clock}, resolver_(std::make_shared<Resolver>(timers, clock)),
          sweep_(
              timers, [](void* self) { static_cast<Impl*>(self)->sweep(); }, this
          ) {}

    Awaitable<Result<HttpResponse>>
    run(std::shared_ptr<Impl> self, HttpRequest request, Mono deadline);

    Stats stats;

    std::size_t idle() const noexcept {
        std::size_t all = 0;
        for (const auto& [key, connections] : idle_) {
            all += connections.size();
        }
        return all;
    }

  private:
    using Connection = std::unique_ptr<HttpConnection>;

    Awaitable<Result<HttpResponse>> once(const Url& url, const HttpRequest& request, Mono deadline);
    Awaitable<Result<Connection>> open(const Url& url, const TlsOptions& tls, Mono deadline);
    Connection take(const PoolKey& key);
    void keep(const PoolKey& key, Connection connection);
    void sweep();

    HttpConnection::Place place_;
    std::shared_ptr<Resolver> resolver_;
    TlsContexts contexts_;
    std::map<PoolKey, std::vector<Connection>> idle_; // the longest idle first
    Timer sweep_;
};

HttpClient::Impl::Connection HttpClient::Impl::take(const PoolKey& key) {
    const auto at = idle_.find(key);
    if (at == idle_.end()) {
        return nullptr;
    }
    Connection found;
    while (!found && !at->second.empty()) { // the latest used: the others may grow old
        Connection last = std::move(at->second.back());
        at->second.pop_back();
        if (last->is_quiet()) {
            found = std::move(last);
        }
    }
    if (at->second.empty()) {
        idle_.erase(at);
    }
    return found;
}

void HttpClient::Impl::keep(const PoolKey& key, Connection connection) {
    auto& kept = idle_[key];
    if (kept.size() >= idle_a_server_max) {
        kept.erase(kept.begin());
    }
    connection->idle_since = place_.clock().mono;
    if (!sweep_.armed()) {
        sweep_.arm(connection->idle_since + idle_max);
    }
    kept.push_back(std::move(connection));
}

void HttpClient::Impl::sweep() {
    const Mono now = place_.clock().mono;
    Mono oldest = never;
    for (auto& [key, kept] : idle_) {
        std::erase_if(kept, [now](const Connection& c) { return c->idle_since + idle_max <= now; });
        if (!kept.empty()) {
            oldest = std::min(oldest, kept.front()->idle_since);
        }
    }
    std::erase_if(idle_, [](const auto& entry) { return entry.second.empty(); });
    sweep_.arm(oldest == never ? never : oldest + idle_max);
}

Awaitable<Result<HttpClient::Impl::Connection>>
HttpClient::Impl::open(const Url& url, const TlsOptions& tls, Mono deadline) {
    std::shared_ptr<boost::asio::ssl::context> context;
    if (url.tls) {
        auto made = contexts_.get(tls);
        if (made.has_error()) {
            co_return std::move(made).error();
        }
        context = *made;
    }
    ++stats.connections;
    auto connection = std::make_unique<HttpConnection>(place_);
    Result<void> opened =
        co_await connection->open(url, tls, std::move(context), *resolver_, deadline);
    if (opened.has_error()) {
        co_return std::move(opened).error();
    }
    co_return connection;
}

Awaitable<Result<HttpResponse>>
HttpClient::Impl::once(const Url& url, const HttpRequest& request, Mono deadline) {
    const PoolKey key{url.origin(), request.tls};
    Connection connection = take(key);
    for (bool again = connection != nullptr;; again = false) {
        if (!connection) {
            auto opened = co_await open(url, request.tls, deadline);
            if (opened.has_error()) {
                co_return std::move(opened).error();
            }
            connection = std::move(*opened);
        }
        Result<HttpResponse> response = co_await connection->exchange(url, request, deadline);
        if (response.has_value()) {
            if (connection->reusable()) {
                keep(key, std::move(connection));
            }
            co_return response;
        }
        const bool closed_on_us = response.error().code == ErrorCode::unavailable &&
                                  !connection->heard() && is_idempotent(request.method);
        if (!again || !closed_on_us) {
            co_return response;
        }
        connection.reset();
        ++stats.retries;
    }
}

Awaitable<Result<HttpResponse>>
HttpClient::Impl::run(std::shared_ptr<Impl> self, HttpRequest request, Mono deadline) {
    static_cast<void>(self);
    ++stats.requests;
    Result<Url> url = Url::parse(request.url);
    for (u8 followed = 0; url.has_value(); ++followed) {
        Result<HttpResponse> response = co_await once(*url, request, deadline);
        const bool reads = request.method == HttpMethod::get || request.method == HttpMethod::head;
        if (response.has_error() || !is_redirect(response->status) || !reads ||
            followed >= request.redirects_max) {
            co_return response;
        }
        const std::string_view location = response->field("Location");
        Result<Url> next = url->resolve(location);
        if (location.empty() || next.has_error() || (url->tls && !next->tls)) {
            co_return Error(
                ErrorCode::unavailable,
                "HTTP_BAD_REDIRECT",
                url->origin() + " redirects to where nobody should follow"
            );
        }
        if (next->origin() != url->origin()) {
            request.credentials.clear();
        }
        url = std::move(next);
    }
    co_return std::move(url).error();
}

HttpClient::HttpClient(boost::asio::io_context& context, TimerQueue& timers, Now (*clock)())
    : impl_(std::make_shared<Impl>(context, timers, clock)) {}

HttpClient::~HttpClient() = default;

Awaitable<Result<HttpResponse>> HttpClient::request(HttpRequest request, Mono deadline) {
    return impl_->run(impl_, std::move(request), deadline);
}

const HttpClient::Stats& HttpClient::stats() const noexcept {
    return impl_->stats;
}

std::size_t HttpClient::idle() const noexcept {
    return impl_->idle();
}

std::shared_ptr<HttpClient>
shard_client(boost::asio::io_context& context, TimerQueue& timers, Now (*clock)()) {
    auto& slot = boost::asio::use_service<ClientSlot>(context);
    auto client = slot.client.lock();
    if (!client) {
        client = std::make_shared<HttpClient>(context, timers, clock);
        slot.client = client;
    }
    return client;
}

} // namespace vbmc::net
