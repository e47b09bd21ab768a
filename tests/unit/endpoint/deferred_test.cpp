#include "unit/endpoint/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::test;
using bmc::Outcome;
using bmc::PowerState;

TEST_CASE("Chassis Control waits for the machine and tells how it ended") {
    struct Row {
        const char* name;
        Outcome outcome;
        const char* code;
    };

    const Row row = GENERATE(
        Row{"taken", Outcome::ok, "00"},
        Row{"never possible", Outcome::unsupported, "d5"},
        Row{"not now", Outcome::invalid_state, "d5"},
        Row{"busy", Outcome::busy, "c0"},
        Row{"no answer", Outcome::unreachable, "c0"},
        Row{"broke", Outcome::failed, "ff"}
    );
    INFO(row.name);
    Rig rig;
    Visitor admin = rig.admin();
    rig.see(PowerState::on);
    CHECK(admin.ask("00 02 02").empty());
    const auto power = rig.intents<bmc::SetPower>();
    REQUIRE(power.size() == 1);
    CHECK(power[0].action == bmc::PowerAction::cycle);
    CHECK(power[0].cause == bmc::RestartCause::chassis_control);
    CHECK(rig.node.parked_count() == 1);

    rig.done(power[0].ticket, row.outcome);
    REQUIRE(rig.sent.size() == 1);
    CHECK(admin.read(rig.sent[0]) == row.code);
    CHECK(rig.node.parked_count() == 0);
}

TEST_CASE("at the end of the confirm window the client is told accepted, once") {
    Rig rig;
    Visitor admin = rig.admin();
    rig.see(PowerState::on);
    CHECK(admin.ask("00 02 03").empty());
    rig.pass(699ms);
    CHECK(rig.sent.empty());
    rig.pass(1ms);
    REQUIRE(rig.sent.size() == 1);
    CHECK(admin.read(rig.sent[0]) == "00");
    rig.done(rig.intents<bmc::SetPower>().at(0).ticket, Outcome::failed);
    CHECK(rig.sent.size() == 1);
}

TEST_CASE("a request that is sent again while it is parked runs once and is answered once") {
    Rig rig;
    Visitor admin = rig.admin();
    rig.see(PowerState::on);
    CHECK(admin.ask("00 02 02").empty());
    CHECK(admin.ask_again().empty());
    CHECK(admin.ask_again().empty());
    CHECK(rig.node.parked_count() == 1);
    const auto power = rig.intents<bmc::SetPower>();
    REQUIRE(power.size() == 1);
    rig.done(power[0].ticket);
    CHECK(rig.sent.size() == 1);
}

TEST_CASE("a request that is sent again after its answer gets that answer and runs once") {
    Rig rig;
    Visitor admin = rig.admin();
    rig.see(PowerState::on);
    admin.ask("00 02 02");
    rig.done(rig.intents<bmc::SetPower>().at(0).ticket, Outcome::busy);
    for (int again = 0; again < 3; ++again) {
        CHECK(admin.ask_again() == "c0");
    }
    rig.pass(9s);
    CHECK(admin.ask_again() == "c0");
    CHECK(rig.intents<bmc::SetPower>().size() == 1);
}

TEST_CASE("a late copy of a request finds its answer, whatever was asked in between") {
    Rig rig;
    Visitor admin = rig.admin();
    rig.see(PowerState::on);
    admin.ask("00 02 00");
    const Packet late = admin.client.retransmit(); // on its way for longer than what follows
    rig.done(rig.intents<bmc::SetPower>().at(0).ticket);
    rig.see(PowerState::off);
    for (int i = 0; i < 10; ++i) {
        CHECK(admin.ask("06 08").substr(0, 2) == "00");
    }
    admin.ask("00 02 01");
    rig.done(rig.intents<bmc::SetPower>().at(1).ticket);
    rig.see(PowerState::on);
    rig.send(admin.peer, late);
    CHECK(rig.intents<bmc::SetPower>().size() == 2); // it does not switch off what was switched on
}

TEST_CASE("the same action while one is under way is answered at once and does nothing more") {
    Rig rig;
    Visitor admin = rig.admin();
    Visitor other = rig.admin(40001);
    rig.see(PowerState::on);
    CHECK(admin.ask("00 02 02").empty());
    CHECK(admin.ask("00 02 02") == "00"); // freeipmi: a new rqSeq
    CHECK(other.ask("00 02 02") == "00");
    CHECK(rig.intents<bmc::SetPower>().size() == 1);
    CHECK(other.ask("00 02 00").empty()); // another action is another matter
    CHECK(rig.intents<bmc::SetPower>().size() == 2);
}

TEST_CASE("Chassis Status is told from memory while it is fresh, and looked up when it is not") {
    Rig rig;
    Visitor viewer = rig.visitor("viewer", 2, 40000);
    rig.see(PowerState::on);
    CHECK(viewer.ask("00 01").substr(0, 4) == "0001");
    CHECK(rig.intents<bmc::RefreshPower>().empty());

    rig.pass(3s);
    CHECK(viewer.ask("00 01").empty());
    const auto looks = rig.intents<bmc::RefreshPower>();
    REQUIRE(looks.size() == 1);
    rig.see(PowerState::off);
    rig.done(looks[0].ticket);
    REQUIRE(rig.sent.size() == 1);
    CHECK(viewer.read(rig.sent[0]).substr(0, 4) == "0000");
}

