#include "backend/ssh/tcp.h"

#include "net/deadline.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace vbmc::backend::ssh {

namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using Resolver = asio::ip::basic_resolver<Tcp, net::Executor>;
using SocketPtr = std::shared_ptr<Socket>;

std::string place(const std::string& host, unsigned port) {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

net::Awaitable<Result<std::vector<Tcp::endpoint>>> resolve(std::string host, unsigned port) {
    const auto port_number = static_cast<asio::ip::port_type>(port);
    boost::system::error_code error;
    const auto literal = asio::ip::make_address(host, error);
    std::vector<Tcp::endpoint> out;
    if (!error) {
        out.emplace_back(literal, port_number);
        co_return out;
    }
    const auto executor = co_await asio::this_coro::executor;
    Resolver resolver(executor);
    auto token = asio::redirect_error(net::use_awaitable, error);
    const std::string service = std::to_string(port);
    const auto found = co_await resolver.async_resolve(host, service, token);
    if (error) {
        co_return Error(
            ErrorCode::unavailable,
            "NAME_UNKNOWN",
            "the name '" + host + "' cannot be resolved: " + error.message()
        )
            .with_hint("give an address, or check the resolver of the machine that vbmcd runs on");
    }
    for (const auto& entry : found) {
        out.push_back(entry.endpoint());
    }
    co_return out;
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

net::Awaitable<Result<SocketPtr>> connect(std::string host, unsigned port, Duration silence) {
    Result<std::vector<Tcp::endpoint>> places = co_await resolve(host, port);
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
    net::TimerQueue& timers, std::string host, unsigned port, Duration silence, Mono deadline
) {
    auto work = connect(host, port, silence);
    Result<SocketPtr> result =
        co_await net::with_deadline<SocketPtr>(timers, deadline, std::move(work));
    if (result.has_error() && result.error().code == ErrorCode::deadline_exceeded) {
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
