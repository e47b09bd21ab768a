#include "support/model_client.h"
#include "wire/rmcp.h"
#include "wire/session_header.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::wire;
using vbmc::test::from_hex;
using vbmc::test::to_hex;

TEST_CASE("IPMI 1.5 packets", "[wire][session]") {
    struct Row {
        const char* name;
        const char* bytes;
        std::optional<ParseError> error;
        std::size_t payload;
    };

    const std::string code(32, '5');
    const std::string with_code = "0201000000aabbccdd" + code + "02" + "1122";
    const std::string left_over = with_code + "0000";
    const std::string padded = with_code + "00";
    const std::string cut = with_code.substr(0, with_code.size() - 2);
    const Row rows[] = {
        {"outside a session",
         "000000000000000000"
         "02"
         "1122",
         std::nullopt,
         2},
        {"MD5", with_code.c_str(), std::nullopt, 2},
        {"with the legacy pad byte", padded.c_str(), std::nullopt, 2},
        {"two bytes too many", left_over.c_str(), ParseError::left_over, 0},
        {"payload cut", cut.c_str(), ParseError::truncated, 0},
        {"no payload", "00000000000000000000", std::nullopt, 0},
        {"authentication type 3", "03000000000000000000", ParseError::truncated, 0},
        {"RMCP+",
         "0600000000000000000000000000000000000000000000000000",
         ParseError::bad_version,
         0},
        {"header cut", "000000", ParseError::truncated, 0},
        {"empty", "", ParseError::truncated, 0},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        const std::vector<u8> bytes = from_hex(row.bytes);
        const auto packet = parse_packet15(bytes);
        if (row.error) {
            REQUIRE(packet.has_error());
            CHECK(packet.error() == *row.error);
        } else {
            REQUIRE(packet.has_value());
            CHECK(packet->payload.size() == row.payload);
        }
    }
}

TEST_CASE("IPMI 1.5: what is written reads back, without a legacy pad byte", "[wire][session]") {
    for (std::size_t size = 0; size <= 180; ++size) {
        const std::vector<u8> payload(size, 0x11);
        Packet15 packet;
        packet.payload = payload;
        std::vector<u8> room(300);
        ByteWriter out(room);
        write_packet15(out, packet);
        REQUIRE(out.ok());
        const std::size_t plain = 14 + size;
        CHECK(out.size() == plain);
        const auto back = parse_packet15(Bytes(out.written()).subspan(rmcp_size));
        REQUIRE(back.has_value());
        CHECK(back->payload.size() == size);
    }
    std::vector<u8> room(400);
    ByteWriter out(room);
    const std::vector<u8> too_long(256);
    Packet15 packet;
    packet.payload = too_long;
    write_packet15(out, packet);
    CHECK_FALSE(out.ok());
}

TEST_CASE("RMCP+ packets", "[wire][session]") {
    struct Row {
        const char* name;
        const char* bytes;
        std::optional<ParseError> error;
    };

    const Row rows[] = {
        {"plain",
         "0600"
         "01020304"
         "05000000"
         "0200"
         "aabb",
         std::nullopt},
        {"a byte behind a plain payload",
         "0600"
         "01020304"
         "05000000"
         "0200"
         "aabbcc",
         ParseError::left_over},
        {"payload cut",
         "0600"
         "01020304"
         "05000000"
         "0300"
         "aabb",
         ParseError::truncated},
        {"the longest length",
         "0600"
         "01020304"
         "05000000"
         "ffff"
         "aabb",
         ParseError::truncated},
        {"header cut", "060001020304", ParseError::truncated},
        {"OEM payload",
         "0602"
         "01020304"
         "05000000"
         "0000",
         ParseError::bad_value},
        {"IPMI 1.5",
         "0200"
         "01020304"
         "05000000"
         "0000",
         ParseError::bad_version},
        {"empty", "", ParseError::truncated},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        const std::vector<u8> bytes = from_hex(row.bytes);
        const auto packet = parse_packet20(bytes);
        if (row.error) {
            REQUIRE(packet.has_error());
            CHECK(packet.error() == *row.error);
        } else {
            REQUIRE(packet.has_value());
            CHECK(packet->session_id == 0x04030201);
            CHECK(packet->sequence == 5);
            CHECK(to_hex(packet->payload) == "aabb");
        }
    }
}

TEST_CASE("RMCP+: encrypted and authenticated are bits of the payload type", "[wire][session]") {
    const auto packet = parse_packet20(from_hex("06c1"
                                                "01000000"
                                                "02000000"
                                                "0000"
                                                "0207"));
    REQUIRE(packet.has_value());
    CHECK(packet->encrypted);
    CHECK(packet->authenticated);
    CHECK(packet->payload_type == PayloadType::sol);
}

TEST_CASE("RMCP+ trailer of every payload length", "[wire][session]") {
    for (std::size_t size = 0; size < 40; ++size) {
        std::vector<u8> room(200);
        ByteWriter out(room);
        Packet20 header;
        header.authenticated = true;
        header.session_id = 1;
        write_header20(out, header, size);
        out.fill(0x33, size);
        write_trailer(out, size);
        const std::size_t covered = out.size() - rmcp_size;
        CHECK(covered % 4 == 0);
        out.fill(0x77, 12);
        const std::vector<u8> bytes(room.begin(), room.begin() + static_cast<long>(out.size()));

        const auto packet = parse_packet20(Bytes(bytes).subspan(rmcp_size));
        REQUIRE(packet.has_value());
        const auto trailer = parse_trailer(*packet, 12);
        REQUIRE(trailer.has_value());
        CHECK(trailer->covered.size() == covered);
        CHECK(to_hex(trailer->auth_code) == "777777777777777777777777");
        CHECK(parse_trailer(*packet, 16).has_error());
    }
}

TEST_CASE("RMCP+ trailers that are none", "[wire][session]") {
    struct Row {
        const char* name;
        const char* trailer;
        ParseError error;
    };

    const std::string code(24, '7');
    const Row rows[] = {
        {"nothing", "", ParseError::truncated},
        {"too short for a code", "0207", ParseError::truncated},
        {"a pad length that is not the pad's", "ffff0107", ParseError::bad_length},
        {"a pad length beyond the packet", "ffffff07", ParseError::bad_length},
        {"next header wrong", "ffff0206", ParseError::bad_version},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        std::string text = std::string("0640"
                                       "01000000"
                                       "02000000"
                                       "0000") +
                           row.trailer;
        if (row.error != ParseError::truncated) {
            text += code;
        }
        const std::vector<u8> bytes = from_hex(text);
        const auto packet = parse_packet20(bytes);
        REQUIRE(packet.has_value());
        CHECK(parse_trailer(*packet, 12).error() == row.error);
    }
}
