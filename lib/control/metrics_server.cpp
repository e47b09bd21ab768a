#include "control/metrics_server.h"

#include "control/metrics_page.h"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <set>

namespace vbmc::control {

namespace asio = boost::asio;

namespace {

constexpr std::size_t head_bytes_max = 8192;
constexpr std::size_t connections_max = 16;
constexpr auto patience = std::chrono::seconds(10);
constexpr std::string_view text_type = "text/plain; version=0.0.4; charset=utf-8";

struct Answer {
    int code = 200;
    std::string_view reason = "OK";
    std::string body;
};

Answer refusal(int code, std::string_view reason, std::string why) {
    return {code, reason, std::move(why) + "\n"};
}

std::string head_of(const Answer& answer) {
    std::string head = "HTTP/1.1 " + std::to_string(answer.code) + " ";
    head.append(answer.reason).append("\r\nContent-Type: ").append(text_type);
    head += "\r\nContent-Length: " + std::to_string(answer.body.size());
    head += "\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";
    return head;
}

int digit(char c) noexcept {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escaped = text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
                             digit(text[i + 2]) >= 0;
        if (escaped) {
            out += static_cast<char>(digit(text[i + 1]) << 4 | digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

/// The value of `filter` in a query string; nothing else is known.
std::string filter_of(std::string_view query) {
    constexpr std::string_view key = "filter=";
    while (!query.empty()) {
        const std::string_view part = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(part.size() + 1, query.size()));
        if (part.starts_with(key)) {
            return unescape(part.substr(key.size()));
        }
    }
    return {};
}

struct Target {
    std::string method;
    std::string path;
    std::string query;
};

Target target_of(std::string_view head) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const std::size_t first = line.find(' ');
    const std::size_t second = line.find(' ', first == line.npos ? 0 : first + 1);
    if (first == line.npos || second == line.npos) {
        return {};
    }
    const std::string_view whole = line.substr(first + 1, second - first - 1);
    const std::size_t mark = whole.find('?');
    Target target;
    target.method = line.substr(0, first);
    target.path = whole.substr(0, mark);
    target.query = mark == whole.npos ? "" : whole.substr(mark + 1);
    return target;
}

} // namespace

class MetricsServer::Impl : public std::enable_shared_from_this<MetricsServer::Impl> {
  public:
    using Executor = asio::io_context::executor_type;
    using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
    using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
    using Timer = asio::basic_waitable_timer<
        std::chrono::steady_clock,
        asio::wait_traits<std::chrono::steady_clock>,
        Executor>;
    template <class T>
    using Awaitable = fleet::Awaitable<T>;

    Impl(std::string version, Wall started, asio::io_context& control, fleet::Fleet& fleet)
        : version_(std::move(version)), started_(started), control_(control), fleet_(fleet),
          acceptor_(control) {}

    Result<void> listen(const Peer& address) {
        boost::system::error_code error;
        const auto ip = asio::ip::make_address(address.address.to_string(), error);
        const asio::ip::tcp::endpoint endpoint(ip, address.port);
        if (!error) {
            acceptor_.open(endpoint.protocol(), error);
        }
        if (!error) {
            acceptor_.set_option(asio::socket_base::reuse_address(true), error);
        }
        if (!error) {
            acceptor_.bind(endpoint, error);
        }
        if (!error) {
            acceptor_.listen(asio::socket_base::max_listen_connections, error);
        }
        if (error) {
            return Error(
                       ErrorCode::failed_precondition,
                       "LISTEN_FAILED",
                       "cannot serve metrics on " + address.to_string() + ": " + error.message()
            )
                .with_field("metrics")
                .with_hint("another program may have that port");
        }
        Peer bound = address;
        bound.port = acceptor_.local_endpoint(error).port();
        name = "http:" + bound.to_string();
        accept();
        return {};
    }

    void stop() {
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        for (const auto& socket : open_) {
            socket->close(ignored);
        }
    }

    std::string name;

  private:
    void accept() {
        acceptor_.async_accept([self = shared_from_this(
                                )](const boost::system::error_code& error, Socket socket) {
            if (!self->acceptor_.is_open()) {
                return;
            }
            if (!error && self->open_.size() < connections_max) {
                auto work = serve(self, std::make_shared<Socket>(std::move(socket)));
                asio::co_spawn(self->control_.get_executor(), std::move(work), asio::detached);
            }
            if (error) { // out of descriptors: not at once again
                auto timer = std::make_shared<Timer>(self->control_, std::chrono::seconds(1));
                timer->async_wait([self, timer](const boost::system::error_code&) {
                    self->accept();
                });
                return;
            }
            self->accept();
        });
    }

    static Awaitable<void> serve(std::shared_ptr<Impl> self, std::shared_ptr<Socket> socket) {
        self->open_.insert(socket);
        Timer deadline(self->control_, patience);
        std::weak_ptr<Socket> weak = socket; // it may fire when all is over
        deadline.async_wait([weak](const boost::system::error_code& error) {
            boost::system::error_code ignored;
            if (const auto late = weak.lock(); late && !error) {
                late->close(ignored);
            }
        });
        std::string head;
        boost::system::error_code error;
        auto token = asio::redirect_error(asio::use_awaitable_t<Executor>(), error);
        auto buffer = asio::dynamic_buffer(head, head_bytes_max);
        co_await asio::async_read_until(*socket, buffer, "\r\n\r\n", token);
        if (!error) {
            const Target target = target_of(head);
            Answer answer = co_await self->answer(target);
            std::string sent = head_of(answer);
            sent += answer.body;
            auto bytes = asio::buffer(sent);
            co_await asio::async_write(*socket, bytes, token);
            socket->shutdown(asio::socket_base::shutdown_both, error);
        }
        self->open_.erase(socket);
        socket->close(error);
    }

    Awaitable<Answer> answer(Target target) {
        if (target.method != "GET") {
            co_return refusal(405, "Method Not Allowed", "only GET is answered here");
        }
        if (target.path == "/metrics") {
            const fleet::FleetNumbers numbers = co_await fleet_.numbers();
            Answer good;
            good.body = fleet_page(numbers, process_now(), version_);
            co_return good;
        }
        if (target.path == "/metrics/nodes") {
            const std::vector<fleet::NodeView> nodes = co_await fleet_.list();
            Result<std::string> page = nodes_page(nodes, filter_of(target.query));
            if (page.has_error()) {
                co_return refusal(400, "Bad Request", describe(page.error()));
            }
            Answer good;
            good.body = std::move(*page);
            co_return good;
        }
        if (target.path == "/healthz") {
            co_return refusal(200, "OK", "ok");
        }
        co_return refusal(404, "Not Found", "there are /metrics, /metrics/nodes and /healthz");
    }

    ProcessNumbers process_now() const {
        ProcessNumbers numbers = read_process();
        numbers.started_s = std::chrono::duration<double>(started_.time_since_epoch()).count();
        return numbers;
    }

    std::string version_;
    Wall started_;
    asio::io_context& control_;
    fleet::Fleet& fleet_;
    Acceptor acceptor_;
    std::set<std::shared_ptr<Socket>> open_;
};

MetricsServer::MetricsServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

MetricsServer::~MetricsServer() {
    impl_->stop();
}

const std::string& MetricsServer::name() const {
    return impl_->name;
}

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(
    const Peer& address,
    std::string version,
    Wall started,
    asio::io_context& control,
    fleet::Fleet& fleet
) {
    auto impl = std::make_shared<Impl>(std::move(version), started, control, fleet);
    if (auto listening = impl->listen(address); listening.has_error()) {
        return listening.error();
    }
    return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(impl)));
}

} // namespace vbmc::control
