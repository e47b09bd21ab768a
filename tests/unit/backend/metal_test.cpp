// The metal backend without a cloud: what its table says, what replies come to, and that no reply
// does harm.

#include "backend/driver.h"
#include "backend/metal/account.h"
#include "backend/metal/provider.h"
#include "backend/metal/reply.h"
#include "net/shard.h"
#include "unit/net/http_server.h"

#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>

#include <future>
#include <set>

using namespace vbmc;
using namespace vbmc::backend;
using namespace std::chrono_literals;
using bmc::PowerState;
using metal::Provider;

namespace {

const Provider& provider(const char* name) {
    const Provider* found = metal::find_provider(name);
    REQUIRE(found != nullptr);
    return *found;
}

constexpr const char* equinix_device =
    R"({"id":"d1","hostname":"web1","state":"active","plan":{"name":"c3.small.x86"},)"
    R"("metro":{"code":"da"},"project":{"href":"/metal/v1/projects/p1"},"tags":["role=web","blue"]})";

net::HttpResponse
answer(unsigned status, std::string body, std::vector<net::HttpField> fields = {}) {
    net::HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    response.fields = std::move(fields);
    return response;
}

} // namespace

TEST_CASE("every provider is a whole row", "[metal]") {
    std::set<std::string_view> names;
    for (const Provider& p : metal::providers()) {
        INFO(p.name);
        CHECK(names.insert(p.name).second);
        CHECK(net::Url::parse(p.url)->tls);
        CHECK(p.on.exists());
        CHECK(p.off.exists());
        CHECK(p.reset.exists());
        CHECK(p.get.find("{id}") != std::string_view::npos);
        CHECK(p.insert.exists() == p.eject.exists());
        CHECK(p.tells_power == !p.states.empty());
        CHECK(!p.portal.empty());
        CHECK((p.auth == metal::Auth::oauth2) == !p.token_url.empty());
        CHECK((p.paging != metal::Paging::pages) == (p.page_size == 0));
    }
    CHECK(names.size() == 7);
    CHECK(metal::find_provider("nonesuch") == nullptr);
}

TEST_CASE("states: off only when it is off", "[metal]") {
    struct Row {
        const char* provider;
        const char* body;
        PowerState power;
    };

    const Row rows[] = {
        {"equinix", R"({"state":"active"})", PowerState::on},
        {"equinix", R"({"state":"powering_off"})", PowerState::on},
        {"equinix", R"({"state":"powering_on"})", PowerState::changing},
        {"equinix", R"({"state":"inactive"})", PowerState::off},
        {"equinix", R"({"state":"provisioning"})", PowerState::unknown},
        {"equinix", R"({"state":"failed"})", PowerState::unknown},
        {"equinix", R"({"state":7})", PowerState::unknown},
        {"equinix", R"({})", PowerState::unknown},
        {"latitude", R"({"data":{"id":"1","attributes":{"status":"off"}}})", PowerState::off},
        {"latitude", R"({"data":{"attributes":{"status":"rescue_mode"}}})", PowerState::on},
        {"latitude", R"({"data":{"attributes":{"status":"deploying"}}})", PowerState::unknown},
        {"cherry", R"({"power":"on"})", PowerState::on},
        {"cherry", R"({"power":"off"})", PowerState::off},
        {"scaleway", R"({"status":"stopping"})", PowerState::on},
        {"scaleway", R"({"status":"starting"})", PowerState::changing},
        {"scaleway", R"({"status":"stopped"})", PowerState::off},
        {"scaleway", R"({"status":"locked"})", PowerState::unknown},
        {"phoenixnap", R"({"status":"powered-off"})", PowerState::off},
        {"phoenixnap", R"({"status":"error"})", PowerState::unknown},
        {"vultr", R"({"bare_metal":{"status":"active"}})", PowerState::unknown},
        {"hetzner-cloud", R"({"server":{"id":42,"status":"stopping"}})", PowerState::on},
        {"hetzner-cloud", R"({"server":{"id":42,"status":"starting"}})", PowerState::changing},
        {"hetzner-cloud", R"({"server":{"id":42,"status":"off"}})", PowerState::off},
    };
    for (const Row& row : rows) {
        INFO(row.provider << " " << row.body);
        const auto record = metal::read_record(provider(row.provider), row.body);
        REQUIRE(record.has_value());
        CHECK(record->power == row.power);
    }
}

