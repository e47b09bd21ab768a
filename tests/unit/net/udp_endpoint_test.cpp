#include "net/bind_error.h"
#include "net/limits.h"
#include "net/packet_info.h"
#include "net/shard.h"
#include "net/udp_endpoint.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <catch2/catch.hpp>

#include <array>
#include <cerrno>
#include <future>
#include <numeric>
#include <sys/socket.h>
#include <thread>

using namespace vbmc;
using namespace std::chrono_literals;
using boost::asio::ip::udp;

namespace {

struct Echo final : net::DatagramHandler {
    std::size_t receive(Now, const Peer& peer, MutableBytes in, MutableBytes out) override {
        last = peer;
        std::copy(in.begin(), in.end(), out.begin());
        return in.size();
    }

    void after_reply(Now) override { ++after; }

    Peer last;
    int after = 0;
};

/// Runs a function on the shard and waits for it.
template <class F>
auto on(net::Shard& shard, F function) {
    std::packaged_task<std::invoke_result_t<F>()> task(std::move(function));
    auto done = task.get_future();
    shard.post(std::move(task));
    return done.get();
}

struct Served {
    explicit Served(net::Shard& shard_) : shard(shard_) {
        on(shard, [this] { endpoint = std::make_unique<net::UdpEndpoint>(shard, echo); });
    }

    ~Served() {
        on(shard, [this] { endpoint.reset(); });
    }

    Result<void> open(const char* address, u16 port, net::UdpOptions options = {}) {
        return on(shard, [&]() -> Result<void> {
            Result<void> opened = endpoint->open({*IpAddress::parse(address), port}, options);
            if (opened) {
                endpoint->start();
            }
            return opened;
        });
    }

    u16 port() {
        return on(shard, [&] { return endpoint->local().port; });
    }

    net::Shard& shard;
    Echo echo;
    std::unique_ptr<net::UdpEndpoint> endpoint;
};

struct Client {
    explicit Client(bool v6) : socket(context, v6 ? udp::v6() : udp::v4()) {
        const timeval timeout{5, 0};
        ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    }

    /// The answer and where it came from.
    std::pair<std::string, std::string> ask(const char* host, u16 port, const std::string& text) {
        const udp::endpoint to(boost::asio::ip::make_address(host), port);
        socket.send_to(boost::asio::buffer(text), to);
        char reply[4096];
        udp::endpoint from;
        sockaddr_storage raw{};
        socklen_t size = sizeof(raw);
        const ssize_t got = ::recvfrom(
            socket.native_handle(),
            reply,
            sizeof(reply),
            0,
            static_cast<sockaddr*>(static_cast<void*>(&raw)),
            &size
        );
        if (got < 0) {
            return {"(nothing)", ""};
        }
        from.resize(size);
        std::memcpy(from.data(), &raw, size);
        return {std::string(reply, static_cast<std::size_t>(got)), from.address().to_string()};
    }

    boost::asio::io_context context;
    udp::socket socket;
};

} // namespace

TEST_CASE("an endpoint answers from the address that was asked", "[udp]") {
    net::ShardPool shards(1);

    struct Row {
        const char* bound;
        const char* asked;
    };

    for (const Row& row : {
             Row{"127.0.0.1", "127.0.0.1"},
             Row{"127.77.3.9", "127.77.3.9"},
             Row{"::1", "::1"},
             Row{"0.0.0.0", "127.77.3.10"},
             Row{"::", "::1"},
             Row{"::", "127.0.0.3"},
         }) {
        INFO(row.bound);
        Served served(shards[0]);
        const auto opened = served.open(row.bound, 0);
        REQUIRE(opened.has_value());
        const u16 port = served.port();
        REQUIRE(port != 0);
        Client client(std::string_view(row.asked).find(':') != std::string_view::npos);
        for (int i = 0; i < 40; ++i) { // more than one burst
            const std::string text = "ping " + std::to_string(i);
            const auto [reply, from] = client.ask(row.asked, port, text);
            CHECK(reply == text);
            CHECK(from == row.asked);
        }
        CHECK(on(shards[0], [&] { return served.echo.after; }) == 40);
    }
}

TEST_CASE("a queue of datagrams is read to its end, an oversized one is dropped", "[udp]") {
    net::ShardPool shards(1);
    Served served(shards[0]);
    REQUIRE(served.open("127.0.0.1", 0, {.freebind = false, .receive_buffer_bytes = 1 << 20}));
    Client client(false);
    const udp::endpoint to(boost::asio::ip::make_address("127.0.0.1"), served.port());
    client.socket.send_to(boost::asio::buffer(std::string(4000, 'x')), to);
    for (int i = 0; i < 100; ++i) {
        client.socket.send_to(boost::asio::buffer("a", 1), to);
    }
    int replies = 0;
    char byte = 0;
    while (replies < 100 && ::recv(client.socket.native_handle(), &byte, 1, 0) == 1) {
        ++replies;
    }
    CHECK(replies == 100);
    CHECK(on(shards[0], [&] { return shards[0].udp().received; }) == 101);
    CHECK(on(shards[0], [&] { return shards[0].udp().sent; }) == 100);
}

