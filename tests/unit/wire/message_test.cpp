// RMCP, ASF, LAN message and SOL.

#include "support/model_client.h"
#include "wire/asf.h"
#include "wire/lan_message.h"
#include "wire/rmcp.h"
#include "wire/sol.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::wire;
using vbmc::test::from_hex;
using vbmc::test::to_hex;

TEST_CASE("RMCP header", "[wire][rmcp]") {
    struct Row {
        const char* name;
        const char* bytes;
        std::optional<ParseError> error;
        bool ack;
    };

    const Row rows[] = {
        {"IPMI", "0600ff07", std::nullopt, false},
        {"ASF", "0600ff06", std::nullopt, false},
        {"an acknowledgement", "06000587", std::nullopt, true},
        {"reserved byte set", "06aaff07", std::nullopt, false},
        {"empty", "", ParseError::truncated, false},
        {"three bytes", "0600ff", ParseError::truncated, false},
        {"an older version", "0500ff07", ParseError::bad_version, false},
        {"OEM class", "0600ff08", ParseError::bad_class, false},
        {"a class with reserved bits", "0600ff17", ParseError::bad_class, false},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        const std::vector<u8> bytes = from_hex(row.bytes);
        const auto message = parse_rmcp(bytes);
        if (row.error) {
            REQUIRE(message.has_error());
            CHECK(message.error() == *row.error);
        } else {
            REQUIRE(message.has_value());
            CHECK(message->ack == row.ack);
        }
    }
}

TEST_CASE("who asks for an acknowledgement gets one", "[wire][rmcp]") {
    CHECK_FALSE(rmcp_acknowledgement(from_hex("0600ff07")));
    CHECK_FALSE(rmcp_acknowledgement(from_hex("06000587")));
    CHECK_FALSE(rmcp_acknowledgement(from_hex("0600")));
    const auto ack = rmcp_acknowledgement(from_hex("06000506000011be80000000"));
    REQUIRE(ack);
    CHECK(to_hex(*ack) == "06000586");
}

TEST_CASE("presence ping and pong", "[wire][asf]") {
    ByteArray<64> room{};
    ByteWriter ping(room);
    write_presence_ping(ping, 0x42);
    CHECK(to_hex(ping.written()) == "0600ff06000011be80420000");
    const auto message = parse_asf(Bytes(ping.written()).subspan(4));
    REQUIRE(message.has_value());
    CHECK(message->type == asf_presence_ping);
    CHECK(message->tag == 0x42);

    ByteWriter pong(room);
    write_presence_pong(pong, 0x42);
    CHECK(to_hex(pong.written()) == "0600ff06000011be40420010000011be000000008100000000000000");
    CHECK(pong.size() == presence_pong_size);

    CHECK(parse_asf(from_hex("000011be800000")).error() == ParseError::truncated);
    CHECK(parse_asf(from_hex("000011be80000001")).error() == ParseError::truncated);
    CHECK(parse_asf(from_hex("000011be8000000000")).error() == ParseError::left_over);
    CHECK(parse_asf(from_hex("000011bf80000000")).error() == ParseError::bad_value);
}

TEST_CASE("LAN message", "[wire][lan]") {
    // ipmitool's Get Channel Authentication Capabilities and ipmi_sim's answer.
    const std::vector<u8> request = from_hex("2018c88100388e04b5");
    const auto message = parse_lan_message(request);
    REQUIRE(message.has_value());
    CHECK(message->to_address == 0x20);
    CHECK(message->net_fn == 6);
    CHECK(message->to_lun == 0);
    CHECK(message->from_address == 0x81);
    CHECK(message->sequence == 0);
    CHECK(message->command == 0x38);
    CHECK(to_hex(message->data) == "8e04");
    CHECK_FALSE(message->is_response());
    ByteArray<32> room{};
    ByteWriter out(room);
    write(out, *message);
    CHECK(to_hex(out.written()) == to_hex(request));

    const auto answer = parse_lan_message(from_hex("811c632000380001950403000000000b"));
    REQUIRE(answer.has_value());
    CHECK(answer->is_response());
    CHECK(answer->data.size() == 9);
}

TEST_CASE("LAN message: addresses, LUNs and sequence have their own bits", "[wire][lan]") {
    LanMessage message;
    message.to_address = 0x24;
    message.net_fn = 0x2c;
    message.to_lun = 3;
    message.from_address = 0x82;
    message.sequence = 0x3f;
    message.from_lun = 2;
    message.command = 0xfe;
    ByteArray<7> room{};
    ByteWriter out(room);
    write(out, message);
    REQUIRE(out.ok());
    const auto back = parse_lan_message(room);
    REQUIRE(back.has_value());
    CHECK(back->net_fn == 0x2c);
    CHECK(back->to_lun == 3);
    CHECK(back->sequence == 0x3f);
    CHECK(back->from_lun == 2);
    CHECK(back->data.empty());

    ByteArray<6> small{};
    ByteWriter cut(small);
    write(cut, message);
    CHECK_FALSE(cut.ok());
}

TEST_CASE("LAN message: every changed bit and every cut is noticed", "[wire][lan]") {
    const std::vector<u8> request = from_hex("2018c88100388e04b5");
    for (std::size_t bit = 0; bit < request.size() * 8; ++bit) {
        std::vector<u8> wrong = request;
        wrong[bit / 8] = static_cast<u8>(wrong[bit / 8] ^ 1U << bit % 8);
        CHECK(parse_lan_message(wrong).error() == ParseError::bad_checksum);
    }
    for (std::size_t size = 0; size < 7; ++size) {
        CHECK(parse_lan_message(Bytes(request).first(size)).error() == ParseError::truncated);
    }
}

TEST_CASE("SOL payload", "[wire][sol]") {
    const std::vector<u8> bytes = from_hex("0503021068656c6c6f");
    const auto packet = parse_sol(bytes);
    REQUIRE(packet.has_value());
    CHECK(packet->sequence == 5);
    CHECK(packet->ack_sequence == 3);
    CHECK(packet->accepted == 2);
    CHECK(packet->control == sol_operation::send_break);
    CHECK(packet->characters.size() == 5);
    ByteArray<16> room{};
    ByteWriter out(room);
    write(out, *packet);
    CHECK(to_hex(out.written()) == to_hex(bytes));
    CHECK(parse_sol(from_hex("050302")).error() == ParseError::truncated);
    CHECK(parse_sol(from_hex("00030000"))->characters.empty());
}

TEST_CASE("SOL numbers go from 1 to 15 and around", "[wire][sol]") {
    CHECK(next_sol_sequence(0) == 1);
    CHECK(next_sol_sequence(14) == 15);
    CHECK(next_sol_sequence(15) == 1);
}
