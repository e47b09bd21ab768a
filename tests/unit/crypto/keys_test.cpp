// Expected values were computed with Python's hmac and hashlib, not with this code.

#include "crypto/keys.h"
#include "crypto/mac.h"
#include "support/model_client.h"

#include <catch2/catch.hpp>

#include <numeric>

using namespace vbmc;
using namespace vbmc::crypto;
using vbmc::test::from_hex;
using vbmc::test::to_hex;

namespace {

const std::vector<u8> admin{'a', 'd', 'm', 'i', 'n'};

ByteArray<20> user_key() {
    ByteArray<20> key{};
    const std::string_view password = "password";
    std::copy(password.begin(), password.end(), key.begin());
    return key;
}

ByteArray<20> bmc_key() {
    ByteArray<20> key{};
    const std::string_view text = "0123456789abcdefghij";
    std::copy(text.begin(), text.end(), key.begin());
    return key;
}

ByteArray<16> counting_from(u8 first) {
    ByteArray<16> bytes{};
    for (u8& byte : bytes) {
        byte = first++;
    }
    return bytes;
}

Exchange sample() {
    Exchange exchange;
    exchange.console_session_id = 0xa0a2a3a4;
    exchange.bmc_session_id = 0x12345678;
    exchange.console_random = counting_from(0x10);
    exchange.bmc_random = counting_from(0x30);
    exchange.guid = counting_from(0xa0);
    exchange.role = 0x14;
    exchange.name = admin;
    return exchange;
}

} // namespace

TEST_CASE("RAKP codes and session keys", "[crypto][keys]") {
    struct Row {
        const char* name;
        u8 suite;
        bool two_keys;
        const char* rakp2;
        const char* rakp3;
        const char* check_value;
        const char* k1;
        const char* k2;
    };

    const Row rows[] = {
        {"HMAC-SHA1, one key",
         3,
         false,
         "141dfebafc0975d9d0052b1eafffdafc4a139f7f",
         "9afeee0b4784b20639be18d35dbc39df8407fed0",
         "51e9977b600e0c07191ed244",
         "855b32363d6d4102bdff685032064c394f1581d5",
         "ff5f840fedd70826988634d5901c6021"},
        {"HMAC-SHA1, two keys",
         3,
         true,
         "141dfebafc0975d9d0052b1eafffdafc4a139f7f",
         "9afeee0b4784b20639be18d35dbc39df8407fed0",
         "468ae8436b9636e6c9149e88",
         "ffcca99b94922d9c15af5541b77f1be71fdd914b",
         "24ed4b44923db2f3ee4021ef82d880d7"},
        {"HMAC-MD5, one key",
         8,
         false,
         "fd21b6017267613c4646b04df1659049",
         "5853806a2bf5dbf33b3a6b7f64f577c2",
         "3d4cf41d68c06aa9c248536050e380e0",
         "eede99167cc7f528be0fbcaf54a1c3dc",
         "fa0669f4cb7edcb332f4ea46eba918a2"},
        {"HMAC-MD5, two keys",
         8,
         true,
         "fd21b6017267613c4646b04df1659049",
         "5853806a2bf5dbf33b3a6b7f64f577c2",
         "b3738d8cf885e124fb45f2a6a7720dea",
         "280926ea3c7d5c949a816dc8ff8c2000",
         "f3cef306deb03e05c24a103012772383"},
        {"HMAC-SHA256, one key",
         17,
         false,
         "6339f1135d9a4bb9aaf4a5371532b9e501af95a759a7ff881a4195c524561d52",
         "5ca683712f0879045b098e9d97b942397e27597c1202635adcac103c1c0fbd88",
         "643f82f08d516c95e71c881fb46514bc",
         "94c3007e2539531d6977b65d97fc1b9822c97e192bbe7a9e121e53dc7ab49ffe",
         "eaa7d13fcccab190265f0e5cf88f9cb8"},
        {"HMAC-SHA256, two keys",
         17,
         true,
         "6339f1135d9a4bb9aaf4a5371532b9e501af95a759a7ff881a4195c524561d52",
         "5ca683712f0879045b098e9d97b942397e27597c1202635adcac103c1c0fbd88",
         "d40b777d63cab4accdeea4695905aff3",
         "0558e5e23cb3e215dc639738ed77bcd75fd1e6141e9e9920e78649db81217c84",
         "314f209e486d669668f7f77152766732"},
        {"MD5-128: the password is the key",
         12,
         false,
         "fd21b6017267613c4646b04df1659049",
         "5853806a2bf5dbf33b3a6b7f64f577c2",
         "3d4cf41d68c06aa9c248536050e380e0",
         "70617373776f7264000000000000000000000000",
         "fa0669f4cb7edcb332f4ea46eba918a2"},
    };
    Toolbox tools;
    for (const Row& row : rows) {
        INFO(row.name);
        const Suite& suite = *find_suite(row.suite);
        const ByteArray<20> key = user_key();
        const ByteArray<20> second = row.two_keys ? bmc_key() : key;
        const Exchange exchange = sample();
        CHECK(to_hex(rakp2_code(tools, suite.authentication, key, exchange).bytes()) == row.rakp2);
        CHECK(to_hex(rakp3_code(tools, suite.authentication, key, exchange).bytes()) == row.rakp3);
        const Established made = establish(tools, suite, key, second, exchange);
        CHECK(to_hex(made.check_value.bytes()) == row.check_value);
        CHECK(to_hex(made.keys.integrity_key()) == row.k1);
        CHECK(to_hex(made.keys.k2) == row.k2);
    }
}

