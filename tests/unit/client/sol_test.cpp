#include "unit/client/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::test;
using client::Request;

namespace {

const Request activate(0x06, 0x48, {1, 1, 0xc0, 0, 0, 0});

/// What was typed at the node's machine so far.
std::string typed(const Rig& rig) {
    std::string text;
    for (const auto& input : rig.intents<bmc::ConsoleInput>()) {
        text.append(input.bytes.begin(), input.bytes.end());
    }
    return text;
}

void say(Rig& rig, std::string_view text) {
    rig.observe(bmc::ConsoleBytes{{text.begin(), text.end()}});
}

bool type(Rig& rig, std::string_view text) {
    return rig.session.write_sol(rig.now(), as_bytes(text));
}

} // namespace

TEST_CASE("a console both ways") {
    Rig rig;
    REQUIRE(rig.log_in());
    REQUIRE(rig.ask(activate).substr(0, 2) == "00");
    rig.session.start_sol({});
    CHECK(type(rig, "uname\r"));
    rig.pass(100ms);
    CHECK(typed(rig) == "uname\r");
    say(rig, "Linux\r\n");
    rig.pass(200ms);
    CHECK(rig.sol_text == "Linux\r\n");
    rig.session.break_sol(rig.now());
    rig.pass(200ms);
    CHECK(rig.intents<bmc::ConsoleBreak>().size() == 1);
}

TEST_CASE("nothing is lost or doubled on a bad line") {
    for (u64 seed = 1; seed <= 30; ++seed) {
        INFO("seed " << seed);
        Rig rig({}, {}, seed);
        REQUIRE(rig.log_in());
        REQUIRE(rig.ask(activate).substr(0, 2) == "00");
        rig.session.start_sol({});
        SeededEntropy dice(seed * 31);
        rig.network = [&dice](bool, Packet&) {
            const u32 roll = dice.next_u32() % 10;
            return roll < 2 ? 0 : roll < 3 ? 2 : 1;
        };
        std::string keys;
        std::string screen;
        for (int i = 0; i < 40; ++i) {
            const std::string line =
                "line " + std::to_string(i) + std::string(dice.next_u32() % 90, 'x');
            keys += line;
            REQUIRE(type(rig, line));
            screen += "echo " + line;
            say(rig, "echo " + line);
            rig.pass(50ms);
        }
        rig.pass(60s);
        CHECK(typed(rig) == keys);
        CHECK(rig.sol_text.size() >= screen.size() * 9 / 10); // the BMC drops after its retries
        CHECK(rig.session.has_sol());
    }
}

TEST_CASE("a console that somebody else takes ends here") {
    Rig rig;
    REQUIRE(rig.log_in());
    REQUIRE(rig.ask(activate).substr(0, 2) == "00");
    rig.session.start_sol({});
    rig.node->deactivate_sol();
    rig.pass(100ms);
    CHECK(rig.sol_ended == 1);
    CHECK_FALSE(rig.session.has_sol());
    CHECK_FALSE(type(rig, "x"));
}

TEST_CASE("a BMC that acknowledges nothing any more ends the console") {
    Rig rig;
    REQUIRE(rig.log_in());
    REQUIRE(rig.ask(activate).substr(0, 2) == "00");
    rig.session.start_sol({});
    rig.network = [](bool, Packet&) { return 0; };
    type(rig, "x");
    rig.pass(20s);
    CHECK(rig.sol_ended == 1);
}

TEST_CASE("what was typed waits while the BMC's buffer is full, up to a bound") {
    client::SolSettings settings;
    settings.packet_bytes = 12;
    client::Sol sol(settings);
    Mono now(1h);
    ByteArray<255> out{};
    REQUIRE(sol.write(as_bytes("0123456789abcdef")));
    REQUIRE(sol.transmit(now, out) == 12); // four of header, eight keys
    CHECK(sol.transmit(now, out) == 0);

    const ByteArray<4> partly = {0, 1, 3, 0x40}; // NACK: three were taken
    sol.receive(now, partly);
    CHECK(sol.transmit(now, out) == 0); // a pause first
    now += settings.pause;
    REQUIRE(sol.transmit(now, out) == 12);
    CHECK(out[0] == 2); // a new number
    CHECK(std::string(out.begin() + 4, out.begin() + 12) == "3456789a");

    const std::vector<u8> much(client::Sol::waiting_max, 'x');
    CHECK_FALSE(sol.write(much));
}

TEST_CASE("a packet that grew in its second transmission brings only what is new") {
    client::Sol sol({});
    const Mono now(1h);
    ByteArray<255> out{};
    const ByteArray<6> first = {3, 0, 0, 0, 'a', 'b'};
    CHECK(sol.receive(now, first).characters.size() == 2);
    const ByteArray<7> second = {3, 0, 0, 0, 'a', 'b', 'c'};
    const auto input = sol.receive(now, second);
    REQUIRE(input.characters.size() == 1);
    CHECK(input.characters[0] == 'c');
    REQUIRE(sol.transmit(now, out) == 4);
    CHECK(out[1] == 3);
    CHECK(out[2] == 3);
}

TEST_CASE("the next activation goes on counting where the last one ended") {
    client::SolSettings settings;
    ByteArray<client::Sol::payload_max> payload{};
    for (const u8 before : {u8{0}, u8{1}, u8{15}}) {
        settings.number_before = before;
        client::Sol sol(settings);
        REQUIRE(sol.write(as_bytes("x")));
        REQUIRE(sol.transmit(Mono{}, payload) > 0);
        CHECK(payload[0] == before % 15 + 1); // 1 to 15 (IPMI 2.0 §15.11)
        CHECK(sol.last_sent() == payload[0]);
    }
}
