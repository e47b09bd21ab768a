#include "backend/ssh/tcp.h"

#include "net/deadline.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace vbmc::backend::ssh {

namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using SocketPtr = std::shared_ptr<Socket>;

std::string place(const std::string& host, unsigned port) {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

void set_bounds(Socket& socket, Duration silence) {
    boost::system::error_code ignored;
    socket.set_option(Tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    const auto ms =
        static_cast<unsigned>(std::chrono::duration_cast<std::chrono::milliseconds>(silence).count()
        );
    // Where the kernel refuses, the deadlines of the calls still hold.
    static_cast<void>(
        ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms))
    );
    const int idle = 15;
    static_cast<void>(
        ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle))
    );
}

net::Awaitable<Result<SocketPtr>> connect(
    std::shared_ptr<net::Resolver> resolver,
    std::string host,
    unsigned port,
    Duration silence,
    Mono deadline
) {
    Result<std::vector<Tcp::endpoint>> places =
        co_await resolver->resolve(host, static_cast<u16>(port), deadline);
    if (places.has_error()) {
        co_return std::move(places).error();
    }
    const auto executor = co_await asio::this_coro::executor;
    auto socket = std::make_shared<Socket>(executor);
    boost::system::error_code error;
    auto token = asio::redirect_error(net::use_awaitable, error);
    co_await asio::async_connect(*socket, *places, token);
    if (!error) {
        socket->non_blocking(true, error);
    }
    if (error) {
        const bool refused = error == asio::error::connection_refused;
        co_return Error(
            ErrorCode::unavailable,
            refused ? "CONNECTION_REFUSED" : "UNREACHABLE",
            "no connection to " + place(host, port) + ": " + error.message()
        )
            .with_hint(
                refused ? "nothing listens there: is the machine up, and sshd on this port?"
                        : "check the address, the route and the firewall"
            );
    }
    set_bounds(*socket, silence);
    co_return socket;
}

} // namespace

net::Awaitable<Result<SocketPtr>> connect_tcp(
    net::TimerQueue& timers,
    std::shared_ptr<net::Resolver> resolver,
    std::string host,
    unsigned port,
    Duration silence,
    Mono deadline
) {
    auto work = connect(std::move(resolver), host, port, silence, deadline);
    Result<SocketPtr> result =
        co_await net::with_deadline<SocketPtr>(timers, deadline, std::move(work));
    const bool timed_out = result.has_error() && result.error().reason.empty();
    if (timed_out && result.error().code == ErrorCode::deadline_exceeded) {
        co_return Error(
            ErrorCode::unavailable,
            "UNREACHABLE",
            "no connection to " + place(host, port) + " in time"
        )
            .with_hint("the machine is off or out of reach, or a firewall drops packets");
    }
    co_return result;
}

} // namespace vbmc::backend::ssh
