#include "fleet/console_hub.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>

using namespace vbmc;
using namespace vbmc::fleet;

namespace {

struct Watcher {
    std::string text;
    std::vector<ConsoleNews::Kind> news;
    std::string demoted_by;
    std::string why;

    ConsoleHub::Sink sink() {
        return [this](const ConsoleNews& what) {
            if (what.kind == ConsoleNews::Kind::output) {
                text.append(what.bytes.begin(), what.bytes.end());
            } else {
                news.push_back(what.kind);
                demoted_by = what.who;
                why = what.why;
            }
        };
    }
};

void print(ConsoleHub& hub, std::string_view text) {
    const std::vector<u8> bytes(text.begin(), text.end());
    hub.output(bytes);
}

std::string text_of(const std::vector<u8>& bytes) {
    return {bytes.begin(), bytes.end()};
}

} // namespace

TEST_CASE("any number watch, one types", "[console]") {
    ConsoleHub hub;
    CHECK_FALSE(hub.wanted());
    Watcher a, b, c;
    const auto first = hub.join(ConsoleMode::write, "ann", a.sink());
    const auto second = hub.join(ConsoleMode::view, "bob", b.sink());
    REQUIRE(first.has_value());
    REQUIRE(second.has_value());
    CHECK(hub.wanted());
    CHECK(hub.may_type(first->id));
    CHECK_FALSE(hub.may_type(second->id));
    CHECK_FALSE(hub.may_type(0));

    const auto refused = hub.join(ConsoleMode::write, "eve", c.sink());
    REQUIRE(refused.has_error());
    CHECK(refused.error().reason == "CONSOLE_IN_USE");
    CHECK(refused.error().message.find("ann") != std::string::npos);

    const auto third = hub.join(ConsoleMode::force, "eve", c.sink());
    CHECK(hub.may_type(third->id));
    CHECK_FALSE(hub.may_type(first->id));
    CHECK(a.news == std::vector{ConsoleNews::Kind::demoted});
    CHECK(a.demoted_by == "eve");
    print(hub, "hello");
    CHECK(a.text == "hello");
    CHECK(b.text == "hello");
    CHECK(c.text == "hello");

    CHECK(hub.leave(third->id) == "eve");
    CHECK(hub.leave(third->id).empty());
    print(hub, "!");
    CHECK(c.text == "hello");
    CHECK(hub.join(ConsoleMode::write, "dan", c.sink()).has_value());
}

TEST_CASE("an IPMI session takes the console from who types", "[console]") {
    ConsoleHub hub;
    Watcher a, b;
    const auto typing = hub.join(ConsoleMode::write, "ann", a.sink());
    hub.session_began("admin@198.51.100.1");
    CHECK_FALSE(hub.may_type(typing->id));
    CHECK(a.demoted_by == "admin@198.51.100.1");
    CHECK(
        hub.join(ConsoleMode::write, "bob", b.sink()).error().message.find("admin@") !=
        std::string::npos
    );
    hub.leave(typing->id);
    CHECK(hub.wanted());
    hub.session_ended();
    CHECK_FALSE(hub.wanted());
}

TEST_CASE("the history is the last 64 KiB, in order", "[console]") {
    ConsoleHub hub;
    Watcher a;
    CHECK(hub.join(ConsoleMode::view, "ann", a.sink())->history.empty());
    print(hub, "short");
    CHECK(text_of(hub.join(ConsoleMode::view, "bob", a.sink())->history) == "short");
    std::string all = "short";
    for (int i = 0; i < 3000; ++i) {
        const std::string line = "line " + std::to_string(i) + "\r\n";
        print(hub, line);
        all += line;
    }
    print(hub, std::string(100'000, 'x') + "end"); // more than it holds, at once
    all += std::string(100'000, 'x') + "end";
    print(hub, "after");
    all += "after";
    const std::string kept = text_of(hub.join(ConsoleMode::view, "eve", a.sink())->history);
    CHECK(kept.size() == ConsoleHub::history_bytes_max);
    CHECK(kept == all.substr(all.size() - kept.size()));
}

TEST_CASE("what happens to the stream is told once", "[console]") {
    ConsoleHub hub;
    Watcher a;
    static_cast<void>(hub.join(ConsoleMode::view, "ann", a.sink()));
    hub.disconnected(); // it never was
    hub.connected();
    CHECK(hub.join(ConsoleMode::view, "bob", Watcher().sink())->connected);
    hub.leave(2);
    hub.disconnected();
    hub.disconnected();
    hub.end();
    hub.connected();
    print(hub, "nobody is there");
    using Kind = ConsoleNews::Kind;
    CHECK(a.news == std::vector{Kind::connected, Kind::disconnected, Kind::ended});
    CHECK(a.text.empty());
    CHECK_FALSE(hub.wanted());
}

TEST_CASE("why the stream cannot be opened is told to each, once a reason", "[console]") {
    ConsoleHub hub;
    Watcher a, b;
    using Kind = ConsoleNews::Kind;
    static_cast<void>(hub.join(ConsoleMode::write, "ann", a.sink()));
    hub.not_opened("no route");
    hub.not_opened("no route");
    CHECK(a.news == std::vector{Kind::not_opened});
    CHECK(a.why == "no route");
    static_cast<void>(hub.join(ConsoleMode::view, "bob", b.sink()));
    hub.not_opened("no route");
    CHECK(b.news == std::vector{Kind::not_opened});
    hub.not_opened("refused");
    CHECK(a.why == "refused");
    hub.connected();
    hub.disconnected();
    hub.not_opened("refused"); // again, but anew
    CHECK(
        a.news ==
        std::vector{
            Kind::not_opened,
            Kind::not_opened,
            Kind::connected,
            Kind::disconnected,
            Kind::not_opened}
    );
}

TEST_CASE("so many watch, and no more", "[console]") {
    ConsoleHub hub;
    Watcher a;
    for (std::size_t i = 0; i < ConsoleHub::watchers_max; ++i) {
        REQUIRE(hub.join(ConsoleMode::view, "ann", a.sink()).has_value());
    }
    CHECK(hub.join(ConsoleMode::force, "root", a.sink()).error().reason == "TOO_MANY_WATCHERS");
}
