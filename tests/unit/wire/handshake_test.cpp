// Open Session and RAKP.

#include "support/model_client.h"
#include "wire/rakp.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::wire;
using vbmc::test::from_hex;
using vbmc::test::to_hex;

namespace {

template <class Message>
std::string written(const Message& message) {
    ByteArray<128> room{};
    ByteWriter out(room);
    write(out, message);
    REQUIRE(out.ok());
    return to_hex(out.written());
}

} // namespace

TEST_CASE("Open Session Request", "[wire][handshake]") {
    // ipmitool -C 3
    const std::string text = "00000000a4a3a2a0"
                             "000000080100000001000008010000000200000801000000";
    const auto message = parse_open_session_request(from_hex(text));
    REQUIRE(message.has_value());
    CHECK(message->tag == 0);
    CHECK(message->privilege_max == 0);
    CHECK(message->console_session_id == 0xa0a2a3a4);
    CHECK(message->authentication == Algorithm{false, 1});
    CHECK(message->integrity == Algorithm{false, 1});
    CHECK(message->confidentiality == Algorithm{false, 1});
    CHECK(written(*message) == text);
}

TEST_CASE("Open Session Requests that are none", "[wire][handshake]") {
    struct Row {
        const char* name;
        const char* bytes;
        bool good;
    };

    const Row rows[] = {
        {"wildcards",
         "00000000a4a3a2a0"
         "000000000000000001000000000000000200000000000000",
         true},
        {"one byte short",
         "00000000a4a3a2a0"
         "0000000801000000010000080100000002000008010000",
         false},
        {"one byte more",
         "00000000a4a3a2a0"
         "00000008010000000100000801000000020000080100000000",
         false},
        {"payloads in another order",
         "00000000a4a3a2a0"
         "010000080100000000000008010000000200000801000000",
         false},
        {"a length of 7",
         "00000000a4a3a2a0"
         "000000070100000001000008010000000200000801000000",
         false},
        {"empty", "", false},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        CHECK(parse_open_session_request(from_hex(row.bytes)).has_value() == row.good);
    }
}

TEST_CASE("Open Session Response", "[wire][handshake]") {
    // ipmi_sim
    const std::string text = "00000000a4a3a2a002000000"
                             "000000080100000001000008010000000200000801000000";
    const auto message = parse_open_session_response(from_hex(text));
    REQUIRE(message.has_value());
    CHECK(message->bmc_session_id == 2);
    CHECK(written(*message) == text);

    OpenSessionResponse refusal;
    refusal.tag = 7;
    refusal.status = Status::no_cipher_suite_match;
    refusal.console_session_id = 0xa0a2a3a4;
    CHECK(written(refusal) == "07110000a4a3a2a0");
    CHECK(
        parse_open_session_response(from_hex("07110000a4a3a2a0"))->status ==
        Status::no_cipher_suite_match
    );
}

TEST_CASE("RAKP 1", "[wire][handshake]") {
    const std::string opening = "0000000002000000f14c936983766c389164d52f0653aad714000005";
    const std::string text = opening + "61646d696e"; // ipmitool, admin
    const std::vector<u8> bytes = from_hex(text);
    const auto message = parse_rakp1(bytes);
    REQUIRE(message.has_value());
    CHECK(message->bmc_session_id == 2);
    CHECK(message->role == 0x14);
    CHECK(message->name_only_lookup());
    CHECK(message->privilege() == 4);
    CHECK(to_hex(message->name) == "61646d696e");
    CHECK(written(*message) == text);
}

TEST_CASE("RAKP 1 of every name length", "[wire][handshake]") {
    const std::string opening = "0000000002000000f14c936983766c389164d52f0653aad7140000";
    for (unsigned length = 0; length < 256; ++length) {
        for (const std::size_t there : {0, 1, 15, 16, 17, 40, 300}) {
            INFO("length byte " << length << ", bytes " << there);
            std::vector<u8> bytes = from_hex(opening);
            bytes.push_back(static_cast<u8>(length));
            bytes.insert(bytes.end(), there, 0xc3); // not UTF-8
            const auto message = parse_rakp1(bytes);
            if (length > user_name_max) {
                REQUIRE(message.has_value()); // the engine refuses it with its own status
                CHECK(message->name.empty());
                CHECK(message->name_length == length);
            } else if (there >= length && there <= user_name_max) {
                REQUIRE(message.has_value());
                CHECK(message->name.size() == length);
            } else {
                CHECK(message.has_error());
            }
        }
    }
}

TEST_CASE("RAKP messages cut anywhere", "[wire][handshake]") {
    const std::vector<u8> rakp1 =
        from_hex("0000000002000000f14c936983766c389164d52f0653aad71400000561646d696e");
    for (std::size_t size = 0; size < rakp1.size(); ++size) {
        CHECK(parse_rakp1(Bytes(rakp1).first(size)).has_error());
    }
    const std::vector<u8> rakp3 = from_hex("0000000002000000d01cc380208b68ffca458a51");
    for (std::size_t size = 0; size < 8; ++size) {
        CHECK(parse_rakp3(Bytes(rakp3).first(size)).has_error());
    }
    CHECK(parse_rakp3(Bytes(rakp3).first(8))->auth_code.empty());
    CHECK(parse_rakp3(std::vector<u8>(8 + 33)).has_error());
    CHECK(parse_rakp2(from_hex("00000000a4a3a2a000")).has_error());
    CHECK(parse_rakp4(from_hex("00000000a4a3a2")).has_error());
}

TEST_CASE("RAKP 2, 3 and 4", "[wire][handshake]") {
    // ipmi_sim and ipmitool, suite 3
    const std::string rakp2 =
        "00000000a4a3a2a06f51ec96d766f931413db62d1f14d70fa123456789abcdefa123456789abcdef"
        "dace879483974b22549e7d30625f36895900c071";
    const std::vector<u8> bytes2 = from_hex(rakp2);
    const auto second = parse_rakp2(bytes2);
    REQUIRE(second.has_value());
    CHECK(to_hex(second->guid) == "a123456789abcdefa123456789abcdef");
    CHECK(second->auth_code.size() == 20);
    CHECK(written(*second) == rakp2);

    const std::string rakp3 = "0000000002000000d01cc380208b68ffca458a5192b9a1a9af4d28e0";
    const std::vector<u8> bytes3 = from_hex(rakp3);
    const auto third = parse_rakp3(bytes3);
    REQUIRE(third.has_value());
    CHECK(third->auth_code.size() == 20);
    CHECK(written(*third) == rakp3);

    const std::string rakp4 = "00000000a4a3a2a05009729980be0129de9dbe2c";
    const std::vector<u8> bytes4 = from_hex(rakp4);
    const auto fourth = parse_rakp4(bytes4);
    REQUIRE(fourth.has_value());
    CHECK(fourth->check_value.size() == 12);
    CHECK(written(*fourth) == rakp4);

    Rakp2 refusal;
    refusal.status = Status::unauthorized_name;
    refusal.console_session_id = 1;
    CHECK(written(refusal) == "000d000001000000");
}
