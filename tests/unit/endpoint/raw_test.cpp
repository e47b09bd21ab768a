#include "unit/endpoint/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::test;

namespace {

bmc::Config raw_config(Privilege needed = Privilege::administrator) {
    bmc::Config config = node_config();
    config.capabilities.raw = true;
    config.capabilities.raw_privilege = needed;
    return config;
}

} // namespace

TEST_CASE("an unknown command is passed on and its answer comes back as it is") {
    Rig rig({}, raw_config());
    Visitor admin = rig.admin();
    CHECK(admin.ask("30 70 0c 00").empty());
    const auto raw = rig.intents<bmc::RawCommand>();
    REQUIRE(raw.size() == 1);
    CHECK(raw[0].netfn == 0x30);
    CHECK(raw[0].command == 0x70);
    CHECK(to_hex(raw[0].data) == "0c00");
    CHECK(rig.audits() == std::vector<std::string>{"raw admin 0x30 0x70"});

    CHECK(admin.ask_again().empty()); // once, however often it is asked
    rig.observe(bmc::RawDone{raw[0].ticket, 0x82, {1, 2, 3}});
    REQUIRE(rig.sent.size() == 1);
    CHECK(admin.read(rig.sent[0]) == "82010203");
    CHECK(admin.ask_again() == "82010203");
    CHECK(rig.intents<bmc::RawCommand>().size() == 1);
    CHECK(rig.node.parked_count() == 0);
}

TEST_CASE("what is passed on, and what never is") {
    struct Row {
        const char* name;
        const char* request;
        bool passed;
    };

    const Row row = GENERATE(
        Row{"OEM", "3a 01", true},
        Row{"firmware", "08 00", true},
        Row{"storage, unknown here", "0a 60 01", true},
        Row{"another body's group extension", "2c 01 52", true},
        Row{"OEM group", "2e 01 57 01 00", true},
        Row{"PICMG, asked for at each log-in", "2c 00 00", false},
        Row{"VITA", "2c 00 03", false},
        Row{"a group without a body", "2c 00", false},
        Row{"known here", "06 01", false},
        Row{"known here and refused", "0a 27", false},
        Row{"suspend encryption: of this session", "06 55 00 01 00", false},
        Row{"user payload access, unknown or not", "06 50 01", false}
    );
    INFO(row.name);
    Rig rig({}, raw_config());
    Visitor admin = rig.admin();
    const std::string answer = admin.ask(row.request);
    CHECK(answer.empty() == row.passed);
    CHECK(rig.intents<bmc::RawCommand>().size() == (row.passed ? 1U : 0U));
}

TEST_CASE("a node whose backend is no controller knows what it knows") {
    Rig rig;
    Visitor admin = rig.admin();
    CHECK(admin.ask("30 70 0c 00") == "c1");
    CHECK(rig.intents<bmc::RawCommand>().empty());
}

TEST_CASE("an unknown command needs the privilege that its owner set") {
    struct Row {
        Privilege needed;
        const char* user;
        u8 level;
        bool passed;
    };

    const Row row = GENERATE(
        Row{Privilege::administrator, "admin", 4, true},
        Row{Privilege::administrator, "admin", 3, false},
        Row{Privilege::administrator, "oper", 3, false},
        Row{Privilege::operator_, "oper", 3, true},
        Row{Privilege::operator_, "viewer", 2, false}
    );
    Rig rig({}, raw_config(row.needed));
    Visitor visitor = rig.visitor(row.user, row.level, 40001);
    CHECK(visitor.ask("30 70") == (row.passed ? "" : "d4"));
    CHECK(rig.intents<bmc::RawCommand>().size() == (row.passed ? 1U : 0U));
}

TEST_CASE("outside a session nothing is passed on") {
    Rig rig({}, raw_config());
    for (const bool rmcp_plus : {false, true}) {
        const Packet packet = sessionless(rmcp_plus, 0x30, 0x70, {});
        CHECK(rig.send({IpAddress::v4(192, 0, 2, 9), 1}, packet).empty());
    }
    CHECK(rig.intents<bmc::RawCommand>().empty());
}

TEST_CASE("a backend that takes too long is a time-out; its late answer is nobody's") {
    Rig rig({}, raw_config());
    Visitor admin = rig.admin();
    admin.ask("30 70");
    rig.pass(699ms);
    CHECK(rig.sent.empty());
    rig.pass(1ms);
    REQUIRE(rig.sent.size() == 1);
    CHECK(admin.read(rig.sent[0]) == "c3");
    rig.observe(bmc::RawDone{rig.intents<bmc::RawCommand>().at(0).ticket, 0, {}});
    CHECK(rig.sent.size() == 1);
}

TEST_CASE("an answer that is too long for a packet is not cut") {
    Rig rig({}, raw_config());
    Visitor admin = rig.admin();
    admin.ask("30 70");
    const bmc::Ticket ticket = rig.intents<bmc::RawCommand>().at(0).ticket;
    rig.observe(bmc::RawDone{ticket, 0, std::vector<u8>(300, 1)});
    REQUIRE(rig.sent.size() == 1);
    CHECK(admin.read(rig.sent[0]) == "ca");
}

TEST_CASE("raw commands that pile up are refused, not kept") {
    Rig rig({}, raw_config());
    Visitor admin = rig.admin();
    int parked = 0;
    for (int i = 0; i < 80; ++i) {
        const std::string request = "30 70 " + to_hex(ByteArray<1>{static_cast<u8>(i)});
        parked += admin.ask(request).empty() ? 1 : 0;
    }
    CHECK(parked == 64);
    CHECK(rig.node.parked_count() == 64);
}
