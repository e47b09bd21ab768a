#include "net/clock.h"
#include "net/deadline.h"
#include "net/http_client.h"
#include "net/shard.h"
#include "unit/net/http_server.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <future>

using namespace vbmc;
using namespace std::chrono_literals;
using net::HttpMethod;
using net::HttpRequest;
using net::HttpResponse;
using test::Caller;
using test::HttpServer;

namespace {

constexpr const char* hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Thing: a b\r\n\r\nhello";

/// A shard with the client that lives on it.
struct Rig {
    Rig() {
        std::signal(SIGPIPE, SIG_IGN); // as the daemon does; the server's TLS may write to the dead
        on_shard([this] { client = net::shard_client(shard.context(), shard.timers(), net::now); });
    }

    ~Rig() {
        on_shard([this] { client.reset(); });
        pool.stop();
    }

    template <class F>
    void on_shard(F function) {
        std::promise<void> done;
        shard.post([&] {
            function();
            done.set_value();
        });
        done.get_future().get();
    }

    Result<HttpResponse> ask(HttpRequest request, Duration limit = 5s) {
        std::promise<Result<HttpResponse>> out;
        shard.post([&] {
            auto call = client->request(std::move(request), net::now().mono + limit);
            auto done = [&](const std::exception_ptr& failure, Result<HttpResponse> response) {
                out.set_value(
                    failure ? Result<HttpResponse>(Error(ErrorCode::internal, "threw"))
                            : std::move(response)
                );
            };
            boost::asio::co_spawn(shard.context(), std::move(call), std::move(done));
        });
        return out.get_future().get();
    }

    Result<HttpResponse> get(const std::string& url, Duration limit = 5s) {
        return ask(HttpRequest(HttpMethod::get, url), limit);
    }

    std::size_t idle() {
        std::size_t n = 0;
        on_shard([&] { n = client->idle(); });
        return n;
    }

    net::ShardPool pool{1};
    net::Shard& shard = pool[0];
    std::shared_ptr<net::HttpClient> client;
};

void serve_all(Caller& peer) {
    while (!peer.read_request().empty()) {
        peer.send(hello);
    }
}

} // namespace

TEST_CASE("URLs are taken apart or refused", "[net][http]") {
    const auto url = net::Url::parse("HTTPS://API.example:8443/v1/x?a=b#frag");
    REQUIRE(url.has_value());
    CHECK(url->tls);
    CHECK(url->origin() == "https://api.example:8443");
    CHECK(url->target == "/v1/x?a=b");
    CHECK(net::Url::parse("http://[::1]:81")->authority() == "[::1]:81");
    CHECK(net::Url::parse("http://a")->port == 80);
    CHECK(net::Url::parse("http://a?x")->target == "/?x");
    for (const char* bad :
         {"",
          "a",
          "ftp://a/",
          "http://",
          "http://:80/",
          "http://u:p@a/",
          "http://a:0/",
          "http://a:65536/",
          "http://a:1x/",
          "http://a b/",
          "http://a/\r\nX: y",
          "http://[::1/",
          "http://a/\xc3\xa4",
          "http://[g::1]/"}) {
        INFO(bad);
        CHECK(net::Url::parse(bad).has_error());
    }
    CHECK(url->resolve("/y")->target == "/y");
    CHECK(url->resolve("z")->target == "/v1/z");
    CHECK(url->resolve("//b/")->origin() == "https://b:443");
    CHECK(net::percent_encode("a b/ü") == "a%20b%2F%C3%BC");
    CHECK(
        net::basic_authorization(Secret("Aladdin"), Secret("open sesame")).reveal() ==
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    );
}

TEST_CASE("a connection is kept and used again", "[net][http]") {
    Rig rig;
    HttpServer server([](Caller& peer, int) { serve_all(peer); });
    for (int i = 0; i < 3; ++i) {
        const auto reply = rig.get(server.url() + "/x");
        REQUIRE(reply.has_value());
        CHECK(reply->status == 200);
        CHECK(reply->body == "hello");
        CHECK(reply->field("x-thing") == "a b");
    }
    CHECK(server.connections() == 1);
    CHECK(rig.idle() == 1);
}

TEST_CASE("what the request says arrives", "[net][http]") {
    Rig rig;
    std::string seen;
    HttpServer server([&](Caller& peer, int) {
        seen = peer.read_request(2);
        peer.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    });
    HttpRequest request(HttpMethod::put, server.url() + "/p?q=1");
    request.fields.emplace_back("Content-Type", "application/json");
    request.credentials.emplace_back("X-Auth-Token", Secret("t0ken"));
    request.body = "{}";
    const auto reply = rig.ask(std::move(request));
    REQUIRE(reply.has_value());
    CHECK(reply->status == 204);
    CHECK(seen.find("PUT /p?q=1 HTTP/1.1\r\n") == 0);
    CHECK(seen.find("X-Auth-Token: t0ken\r\n") != std::string::npos);
    CHECK(seen.find("Content-Length: 2\r\n") != std::string::npos);
    CHECK(rig.idle() == 0);
}