TEST_CASE("a closed endpoint frees its port at once and can be opened again", "[udp]") {
    net::ShardPool shards(1);
    Served first(shards[0]);
    REQUIRE(first.open("127.0.0.1", 0));
    const u16 port = first.port();
    Served second(shards[0]);
    const auto taken = second.open("127.0.0.1", port);
    REQUIRE(taken.has_error());
    CHECK(taken.error().reason == "ENDPOINT_IN_USE");
    CHECK(taken.error().code == ErrorCode::already_exists);
    CHECK(taken.error().field == "port");
    on(shards[0], [&] { first.endpoint->close(); });
    REQUIRE(second.open("127.0.0.1", port));
    Client client(false);
    CHECK(client.ask("127.0.0.1", port, "hello").first == "hello");
    on(shards[0], [&] { second.endpoint->close(); });
    REQUIRE(first.open("127.0.0.1", port));
    CHECK(client.ask("127.0.0.1", port, "again").first == "again");
}

TEST_CASE("an address that the machine lacks is refused, or taken with freebind", "[udp]") {
    net::ShardPool shards(1);
    Served served(shards[0]);
    const auto refused = served.open("192.0.2.77", 0);
    REQUIRE(refused.has_error());
    CHECK(refused.error().reason == "BIND_FAILED");
    CHECK(refused.error().field == "address");
    CHECK(refused.error().message == "this machine has no address 192.0.2.77");
    CHECK(refused.error().hint.find("ip address add 192.0.2.77/32") != std::string::npos);
    CHECK(served.open("192.0.2.77", 0, {.freebind = true, .receive_buffer_bytes = 0}));
}

TEST_CASE("bind errors say what to do", "[udp]") {
    struct Row {
        int error;
        const char* reason;
        ErrorCode code;
        const char* text;
    };

    for (const Row& row : {
             Row{EACCES,
                 "MISSING_CAPABILITY",
                 ErrorCode::failed_precondition,
                 "CAP_NET_BIND_SERVICE"},
             Row{EADDRINUSE, "ENDPOINT_IN_USE", ErrorCode::already_exists, "ss -ulpn"},
             Row{EMFILE, "BIND_FAILED", ErrorCode::resource_exhausted, "LimitNOFILE"},
             Row{EAFNOSUPPORT, "BIND_FAILED", ErrorCode::failed_precondition, "IPv4"},
             Row{EINVAL, "BIND_FAILED", ErrorCode::failed_precondition, "127.0.0.1:623"},
         }) {
        const Error error = net::bind_error({IpAddress::v4(127, 0, 0, 1), 623}, row.error);
        INFO(describe(error));
        CHECK(error.reason == row.reason);
        CHECK(error.code == row.code);
        CHECK(describe(error).find(row.text) != std::string::npos);
        CHECK(error.message.back() != '.');
    }
}

TEST_CASE("a thousand endpoints on a shard all answer", "[udp]") {
    net::raise_open_files_limit();
    REQUIRE(net::open_files_max() > 1100);
    net::ShardPool shards(2);
    std::vector<std::unique_ptr<Served>> all;
    for (int i = 0; i < 1000; ++i) {
        all.push_back(std::make_unique<Served>(shards[static_cast<std::size_t>(i % 2)]));
        REQUIRE(all.back()->open("127.88.0.1", 0));
    }
    Client client(false);
    int answered = 0;
    for (const auto& served : all) {
        answered += client.ask("127.88.0.1", served->port(), "x").first == "x" ? 1 : 0;
    }
    CHECK(answered == 1000);
}

TEST_CASE("a handler may close its own endpoint while it is being called", "[udp]") {
    struct Closer final : net::DatagramHandler {
        std::size_t receive(Now, const Peer&, MutableBytes, MutableBytes) override {
            called = true;
            endpoint.reset();
            return 0;
        }

        void after_reply(Now) override { after = true; }

        std::unique_ptr<net::UdpEndpoint> endpoint;
        std::atomic<bool> called = false;
        std::atomic<bool> after = false;
    } closer;

    net::ShardPool shards(1);
    const u16 port = on(shards[0], [&] {
        closer.endpoint = std::make_unique<net::UdpEndpoint>(shards[0], closer);
        closer.endpoint->open({IpAddress::v4(127, 0, 0, 1), 0}, {}).value();
        closer.endpoint->start();
        return closer.endpoint->local().port;
    });
    Client client(false);
    client.socket.send_to(
        boost::asio::buffer("x", 1), udp::endpoint(boost::asio::ip::make_address("127.0.0.1"), port)
    );
    for (int i = 0; i < 500 && !closer.called; ++i) {
        std::this_thread::sleep_for(5ms);
    }
    CHECK(closer.called);
    on(shards[0], [] {});
    CHECK_FALSE(closer.after);
}

TEST_CASE("an answer says where it leaves from only if the kernel said where its question came to"
) {
    // After its queue was full once, a socket tells of that with every datagram.
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(u32))> told{};
    msghdr question{};
    question.msg_control = told.data();
    question.msg_controllen = told.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&question);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SO_RXQ_OVFL;
    header->cmsg_len = CMSG_LEN(sizeof(u32));
    alignas(cmsghdr) std::array<char, 96> room{};
    msghdr answer{};
    answer.msg_control = room.data();
    answer.msg_controllen = room.size();
    net::reply_packet_info(question, answer);
    CHECK(answer.msg_controllen == 0);
    CHECK(net::queue_overflows(question) == 0U);
}