TEST_CASE("the role byte and the name are in every code", "[crypto][keys]") {
    Toolbox tools;
    const ByteArray<20> key = user_key();
    Exchange other = sample();
    other.role = 0x04; // the same privilege, the other lookup
    const auto sha256 = Authentication::hmac_sha256;
    CHECK_FALSE(rakp2_code(tools, sha256, key, sample()) == rakp2_code(tools, sha256, key, other));
    CHECK_FALSE(rakp3_code(tools, sha256, key, sample()) == rakp3_code(tools, sha256, key, other));
    other = sample();
    other.name = Bytes(admin).first(4);
    CHECK_FALSE(rakp3_code(tools, sha256, key, sample()) == rakp3_code(tools, sha256, key, other));
}

TEST_CASE("session keys are wiped", "[crypto][keys]") {
    SessionKeys keys;
    ByteArray<32> k1{};
    k1.fill(1);
    keys.set_integrity_key(Integrity::hmac_sha256_128, k1);
    keys.k2.fill(2);
    REQUIRE(keys.mac.ready());
    keys.clear();
    CHECK(keys.k1 == ByteArray<32>{});
    CHECK(keys.k2 == ByteArray<16>{});
    CHECK_FALSE(keys.mac.ready());
}

TEST_CASE("integrity codes", "[crypto][mac]") {
    struct Row {
        const char* name;
        Integrity algorithm;
        std::size_t key_size;
        const char* code;
    };

    const Row rows[] = {
        {"HMAC-SHA1-96", Integrity::hmac_sha1_96, 20, "a7d59d1f41f7184e2081a9af"},
        {"HMAC-MD5-128", Integrity::hmac_md5_128, 16, "01de928e0be205de8f73230bd42f6b63"},
        {"HMAC-SHA256-128", Integrity::hmac_sha256_128, 32, "b1c705e7f6b9ed41f9345026788dfd53"},
        {"MD5-128", Integrity::md5_128, 0, "8910383b50c942f324d06460d8466335"},
    };
    Toolbox tools;
    std::vector<u8> message(28);
    for (std::size_t i = 0; i < message.size(); ++i) {
        message[i] = static_cast<u8>(i);
    }
    for (const Row& row : rows) {
        INFO(row.name);
        const ByteArray<20> password = user_key();
        std::vector<u8> key(password.begin(), password.end());
        if (row.key_size > 0) {
            key.resize(row.key_size);
            std::iota(key.begin(), key.end(), u8{0});
        }
        SessionKeys keys;
        keys.set_integrity_key(row.algorithm, key);
        std::vector<u8> code(code_size(row.algorithm));
        REQUIRE(sign(tools, row.algorithm, keys, message, code));
        CHECK(to_hex(code) == row.code);
        CHECK(verify(tools, row.algorithm, keys, message, code));
        for (std::size_t bit = 0; bit < code.size() * 8; ++bit) {
            std::vector<u8> wrong = code;
            wrong[bit / 8] = static_cast<u8>(wrong[bit / 8] ^ 1U << bit % 8);
            CHECK_FALSE(verify(tools, row.algorithm, keys, message, wrong));
        }
        CHECK_FALSE(verify(tools, row.algorithm, keys, message, Bytes(code).first(code.size() - 1))
        );
        CHECK_FALSE(verify(tools, row.algorithm, keys, message, {}));
        CHECK_FALSE(verify(tools, row.algorithm, keys, Bytes(message).first(27), code));
    }
}

TEST_CASE("the IPMI 1.5 MD5 code", "[crypto][mac]") {
    Toolbox tools;
    std::vector<u8> message(28);
    for (std::size_t i = 0; i < message.size(); ++i) {
        message[i] = static_cast<u8>(i);
    }
    const ByteArray<20> password = user_key();
    const ByteArray<16> code = sign15(tools, Bytes(password).first(16), 0x12345678, 5, message);
    CHECK(to_hex(code) == "e81d3a8395e2e23d3f30b705995152d0");
}

TEST_CASE("a packet is neither signed nor accepted without a key", "[crypto][mac]") {
    Toolbox tools;
    const SessionKeys keys;
    const ByteArray<16> zeros{};
    for (const Integrity algorithm : {Integrity::hmac_sha1_96, Integrity::hmac_sha256_128}) {
        std::vector<u8> code(code_size(algorithm), 0xff);
        CHECK_FALSE(sign(tools, algorithm, keys, zeros, code));
        CHECK_FALSE(verify(tools, algorithm, keys, zeros, code));
    }
}

TEST_CASE("a toolbox that cannot, says so", "[crypto][toolbox]") {
    Toolbox tools;
    std::vector<u8> too_long(33, 0xff);
    CHECK_FALSE(tools.hmac(Digest::sha256, user_key(), {}, too_long));
    CHECK(too_long == std::vector<u8>(33, 0));
    std::vector<u8> odd(17);
    const ByteArray<16> key{};
    CHECK_FALSE(tools.aes_cbc_encrypt(key, key, odd));
    CHECK_FALSE(tools.aes_cbc_decrypt(key, key, odd));
    CHECK_FALSE(tools.aes_cbc_encrypt(Bytes(key).first(8), key, MutableBytes(odd).first(16)));
}
