// Replays what real clients sent (tests/golden): the engine is given the recorded server's random
// numbers and has to give its answers, byte for byte.

#include "fixture.h"
#include "support/golden.h"
#include "wire/asf.h"
#include "wire/lan_message.h"
#include "wire/rmcp.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::test;

namespace {

const Peer console = peer_at(1, 50000);

struct Kind {
    bool asf = false;
    bool rmcp_plus = false;
    wire::PayloadType type = wire::PayloadType::ipmi;
    u32 session_id = 0;
    Bytes payload;
};

Kind kind_of(Bytes datagram) {
    Kind kind;
    const auto message = wire::parse_rmcp(datagram);
    REQUIRE(message.has_value());
    kind.asf = message->message_class == wire::MessageClass::asf;
    if (kind.asf) {
        return kind;
    }
    kind.rmcp_plus = wire::auth_type_of(message->body) == wire::AuthType::rmcp_plus;
    if (kind.rmcp_plus) {
        const auto packet = wire::parse_packet20(message->body);
        REQUIRE(packet.has_value());
        kind.type = packet->payload_type;
        kind.session_id = packet->session_id;
        kind.payload = packet->payload;
    } else {
        const auto packet = wire::parse_packet15(message->body);
        REQUIRE(packet.has_value());
        kind.session_id = packet->session_id;
        kind.payload = packet->payload;
    }
    return kind;
}

void append(std::deque<u8>& script, Bytes bytes) {
    script.insert(script.end(), bytes.begin(), bytes.end());
}

/// One recorded conversation against a world that pretends to be the recorded server.
class Replay {
  public:
    explicit Replay(const Golden& golden)
        : golden_(golden), client_(world_.shared.tools, options(golden)) {
        auto& user = world_.directory.users[2];
        user.name = golden.user;
        user.password = golden.password;
        user.key_is_20 = golden.password.size() > 16;
        world_.directory.users.erase(5);
        std::copy(
            golden.bmc_key.begin(), golden.bmc_key.end(), world_.directory.second_key.begin()
        );
        world_.directory.rules.ipmi15_md5 = golden.suite == 0;
        if (golden.suite != 0) {
            world_.directory.only_suite(golden.suite);
        }
        for (const GoldenPacket& packet : golden.packets) { // the GUID is in RAKP 2
            const Kind kind = kind_of(packet.bytes);
            if (kind.rmcp_plus && kind.type == wire::PayloadType::rakp2) {
                const auto second = wire::parse_rakp2(kind.payload);
                world_.directory.id = second->guid;
            }
        }
    }

    void run() {
        for (std::size_t i = 0; i < golden_.packets.size(); ++i) {
            INFO(golden_.name << ", datagram " << i);
            if (!golden_.packets[i].from_client) {
                continue;
            }
            const Bytes expected =
                i + 1 < golden_.packets.size() && !golden_.packets[i + 1].from_client
                    ? Bytes(golden_.packets[i + 1].bytes)
                    : Bytes();
            step(golden_.packets[i].bytes, expected);
        }
    }

    int commands = 0;
    int compared = 0;

  private:
    static ClientOptions options(const Golden& golden) {
        ClientOptions result;
        result.user = golden.user;
        result.password = golden.password;
        result.suite = golden.suite == 0 ? 17 : golden.suite;
        result.bmc_key.assign(golden.bmc_key.begin(), golden.bmc_key.end());
        return result;
    }

    void step(const Packet& question, Bytes expected) {
        const Kind kind = kind_of(question);
        if (!kind.asf && kind.rmcp_plus && kind.session_id == 0 &&
            kind.type != wire::PayloadType::ipmi) {
            handshake(question, kind, expected);
        } else if (kind.asf) {
            same(world_.deliver(console, question), expected);
        } else {
            command(question, kind, expected);
        }
    }

    void same(const std::optional<Packet>& answer, Bytes expected) {
        REQUIRE(answer);
        CHECK(to_hex(*answer) == to_hex(expected));
        ++compared;
    }

