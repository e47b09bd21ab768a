#include "unit/client/rig.h"

#include <catch2/catch.hpp>

#include <set>

using namespace vbmc;
using namespace vbmc::test;
using client::Failure;
using client::Request;
using client::Session;

namespace {

std::string failed(Failure why) {
    return "!" + std::to_string(static_cast<int>(why));
}

} // namespace

TEST_CASE("many requests are under way, at most a window of them, and each gets its own answer") {
    Rig rig;
    REQUIRE(rig.log_in());
    std::vector<client::RequestId> ids;
    const std::size_t before = rig.to_node;
    for (int i = 0; i < 40; ++i) {
        const bool guid = i % 2 != 0;
        ids.push_back(rig.submit(Request(0x06, guid ? 0x37 : 0x01, {})));
    }
    CHECK(rig.to_node - before == client::Settings().window);
    rig.pass(5s);
    for (std::size_t i = 0; i < ids.size(); ++i) {
        REQUIRE(rig.result(ids[i]));
        CHECK(rig.result(ids[i])->size() == (i % 2 != 0 ? 34 : 32)); // GUID, device id
    }
}

TEST_CASE("answers may come in any order") {
    Rig rig;
    REQUIRE(rig.log_in());
    int n = 0;
    rig.delay = [&n] { return (40 - 9 * (n++ % 4)) * 1ms; };
    const auto first = rig.submit(Request(0x06, 0x01, {}));
    const auto second = rig.submit(Request(0x06, 0x37, {}));
    const auto third = rig.submit(Request(0x00, 0x01, {}));
    rig.pass(400ms);
    CHECK(rig.result(first)->size() == 32);
    CHECK(rig.result(second)->size() == 34);
    CHECK(rig.result(third)->substr(0, 4) == "0001");
}

TEST_CASE("a lost answer is asked for again and the command runs once") {
    Rig rig;
    REQUIRE(rig.log_in());
    int lost = 0;
    rig.network = [&lost](bool to_node, Packet&) { return !to_node && lost++ == 0 ? 0 : 1; };
    const auto id = rig.submit(Request(0x00, 0x02, {3}));
    rig.pass(1s);
    const auto power = rig.intents<bmc::SetPower>();
    REQUIRE(power.size() == 1);
    rig.observe(bmc::Done{power[0].ticket, bmc::Outcome::ok});
    rig.pass(5s);
    CHECK(rig.result(id) == "00");
    CHECK(rig.intents<bmc::SetPower>().size() == 1);
}

TEST_CASE("replayed answers are nobody's") {
    Rig rig;
    REQUIRE(rig.log_in());
    rig.ask(Request(0x06, 0x01, {}));
    const std::vector<Packet> recorded = rig.from_node;
    rig.network = [](bool, Packet&) { return 0; };
    const auto id = rig.submit(Request(0x06, 0x01, {}));
    for (int turn = 0; turn < 70; ++turn) { // all request numbers go by
        for (Packet packet : recorded) {
            rig.session.receive(rig.now(), packet);
        }
        rig.submit(Request(0x06, 0x01, {}));
    }
    CHECK_FALSE(rig.result(id));
}

TEST_CASE("a busy BMC is asked again while there is time") {
    Rig rig;
    REQUIRE(rig.log_in());
    Request request(0x00, 0x02, {3});
    request.deadline = rig.now() + 3s;
    const auto id = rig.submit(request);
    rig.pass(10ms);
    rig.observe(bmc::Done{rig.intents<bmc::SetPower>().at(0).ticket, bmc::Outcome::busy}); // C0h
    rig.pass(300ms);
    REQUIRE(rig.intents<bmc::SetPower>().size() == 2);
    rig.observe(bmc::Done{rig.intents<bmc::SetPower>().at(1).ticket, bmc::Outcome::ok});
    rig.pass(100ms);
    CHECK(rig.result(id) == "00");
}

TEST_CASE("without patience for it, busy is an answer") {
    Rig rig;
    REQUIRE(rig.log_in());
    Request request(0x00, 0x02, {3});
    request.retry_busy = false;
    const auto id = rig.submit(request);
    rig.pass(10ms);
    rig.observe(bmc::Done{rig.intents<bmc::SetPower>().at(0).ticket, bmc::Outcome::busy});
    rig.pass(10ms);
    CHECK(rig.result(id) == "c0");
}

TEST_CASE("a quiet session is kept alive, and closed with a good-bye") {
    Rig rig;
    REQUIRE(rig.log_in());
    rig.pass(10min);
    CHECK(rig.node->sessions().session_count() == 1);
    CHECK(rig.session.state() == Session::State::ready);
    rig.session.close(rig.now());
    rig.pass(100ms);
    CHECK(rig.node->sessions().session_count() == 0);
    CHECK(rig.session.next_deadline() == never);
}

TEST_CASE("a BMC that forgot the session: what may be repeated waits for the next one") {
    Rig rig;
    REQUIRE(rig.log_in());
    rig.restart_node();
    const auto read = rig.submit(Request(0x00, 0x01, {}));
    Request reset(0x00, 0x02, {3});
    reset.repeatable = false;
    const auto once = rig.submit(reset);
    rig.pass(20s);
    REQUIRE(rig.logged_out.size() == 1);
    CHECK(rig.logged_out[0].failure == Failure::session_lost);
    CHECK(rig.session.has_requests());
    CHECK_FALSE(rig.result(read));
    CHECK(rig.result(once) == failed(Failure::session_lost));
    REQUIRE(rig.log_in());
    rig.pass(2s);
    REQUIRE(rig.result(read));
    CHECK(rig.result(read)->substr(0, 4) == "0001");
    CHECK(rig.intents<bmc::SetPower>().empty());
}

TEST_CASE("the keep-alive notices that the session is gone") {
    Rig rig;
    REQUIRE(rig.log_in());
    rig.restart_node();
    rig.pass(60s);
    REQUIRE(rig.logged_out.size() == 1);
    CHECK(rig.session.state() == Session::State::closed);
}

TEST_CASE("a deadline is kept whatever happens") {
    Rig rig;
    Request request(0x06, 0x01, {});
    request.deadline = rig.now() + 100ms;
    const auto waiting = rig.submit(request); // there is no session
    rig.pass(200ms);
    CHECK(rig.result(waiting) == failed(Failure::deadline));
    REQUIRE(rig.log_in());
    rig.network = [](bool, Packet&) { return 0; };
    request.deadline = rig.now() + 100ms;
    const auto sent = rig.submit(request);
    rig.pass(99ms);
    CHECK_FALSE(rig.result(sent));
    rig.pass(1ms);
    CHECK(rig.result(sent) == failed(Failure::deadline));
}

TEST_CASE("requests are bounded, and one that is cancelled tells nothing") {
    Rig rig;
    std::vector<client::RequestId> ids;
    for (std::size_t i = 0; i <= Session::requests_max; ++i) {
        ids.push_back(rig.submit(Request(0x06, 0x01, {})));
    }
    CHECK(rig.result(ids.back()) == failed(Failure::too_many_requests));
    rig.session.cancel(ids[0]);
    REQUIRE(rig.log_in());
    rig.pass(5s);
    CHECK_FALSE(rig.result(ids[0]));
    CHECK(rig.result(ids[1])->substr(0, 2) == "00");
}