TEST_CASE("a field with a line end never leaves", "[net][http]") {
    Rig rig;
    HttpServer server([](Caller& peer, int) { serve_all(peer); });
    HttpRequest request(HttpMethod::get, server.url());
    request.credentials.emplace_back("Authorization", Secret("Bearer x\r\nEvil: y"));
    const auto reply = rig.ask(std::move(request));
    REQUIRE(reply.has_error());
    CHECK(reply.error().code == ErrorCode::invalid_argument);
    CHECK(reply.error().message.find("Evil") == std::string::npos);
}

TEST_CASE("a kept connection that the server closed is replaced", "[net][http]") {
    Rig rig;
    HttpServer server([](Caller& peer, int number) {
        peer.read_request();
        peer.send(hello);
        if (number == 1) { // takes the second request, says nothing and resets
            peer.read_request();
            peer.reset();
        } else {
            serve_all(peer);
        }
    });
    REQUIRE(rig.get(server.url()).has_value());
    SECTION("a GET is sent again") {
        CHECK(rig.get(server.url()).has_value());
        CHECK(rig.client->stats().retries == 1);
        CHECK(server.connections() == 2);
    }
    SECTION("a POST may have been carried out: it is not") {
        const auto reply = rig.ask(HttpRequest(HttpMethod::post, server.url()));
        REQUIRE(reply.has_error());
        CHECK(reply.error().code == ErrorCode::unavailable);
        CHECK(rig.client->stats().retries == 0);
    }
}

TEST_CASE("trouble ends as an error, in time", "[net][http]") {
    struct Row {
        const char* name;
        HttpServer::Script script;
        ErrorCode code;
        const char* text;
    };

    const std::string megabyte(1024 * 1024, 'x');
    const std::vector<Row> rows = {
        {"hangs",
         [](Caller& p, int) { p.wait_for_end(); },
         ErrorCode::deadline_exceeded,
         "in time"},
        {"half a reply",
         [](Caller& p, int) {
             p.read_request();
             p.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");
             p.wait_for_end();
         },
         ErrorCode::deadline_exceeded,
         "in time"},
        {"resets",
         [](Caller& p, int) {
             p.read_request();
             p.reset();
         },
         ErrorCode::unavailable,
         "failed"},
        {"closes early",
         [](Caller& p, int) {
             p.read_request();
             p.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");
         },
         ErrorCode::unavailable,
         "failed"},
        {"no HTTP",
         [](Caller& p, int) { p.send("SSH-2.0-x\r\n\r\n"); },
         ErrorCode::unavailable,
         ""},
        {"announces too much",
         [](Caller& p, int) {
             p.read_request();
             p.send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
         },
         ErrorCode::unavailable,
         "larger"},
        {"sends too much",
         [&](Caller& p, int) {
             p.read_request();
             p.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
             for (int i = 0; i < 6; ++i) {
                 p.send(megabyte);
             }
         },
         ErrorCode::unavailable,
         "larger"},
        {"endless header",
         [&](Caller& p, int) {
             p.read_request();
             p.send("HTTP/1.1 200 OK\r\nX: " + megabyte);
         },
         ErrorCode::unavailable,
         "larger"},
        {"endless 100s",
         [&](Caller& p, int) {
             p.read_request();
             for (int i = 0; i < 9; ++i) {
                 p.send("HTTP/1.1 100 Continue\r\n\r\n");
             }
         },
         ErrorCode::unavailable,
         ""},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        Rig rig;
        HttpServer server(row.script);
        const bool waits = row.code == ErrorCode::deadline_exceeded;
        const auto reply = rig.get(server.url(), waits ? Duration(400ms) : Duration(60s));
        REQUIRE(reply.has_error());
        INFO(reply.error().message);
        CHECK(reply.error().code == row.code);
        CHECK(reply.error().message.find(row.text) != std::string::npos);
        CHECK(rig.idle() == 0);
    }
}

TEST_CASE("a slow reply inside the deadline is a reply", "[net][http]") {
    Rig rig;
    HttpServer server([](Caller& peer, int) {
        peer.read_request();
        peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        for (const char c : std::string(hello)) {
            peer.send(std::string_view(&c, 1));
        }
    });
    const auto reply = rig.get(server.url());
    REQUIRE(reply.has_value());
    CHECK(reply->body == "hello");
}

TEST_CASE("nobody listens, no such name", "[net][http]") {
    Rig rig;
    std::string url;
    {
        const HttpServer gone([](Caller&, int) {});
        url = gone.url();
    }
    const auto refused = rig.get(url);
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == ErrorCode::unavailable);
    CHECK(refused.error().message.find("refused") != std::string::npos);
    const auto start = net::now().mono;
    const auto nameless = rig.get("http://no-such-host.invalid/", 2s);
    CHECK(net::now().mono - start < 4s);
    REQUIRE(nameless.has_error());
    CHECK(nameless.error().reason == "NAME_NOT_RESOLVED");
}