    void handshake(const Packet& question, const Kind& kind, Bytes expected) {
        REQUIRE(!expected.empty());
        const Kind answer = kind_of(expected);
        if (kind.type == wire::PayloadType::open_session_request) {
            Packet wanted(expected.begin(), expected.end());
            if (answer.payload.size() > wire::handshake_error_size) {
                append(world_.entropy.script, answer.payload.subspan(8, 4));
                wanted[16 + 2] = 4; // ipmi_sim says 0 where we name the real maximum
            } else {
                // ipmi_sim refuses with 04h in two bytes; ours is "no such suite" to this console.
                wanted.resize(14);
                const std::vector<u8> refusal{8, 0, kind.payload[0], 0x11, 0, 0};
                wanted.insert(wanted.end(), refusal.begin(), refusal.end());
                append_console_id(wanted, kind.payload);
            }
            same(world_.deliver(console, question), wanted);
            return;
        }
        if (kind.type == wire::PayloadType::rakp1) {
            append(world_.entropy.script, answer.payload.subspan(8, 16));
        }
        same(world_.deliver(console, question), expected);
        if (kind.type == wire::PayloadType::rakp3) {
            log_in_as_recorded();
        }
    }

    static void append_console_id(Packet& packet, Bytes request) {
        packet.insert(packet.end(), request.begin() + 4, request.begin() + 8);
    }

    /// The model client takes the recorded numbers, so that it can read the recorded replies.
    void log_in_as_recorded() {
        crypto::Exchange exchange;
        for (const GoldenPacket& packet : golden_.packets) {
            const Kind kind = kind_of(packet.bytes);
            if (!kind.rmcp_plus) {
                continue;
            }
            if (kind.type == wire::PayloadType::rakp1) {
                const auto first = wire::parse_rakp1(kind.payload);
                exchange.console_random = first->console_random;
                exchange.role = first->role;
                exchange.name = first->name;
                exchange.bmc_session_id = first->bmc_session_id;
            } else if (kind.type == wire::PayloadType::rakp2) {
                const auto second = wire::parse_rakp2(kind.payload);
                exchange.bmc_random = second->bmc_random;
                exchange.guid = second->guid;
                exchange.console_session_id = second->console_session_id;
            }
        }
        client_.adopt(exchange);
    }

    void command(const Packet& question, const Kind& kind, Bytes expected) {
        std::vector<u8> reply{0x00};
        if (!expected.empty()) {
            reply = recorded_reply(expected, kind.session_id != 0 && kind.rmcp_plus);
        }
        if (!kind.rmcp_plus && golden_.suite == 0) {
            script15(expected);
        }
        world_.handle = [&](const rmcp::Request&) {
            ++commands;
            return reply;
        };
        const auto answer = world_.deliver(console, question);
        if (!expected.empty()) {
            same(answer, expected);
        }
    }

    /// Completion code and data of a recorded reply; its IV goes into the script.
    std::vector<u8> recorded_reply(Bytes datagram, bool in_session) {
        const Kind kind = kind_of(datagram);
        std::vector<u8> payload(kind.payload.begin(), kind.payload.end());
        if (in_session) {
            const auto reply = client_.open(datagram);
            REQUIRE(reply);
            payload = reply->payload;
            if (crypto::find_suite(golden_.suite)->encrypts()) {
                append(world_.entropy.script, kind.payload.first(16));
            }
        }
        const auto message = wire::parse_lan_message(payload);
        REQUIRE(message.has_value());
        return {message->data.begin(), message->data.end()};
    }

    /// IPMI 1.5: the challenge's id and string, the first inbound number.
    void script15(Bytes expected) {
        const auto message = wire::parse_lan_message(kind_of(expected).payload);
        REQUIRE(message.has_value());
        if (message->command == 0x39) {
            append(world_.entropy.script, message->data.subspan(1, 20));
        } else if (message->command == 0x3a) {
            append(world_.entropy.script, message->data.subspan(6, 4));
        }
    }

    World world_;
    const Golden& golden_;
    ModelClient client_;
};

} // namespace

TEST_CASE("recorded conversations come out the same", "[rmcp][golden]") {
    const std::vector<Golden> all = load_golden();
    CHECK(all.size() >= 13);
    for (const Golden& golden : all) {
        INFO(golden.name);
        Replay replay(golden);
        replay.run();
        CHECK(replay.compared >= 4);
        if (golden.name.find("-login") == std::string::npos) {
            CHECK(replay.commands >= 3);
        }
    }
}