TEST_CASE("readers share one look") {
    Rig rig;
    Visitor one = rig.visitor("viewer", 2, 40000);
    Visitor two = rig.admin(40001);
    rig.see(PowerState::on);
    rig.pass(3s);
    CHECK(one.ask("00 01").empty());
    CHECK(two.ask("00 01").empty());
    CHECK(rig.intents<bmc::RefreshPower>().size() == 1);
    rig.see(PowerState::on);
    rig.done(rig.intents<bmc::RefreshPower>()[0].ticket);
    REQUIRE(rig.sent.size() == 2);
    CHECK(one.read(rig.sent[0]).substr(0, 4) == "0001");
    CHECK(two.read(rig.sent[1]).substr(0, 4) == "0001");
}

TEST_CASE("a state that is older than the bound is refused, never told") {
    Rig rig;
    Visitor viewer = rig.visitor("viewer", 2, 40000);
    SECTION("it was never seen") {
        CHECK(viewer.ask("00 01").empty());
        rig.pass(700ms);
        REQUIRE(rig.sent.size() == 1);
        CHECK(viewer.read(rig.sent[0]) == "c0");
    }
    SECTION("it was seen too long ago") {
        rig.see(PowerState::off);
        for (int i = 0; i < 4; ++i) { // the session stays alive
            rig.pass(16s);
            CHECK(viewer.ask("06 01").substr(0, 2) == "00");
        }
        CHECK(viewer.ask("00 01").empty());
        rig.done(rig.intents<bmc::RefreshPower>().at(0).ticket, Outcome::unreachable);
        REQUIRE(rig.sent.size() == 1);
        CHECK(viewer.read(rig.sent[0]) == "c0");
    }
    SECTION("within the bound it is told when the look does not come") {
        rig.see(PowerState::off);
        rig.pass(30s);
        CHECK(viewer.ask("00 01").empty());
        rig.pass(700ms);
        REQUIRE(rig.sent.size() == 1);
        CHECK(viewer.read(rig.sent[0]).substr(0, 4) == "0000");
    }
}

TEST_CASE("a status that was sent late is not repeated from memory") {
    Rig rig;
    Visitor viewer = rig.visitor("viewer", 2, 40000);
    rig.see(PowerState::on);
    rig.pass(3s);
    CHECK(viewer.ask("00 01").empty());
    rig.see(PowerState::on);
    rig.done(rig.intents<bmc::RefreshPower>().at(0).ticket);
    CHECK(rig.sent.size() == 1);
    rig.see(PowerState::off);
    CHECK(viewer.ask_again().substr(0, 4) == "0000");
}

TEST_CASE("a backend that tells of every change is always fresh, until it is gone") {
    bmc::Config config = node_config();
    config.capabilities.pushes_power = true;
    Rig rig({}, config);
    Visitor viewer = rig.visitor("viewer", 2, 40000);
    rig.see(PowerState::off);
    rig.pass(50s);
    CHECK(viewer.ask("00 01").substr(0, 4) == "0000");
    rig.observe(bmc::Unreachable{});
    CHECK(viewer.ask("00 01").empty());
}

TEST_CASE("too many parked requests are answered busy, and no reply is lost") {
    Rig rig;
    std::vector<Visitor> visitors;
    for (u16 i = 0; i < 13; ++i) {
        visitors.push_back(rig.visitor("viewer", 2, static_cast<u16>(40000 + i)));
    }
    int busy = 0;
    int waiting = 0;
    for (int i = 0; i < 10; ++i) {
        for (Visitor& visitor : visitors) {
            const std::string answer = visitor.ask("00 01");
            busy += answer == "c0" ? 1 : 0;
            waiting += answer.empty() ? 1 : 0;
        }
    }
    CHECK(waiting == 64);
    CHECK(busy == 130 - 64);
    rig.pass(1s);
    CHECK(rig.sent.size() == 64);
    CHECK(rig.node.parked_count() == 0);
}

TEST_CASE("a parked request of a session that ended is answered to nobody") {
    Rig rig;
    Visitor admin = rig.admin();
    rig.see(PowerState::on);
    admin.ask("00 02 02");
    rig.node.close_all();
    rig.drain();
    rig.done(rig.intents<bmc::SetPower>().at(0).ticket);
    rig.pass(2s);
    CHECK(rig.sent.empty());
}

TEST_CASE("clients whose actions interleave, each resending under new numbers, act once each") {
    Rig rig;
    Visitor one = rig.admin(40000);
    Visitor two = rig.admin(40001);
    rig.see(PowerState::on);
    CHECK(one.ask("00 02 02").empty());
    CHECK(two.ask("00 02 03").empty());
    CHECK(one.ask("00 02 02") == "00");
    for (const bmc::SetPower& power : rig.intents<bmc::SetPower>()) {
        rig.done(power.ticket);
    }
    for (int second = 0; second < 20; ++second) { // freeipmi goes on for so long
        rig.pass(1s);
        CHECK(one.ask("00 02 02") == "00");
        CHECK(two.ask("00 02 03") == "00");
    }
    CHECK(rig.intents<bmc::SetPower>().size() == 2);
    rig.pass(6s); // meant anew
    rig.see(PowerState::on);
    CHECK(one.ask("00 02 02").empty());
    CHECK(rig.intents<bmc::SetPower>().size() == 3);
}

TEST_CASE("an action that failed may be tried again at once") {
    Rig rig;
    Visitor admin = rig.admin();
    rig.see(PowerState::on);
    admin.ask("00 02 02");
    rig.done(rig.intents<bmc::SetPower>().at(0).ticket, Outcome::busy);
    CHECK(admin.ask("00 02 02").empty());
    CHECK(rig.intents<bmc::SetPower>().size() == 2);
}
