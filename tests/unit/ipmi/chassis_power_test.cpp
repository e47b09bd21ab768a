#include "unit/ipmi/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace std::chrono_literals;
using bmc::Outcome;
using bmc::PowerState;
using test::Rig;

namespace {

bmc::SetPower only_power(Rig& rig) {
    const auto actions = rig.take<bmc::SetPower>();
    REQUIRE(actions.size() == 1);
    return actions.front();
}

/// Asks, lets the backend end it, and asks again as the endpoint does.
std::string ask_and_end(Rig& rig, const char* request, Outcome outcome) {
    REQUIRE(rig.ask(request) == "defer");
    const bmc::Ticket ticket = rig.ticket;
    CHECK(only_power(rig).ticket == ticket);
    rig.done(ticket, outcome);
    const ipmi::Completion completion{outcome, false};
    return rig.ask(request, &completion);
}

} // namespace

TEST_CASE("a fresh look answers at once, an older one asks for another") {
    Rig rig;
    rig.see(PowerState::on);
    CHECK(rig.ask("00 01") == "00 01 00 40 f0");
    rig.pass(2s);
    CHECK(rig.ask("00 01") == "00 01 00 40 f0");
    rig.pass(1ms);
    CHECK(rig.ask("00 01") == "defer");
    const auto refreshes = rig.take<bmc::RefreshPower>();
    REQUIRE(refreshes.size() == 1);
    CHECK(refreshes[0].ticket == rig.ticket);

    rig.see(PowerState::off);
    rig.done(rig.ticket);
    const ipmi::Completion completion{Outcome::ok, false};
    CHECK(rig.ask("00 01", &completion) == "00 00 00 40 f0");
}

TEST_CASE("readers that wait share one look") {
    Rig rig;
    CHECK(rig.ask("00 01") == "defer");
    const bmc::Ticket first = rig.ticket;
    CHECK(rig.ask("00 01") == "defer");
    CHECK(rig.ticket == first);
    CHECK(rig.take<bmc::RefreshPower>().size() == 1);
    rig.done(first, Outcome::unreachable);
    CHECK(rig.ask("00 01") == "defer");
    CHECK(rig.ticket != first);
}

TEST_CASE("a backend that does not answer: the last look while it is young enough, then C0") {
    Rig rig;
    const ipmi::Completion timed_out{Outcome::ok, true};
    CHECK(rig.ask("00 01") == "defer");
    CHECK(rig.ask("00 01", &timed_out) == "c0"); // never seen
    rig.see(PowerState::on);
    rig.pass(60s);
    CHECK(rig.ask("00 01", &timed_out) == "00 01 00 40 f0");
    rig.pass(1ms);
    CHECK(rig.ask("00 01", &timed_out) == "c0");
    rig.see(PowerState::unknown);
    CHECK(rig.ask("00 01", &timed_out) == "c0"); // never a guess
}

TEST_CASE("what pushes its changes is always fresh, until it is unreachable") {
    bmc::Config config = test::config();
    config.capabilities.pushes_power = true;
    Rig rig(config);
    CHECK(rig.ask("00 01") == "defer");
    rig.see(PowerState::off);
    rig.pass(24h);
    CHECK(rig.ask("00 01") == "00 00 00 40 f0");
    rig.bmc.observe(rig.now, bmc::Unreachable{});
    CHECK(rig.ask("00 01") == "defer");
    rig.see(PowerState::off);
    CHECK(rig.ask("00 01") == "00 00 00 40 f0");
}

TEST_CASE("a look from before an action says nothing about after it") {
    Rig rig;
    rig.see(PowerState::on);
    REQUIRE(rig.ask("00 02 00") == "defer");
    rig.pass(100ms);
    rig.done(rig.ticket);
    CHECK(rig.ask("00 01") == "defer");
    rig.pass(100ms);
    rig.see(PowerState::off);
    CHECK(rig.ask("00 01") == "00 00 00 40 f0");
}

TEST_CASE("Chassis Control's completion code tells how it ended") {
    struct Row {
        Outcome outcome;
        const char* reply;
    };

    const Row row = GENERATE(values<Row>({
        {Outcome::ok, "00"},
        {Outcome::unsupported, "d5"},
        {Outcome::invalid_state, "d5"},
        {Outcome::busy, "c0"},
        {Outcome::unreachable, "c0"},
        {Outcome::failed, "ff"},
    }));
    Rig rig;
    rig.see(PowerState::on);
    CHECK(ask_and_end(rig, "00 02 00", row.outcome) == row.reply);
}