TEST_CASE("a machine's description", "[metal]") {
    const auto record = metal::read_record(provider("equinix"), equinix_device);
    REQUIRE(record.has_value());
    CHECK(record->name == "web1");
    CHECK(record->product == "c3.small.x86");
    CHECK(record->project == "p1");
    CHECK(record->tags == std::map<std::string, std::string>{{"role", "web"}, {"blue", ""}});
    const auto page = metal::read_page(
        provider("vultr"),
        R"({"bare_metals":[{"id":"a","label":"x"},{"label":"no id"},7],"meta":{"links":{"next":"c2"}}})"
    );
    REQUIRE(page.has_value());
    CHECK(page->items == 3);
    REQUIRE(page->records.size() == 1);
    CHECK(page->records[0].name == "x");
    CHECK(page->next == "c2");
    const auto numbered = metal::read_page(provider("hetzner-cloud"), R"({"servers":[{"id":42}]})");
    CHECK(numbered->records.at(0).id == "42");
    CHECK(
        metal::read_page(
            provider("phoenixnap"), R"([{"id":"a","tags":[{"name":"n","value":"v"}]}])"
        )
            ->records.at(0)
            .tags.at("n") == "v"
    );
}

TEST_CASE("no reply does harm", "[metal]") {
    const std::string whole = equinix_device;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CHECK(metal::read_record(provider("equinix"), whole.substr(0, size)).has_error());
    }
    const std::string deep(100'000, '[');
    for (const Provider& p : metal::providers()) {
        for (const std::string& bad : {deep, std::string("\xff\xfe"), std::string("<html>")}) {
            CHECK(metal::read_record(p, bad).has_error());
            CHECK(metal::read_page(p, bad).has_error());
        }
        CHECK(metal::read_page(p, R"({"devices":7,"servers":{},"data":null})").has_error());
    }
    const auto loud = metal::read_record(
        provider("equinix"), R"({"hostname":"a\u001b[31m\nb)" + std::string(9000, 'x') + R"("})"
    );
    REQUIRE(loud.has_value());
    CHECK(loud->name.size() <= 200);
    CHECK(loud->name.find_first_of("\n\x1b") == std::string::npos);
    CHECK(metal::read_events(R"({"events":[{"id":1,"relationships":[{"href":7}]},8]})").empty());
    CHECK(metal::read_token(R"({"access_token":"a\r\nb"})").has_error());
    CHECK(metal::read_token(R"({"access_token":"abc","expires_in":-5})")->lifetime == 60s);
}

TEST_CASE("what is filled in cannot break out", "[metal]") {
    const metal::Places places = {{"id", "a/../b?c"}, {"url", "http://x/\"},{\\"}};
    CHECK(metal::fill_path("/devices/{id}/x", places) == "/devices/a%2F..%2Fb%3Fc/x");
    CHECK(
        metal::fill_body(R"({"a":"{url}","b":{"c":1}})", places) ==
        R"({"a":"http://x/\"},{\\","b":{"c":1}})"
    );
    CHECK(metal::fill_body(R"({"type":"x"})", places) == R"({"type":"x"})");
}

TEST_CASE("refusals: the right code, the provider's words, and what to do", "[metal]") {
    struct Row {
        unsigned status;
        const char* body;
        ErrorCode code;
        const char* text;
    };

    const Row rows[] = {
        {401, R"({"error":"bad token"})", ErrorCode::unauthenticated, "bad token"},
        {403, R"({})", ErrorCode::permission_denied, "d1"},
        {404, R"(<html>)", ErrorCode::not_found, "d1"},
        {422, R"({"errors":["is locked"]})", ErrorCode::failed_precondition, "is locked"},
        {409,
         R"({"error":{"message":"conflict here"}})",
         ErrorCode::failed_precondition,
         "conflict"},
        {409, R"({"error":{"code":"conflict"}})", ErrorCode::resource_exhausted, "something else"},
        {409, R"({"type":"transient_state"})", ErrorCode::resource_exhausted, "something else"},
        {423, R"({"error":{"message":"locked"}})", ErrorCode::resource_exhausted, "locked"},
        {429, R"({})", ErrorCode::resource_exhausted, "no more calls"},
        {503, R"({"message":"maintenance"})", ErrorCode::unavailable, "maintenance"},
        {302, R"({})", ErrorCode::internal, "302"},
    };
    const metal::Subject subject{provider("equinix"), "d1", "power off"};
    for (const Row& row : rows) {
        INFO(row.status);
        const Error error = metal::refusal(subject, answer(row.status, row.body));
        CHECK(error.code == row.code);
        CHECK(error.message.find("Equinix Metal") != std::string::npos);
        CHECK(error.message.find(row.text) != std::string::npos);
        CHECK(!error.hint.empty());
    }
}

TEST_CASE("how an action gets on", "[metal]") {
    const auto runs =
        metal::read_progress(R"({"action":{"id":7,"status":"running","error":null}})");
    CHECK((runs.runs && runs.id == "7" && runs.failure.empty()));
    CHECK_FALSE(metal::read_progress(R"({"action":{"id":7,"status":"success"}})").runs);
    const auto failed = metal::read_progress(
        R"({"action":{"id":7,"status":"error","error":{"code":"action_failed","message":"no host"}}})"
    );
    CHECK((!failed.runs && failed.failure == "no host"));
    CHECK(!metal::read_progress(R"({"action":{"status":"error"}})").failure.empty());
    for (const char* nonsense : {"", "[", "{}", R"({"action":7})", R"({"action":{"status":{}}})"}) {
        CHECK(
            (!metal::read_progress(nonsense).runs && metal::read_progress(nonsense).failure.empty())
        );
    }
}

TEST_CASE("when calls are allowed again", "[metal]") {
    const Wall now{std::chrono::seconds(1'000'000)};
    const Provider& equinix = provider("equinix");
    const auto pause = [&](const Provider& p, unsigned status, std::vector<net::HttpField> fields) {
        return metal::pause_of(p, answer(status, "", std::move(fields)), now);
    };
    CHECK(pause(equinix, 429, {{"X-RateLimit-Reset", "1000007"}}) == 7s);
    CHECK(pause(equinix, 429, {{"X-RateLimit-Reset", "5"}}) == 1s); // a clock that is wrong
    CHECK(pause(equinix, 429, {{"X-RateLimit-Reset", "99999999999999"}}) == 1h);
    CHECK(pause(equinix, 429, {{"X-RateLimit-Reset", "soon"}}) == 30s);
    CHECK(pause(equinix, 429, {}) == 30s);
    CHECK(pause(provider("latitude"), 429, {{"Retry-After", "4"}}) == 4s);
    CHECK(!pause(equinix, 200, {}).has_value());
    CHECK(!pause(equinix, 200, {{"X-RateLimit-Remaining", "3"}}).has_value());
    CHECK(
        pause(equinix, 200, {{"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "1000002"}}) ==
        2s
    );
}

TEST_CASE("discovery follows the pages and makes nodes of machines", "[metal]") {
    std::vector<std::string> asked;
    test::HttpServer server([&](test::Caller& peer, int) {
        for (std::string request; !(request = peer.read_request()).empty();) {
            asked.push_back(request);
            const bool first = request.find("cursor=&") != std::string::npos ||
                               request.find("cursor= ") != std::string::npos;
            const std::string body =
                first ? R"({"bare_metals":[{"id":"a","label":"one","tags":["env=prod"],)"
                        R"("plan":"vbm","status":"active"}],"meta":{"links":{"next":"n2"}}})"
                      : R"({"bare_metals":[{"id":"b"}],"meta":{"links":{"next":""}}})";
            peer.send(
                "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                body
            );
        }
    });
    const DriverKind* kind = find_kind("metal");
    REQUIRE(kind != nullptr);
    const auto config = DriverConfig::check(
        *kind->discover_schema,
        {{"provider", "vultr"}, {"url", server.url() + "/v2/"}, {"token", "t0ken"}}
    );
    REQUIRE(config.has_value());
    net::ShardPool shards(1);
    const DriverContext context{shards[0].context(), shards[0].timers(), "x"};
    std::promise<Result<std::vector<Found>>> out;
    shards[0].post([&] {
        auto call = kind->discover(context, *config, net::now().mono + 5s);
        auto done = [&](const std::exception_ptr&, Result<std::vector<Found>> found) {
            out.set_value(std::move(found));
        };
        boost::asio::co_spawn(shards[0].context(), std::move(call), std::move(done));
    });
    const auto found = out.get_future().get();
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 2);
    CHECK(found->at(0).name == "one");
    CHECK(found->at(0).labels.at("env") == "prod");
    CHECK(found->at(0).labels.at("plan") == "vbm");
    CHECK(found->at(0).options.at("uuid") == "a");
    CHECK(found->at(1).name == "b");
    REQUIRE(asked.size() == 2);
    CHECK(asked[0].find("GET /v2/bare-metals?") == 0);
    CHECK(asked[1].find("cursor=n2") != std::string::npos);
    CHECK(asked[0].find("Authorization: Bearer t0ken\r\n") != std::string::npos);
}