TEST_CASE("a call that is cancelled ends at once", "[net][http]") {
    Rig rig;
    HttpServer server([](Caller& peer, int) { peer.wait_for_end(); });
    std::promise<Result<HttpResponse>> out;
    rig.shard.post([&] {
        auto call =
            rig.client->request(HttpRequest(HttpMethod::get, server.url()), net::now().mono + 60s);
        auto limited = net::with_deadline<HttpResponse>(
            rig.shard.timers(), net::now().mono + 100ms, std::move(call)
        );
        auto done = [&](const std::exception_ptr&, Result<HttpResponse> response) {
            out.set_value(std::move(response));
        };
        boost::asio::co_spawn(rig.shard.context(), std::move(limited), std::move(done));
    });
    const auto start = net::now().mono;
    const auto reply = out.get_future().get();
    CHECK(net::now().mono - start < 900ms); // not only after the grace for the deaf
    CHECK(reply.has_error());
}

TEST_CASE("redirects: only when asked for, and without credentials elsewhere", "[net][http]") {
    Rig rig;
    std::string there;
    HttpServer other([&](Caller& peer, int) {
        there = peer.read_request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    HttpServer server([&](Caller& peer, int) {
        while (!peer.read_request().empty()) {
            peer.send(
                "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + other.url() + "/a\r\n\r\n"
            );
        }
    });
    CHECK(rig.get(server.url())->status == 302);
    HttpRequest request(HttpMethod::get, server.url());
    request.redirects_max = 3;
    request.credentials.emplace_back("X-Auth-Token", Secret("t0ken"));
    request.fields.emplace_back("X-Plain", "1");
    CHECK(rig.ask(std::move(request))->status == 200);
    CHECK(there.find("GET /a ") == 0);
    CHECK(there.find("X-Plain: 1") != std::string::npos);
    CHECK(there.find("t0ken") == std::string::npos);
}

TEST_CASE("TLS: who may be talked to", "[net][http]") {
    struct Row {
        const char* name;
        test::Certificate certificate;
        bool use_ca;
        bool pin;
        bool insecure;
        const char* error; // part of the text; null: works
    };

    const std::vector<Row> rows = {
        {"its CA", {"127.0.0.1", 1}, true, false, false, nullptr},
        {"unknown CA", {"127.0.0.1", 1}, false, false, false, "not trusted"},
        {"wrong name", {"other.example", 1}, true, false, false, "mismatch"},
        {"expired", {"127.0.0.1", -1}, true, false, false, "expired"},
        {"insecure on purpose", {"other.example", -1}, false, false, true, nullptr},
        {"pinned", {"other.example", 1}, false, true, false, nullptr},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        Rig rig;
        HttpServer server([](Caller& peer, int) { serve_all(peer); }, row.certificate);
        HttpRequest request(HttpMethod::get, server.url());
        request.tls.ca_file = row.use_ca ? server.ca_file() : "";
        request.tls.fingerprint = row.pin ? server.fingerprint() : "";
        request.tls.insecure = row.insecure;
        const auto reply = rig.ask(std::move(request));
        if (row.error == nullptr) {
            CHECK(reply.has_value());
            continue;
        }
        REQUIRE(reply.has_error());
        INFO(reply.error().message);
        CHECK(reply.error().message.find(row.error) != std::string::npos);
        CHECK(!reply.error().hint.empty());
    }
}

TEST_CASE("TLS: by name, kept, and never mixed with another trust", "[net][http]") {
    Rig rig;
    const auto serve_two = [](Caller& peer, int) {
        for (int i = 0; i < 2 && !peer.read_request().empty(); ++i) {
            peer.send(hello);
        }
    };
    HttpServer server(serve_two, test::Certificate{"localhost", 1});
    HttpRequest request(HttpMethod::get, server.url("localhost"));
    request.tls.ca_file = server.ca_file();
    REQUIRE(rig.ask(request).has_value());
    REQUIRE(rig.ask(request).has_value());
    CHECK(server.connections() == 1);
    request.tls.ca_file.clear(); // the kept connection is not for somebody with other CAs
    const auto stranger = rig.ask(request);
    REQUIRE(stranger.has_error());
    CHECK(stranger.error().reason == "TLS_NOT_TRUSTED");
    request.tls.fingerprint = std::string(64, '0');
    const auto other = rig.ask(request);
    REQUIRE(other.has_error());
    CHECK(other.error().message.find("pinned") != std::string::npos);
}

TEST_CASE("TLS: a plain server and a missing CA file are told apart", "[net][http]") {
    Rig rig;
    HttpServer plain([](Caller& peer, int) { peer.send("hello there, no TLS here\r\n"); });
    HttpRequest request(HttpMethod::get, "https" + plain.url().substr(4));
    const auto failed = rig.ask(request);
    REQUIRE(failed.has_error());
    CHECK(failed.error().reason == "TLS_FAILED");
    request.tls.ca_file = "/nonexistent/ca.pem";
    const auto missing = rig.ask(request);
    REQUIRE(missing.has_error());
    CHECK(missing.error().reason == "TLS_CA_FILE");
}