TEST_CASE("when the confirm window is over the action is accepted and goes on") {
    Rig rig;
    rig.see(PowerState::on);
    REQUIRE(rig.ask("00 02 00") == "defer");
    const ipmi::Completion timed_out{Outcome::ok, true};
    CHECK(rig.ask("00 02 00", &timed_out) == "00");
    CHECK(rig.take<bmc::SetPower>().size() == 1);
    // The same again while it is under way: accepted, and nothing more.
    CHECK(rig.ask("00 02 00") == "00");
    rig.session = 8;
    CHECK(rig.ask("00 02 00") == "00");
    CHECK(rig.take<bmc::SetPower>().empty());
    // Another action is another wish.
    CHECK(rig.ask("00 02 01") == "defer");
    CHECK(only_power(rig).action == bmc::PowerAction::on);
}

TEST_CASE("a reset that is sent again after its reply was lost runs once") {
    for (const char* request : {"00 02 02", "00 02 03", "00 02 04", "00 02 05"}) {
        INFO(request);
        Rig rig;
        rig.see(PowerState::on);
        CHECK(ask_and_end(rig, request, Outcome::ok) == "00");
        rig.pass(1s);
        CHECK(rig.ask(request) == "00"); // freeipmi: the same session, a new rqSeq
        CHECK(rig.take<bmc::SetPower>().empty());
        rig.pass(4s);
        CHECK(rig.ask(request) == "00"); // it goes on resending
        rig.pass(6s);
        CHECK(rig.ask(request) == "defer"); // and later a new wish
    }
}

TEST_CASE("another session's reset is a new wish; so is one after a failure") {
    Rig rig;
    rig.see(PowerState::on);
    CHECK(ask_and_end(rig, "00 02 03", Outcome::ok) == "00");
    rig.session = 8;
    CHECK(ask_and_end(rig, "00 02 03", Outcome::busy) == "c0");
    CHECK(rig.ask("00 02 03") == "defer");
}

TEST_CASE("a machine that is surely off cannot be reset, cycled or interrupted") {
    for (const char* request : {"00 02 02", "00 02 03", "00 02 04", "00 03"}) {
        INFO(request);
        Rig rig;
        rig.see(PowerState::off);
        CHECK(rig.ask(request) == "d5");
        CHECK(rig.bmc.outbox.empty());
        rig.pass(3s); // not sure any more: the backend decides
        CHECK(rig.ask(request) == "defer");
    }
}

TEST_CASE("off, on and soft go to the backend whatever was seen last") {
    for (const char* request : {"00 02 00", "00 02 01", "00 02 05"}) {
        INFO(request);
        Rig rig;
        rig.see(PowerState::off);
        CHECK(rig.ask(request) == "defer");
    }
}

TEST_CASE("what the backend cannot do is refused at once") {
    bmc::Config config = test::config();
    config.capabilities = bmc::Capabilities{
        .power = false, .reset = false, .soft = false, .nmi = false, .boot = false};
    for (const char* request :
         {"00 02 00",
          "00 02 01",
          "00 02 02",
          "00 02 03",
          "00 02 04",
          "00 02 05",
          "00 08 05 80 04 00 00 00"}) {
        INFO(request);
        Rig rig(config);
        rig.see(PowerState::on);
        CHECK(rig.ask(request) == "d5");
        CHECK(rig.bmc.outbox.empty());
    }
    Rig rig(config);
    CHECK(rig.ask("00 08 05 00 00 00 00 00") == "00"); // asks for nothing
}

TEST_CASE("last power event and restart cause are those of what was seen") {
    Rig rig;
    rig.see(PowerState::off);
    CHECK(ask_and_end(rig, "00 02 01", Outcome::ok) == "00");
    rig.pass(1s);
    rig.see(PowerState::on);
    CHECK(rig.ask("00 01") == "00 01 10 40 f0"); // on by an IPMI command
    CHECK(rig.ask("00 07") == "00 01 01");
    // Off and on again by somebody else, long after.
    rig.pass(10min);
    rig.see(PowerState::off);
    rig.see(PowerState::on);
    CHECK(rig.ask("00 01") == "00 01 00 40 f0");
    CHECK(rig.ask("00 07") == "00 00 00");
}

TEST_CASE("a power action that fails behind shows as a control fault until the next change") {
    Rig rig;
    rig.see(PowerState::off);
    rig.bmc.observe(
        rig.now, bmc::PowerFailed{.action = bmc::PowerAction::on, .outcome = Outcome::failed}
    );
    CHECK(rig.ask("00 01") == "00 10 00 40 f0");
    const auto& record = rig.bmc.sel.records().back();
    CHECK(test::to_hex(Bytes(record).subspan(10, 6)) == "09 01 6f a5 01 04");
    rig.see(PowerState::on);
    CHECK(rig.ask("00 01") == "00 01 00 40 f0");
}
