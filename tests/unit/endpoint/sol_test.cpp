#include "endpoint/sol.h"

#include <catch2/catch.hpp>

#include <string>

using namespace vbmc;
using namespace vbmc::endpoint;
using namespace std::chrono_literals;

namespace {

struct Line {
    Sol sol{1, SolTiming{20ms, 50, 2, 100ms}};
    Now now{};
    ByteArray<300> buffer{};

    void pass(Duration time) { now.mono += time; }

    /// The next packet: "number/acked/accepted/status:characters", or "" when there is none.
    std::string sent() {
        const std::size_t n = sol.transmit(now, buffer);
        if (n == 0) {
            return "";
        }
        std::string text = std::to_string(buffer[0]) + "/" + std::to_string(buffer[1]) + "/" +
                           std::to_string(buffer[2]) + "/" + std::to_string(buffer[3]) + ":";
        return text.append(buffer.begin() + 4, buffer.begin() + static_cast<std::ptrdiff_t>(n));
    }

    std::string
    receive(u8 number, u8 acked, u8 accepted, u8 operation, const std::string& characters) {
        std::vector<u8> packet = {number, acked, accepted, operation};
        packet.insert(packet.end(), characters.begin(), characters.end());
        const SolInput input = sol.receive(packet);
        return std::string(input.characters.begin(), input.characters.end()) +
               (input.send_break ? "<break>" : "");
    }

    void print(const std::string& characters) {
        sol.console_output(now, std::vector<u8>(characters.begin(), characters.end()));
    }
};

} // namespace

TEST_CASE("characters from the console are delivered once and acknowledged") {
    Line line;
    CHECK(line.receive(1, 0, 0, 0, "ls\n") == "ls\n");
    CHECK(line.sent() == "0/1/3/0:");
    CHECK(line.sent().empty());
    CHECK(line.receive(1, 0, 0, 0, "ls\n").empty()); // our acknowledgement was lost
    CHECK(line.sent() == "0/1/3/0:");
    CHECK(line.receive(2, 0, 0, 0x10, "").substr(0) == "<break>");
}

TEST_CASE("output waits for company, then goes out and is repeated until acknowledged") {
    Line line;
    line.print("ab");
    CHECK(line.sent().empty());
    CHECK(line.sol.next_deadline() == line.now.mono + 20ms);
    line.pass(20ms);
    CHECK(line.sent() == "1/0/0/0:ab");
    line.print("cd");
    line.pass(50ms);
    CHECK(line.sent().empty()); // one packet under way at a time
    line.pass(50ms);
    CHECK(line.sent() == "1/0/0/0:ab");
    line.receive(0, 1, 2, 0, "");
    CHECK(line.sent() == "2/0/0/0:cd");
}

TEST_CASE("a threshold of characters does not wait") {
    Line line;
    line.print(std::string(50, 'x'));
    CHECK(line.sent().size() == 8 + 50);
}

TEST_CASE("what was accepted only in part goes on under a new number") {
    Line line;
    line.print("abcd");
    line.pass(20ms);
    CHECK(line.sent() == "1/0/0/0:abcd");
    line.receive(0, 1, 1, 0x40, "");
    line.pass(20ms);
    CHECK(line.sent() == "2/0/0/0:bcd");
}

TEST_CASE("a packet that nobody acknowledges is dropped and reported as an overrun") {
    Line line;
    line.print("lost");
    line.pass(20ms);
    CHECK(line.sent() == "1/0/0/0:lost");
    for (int repeat = 0; repeat < 2; ++repeat) {
        line.pass(100ms);
        CHECK(line.sent() == "1/0/0/0:lost");
    }
    line.pass(100ms);
    CHECK(line.sent().empty());
    line.print("next");
    line.pass(20ms);
    CHECK(line.sent() == "2/0/0/8:next");
}

TEST_CASE("numbers wrap from 15 to 1") {
    Line line;
    for (int i = 1; i <= 16; ++i) {
        line.print("x");
        line.pass(20ms);
        const int number = i <= 15 ? i : 1;
        CHECK(line.sent() == std::to_string(number) + "/0/0/0:x");
        line.receive(0, static_cast<u8>(number), 1, 0, "");
    }
}

TEST_CASE("a paused console gets nothing until it resumes") {
    Line line;
    line.receive(0, 0, 0, 0x08, "");
    line.print("held");
    line.pass(1s);
    CHECK(line.sent().empty());
    CHECK(line.sol.next_deadline() == never);
    line.receive(0, 0, 0, 0, "");
    CHECK(line.sent() == "1/0/0/0:held");
}

TEST_CASE("a client that never acknowledges costs bounded memory, the newest characters stay") {
    Line line;
    for (int i = 0; i < 100; ++i) {
        line.print(std::string(1024, static_cast<char>('a' + i % 26)));
    }
    line.pass(1s);
    CHECK(line.sent().substr(0, 8) == "1/0/0/8:");
}

TEST_CASE("a packet too short for its header asks for nothing") {
    Line line;
    for (std::size_t n = 0; n < 4; ++n) {
        const std::vector<u8> packet(n, 0x15);
        CHECK(line.sol.receive(packet).characters.empty());
    }
    CHECK(line.sent().empty());
}
