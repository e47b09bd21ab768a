// Expected ciphertexts were made with `openssl enc -aes-128-cbc -nopad`.

#include "crypto/cipher.h"
#include "support/model_client.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::crypto;
using vbmc::test::from_hex;
using vbmc::test::to_hex;

namespace {

SessionKeys sample_keys() {
    SessionKeys keys;
    for (std::size_t i = 0; i < 16; ++i) {
        keys.k2[i] = static_cast<u8>(i);
    }
    return keys;
}

const std::string iv = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

std::vector<u8> with_iv(const std::vector<u8>& payload) {
    std::vector<u8> room = from_hex(iv);
    room.insert(room.end(), payload.begin(), payload.end());
    room.resize(encrypted_size(payload.size()));
    return room;
}

std::vector<u8> counting(std::size_t size) {
    std::vector<u8> bytes(size);
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<u8>(0x80 + i);
    }
    return bytes;
}

/// A plaintext with any bytes behind the payload, encrypted without the pad being touched.
std::vector<u8> encrypt_raw(Toolbox& tools, const std::vector<u8>& clear) {
    std::vector<u8> room = from_hex(iv);
    room.insert(room.end(), clear.begin(), clear.end());
    REQUIRE(tools.aes_cbc_encrypt(
        sample_keys().k2, MutableBytes(room).first(16), MutableBytes(room).subspan(16)
    ));
    return room;
}

} // namespace

TEST_CASE("AES-CBC-128 payloads", "[crypto][cipher]") {
    struct Row {
        std::size_t size;
        const char* encrypted;
    };

    const Row rows[] = {
        {7, "9f12064118a52f0a45a08f09afc8b447"},
        {15, "9c694f9f4c58954a2379015a6e41ff14"},
        {16, "4cd8ba79a9f1e320aa59c44334601a71baadaa7e922900e37ab564a88cdfee17"},
    };
    Toolbox tools;
    for (const Row& row : rows) {
        INFO("payload of " << row.size);
        std::vector<u8> room = with_iv(counting(row.size));
        REQUIRE(encrypt(tools, sample_keys(), room, row.size));
        CHECK(to_hex(room) == iv + row.encrypted);
        const auto clear = decrypt(tools, sample_keys(), room);
        REQUIRE(clear);
        CHECK(std::vector<u8>(clear->begin(), clear->end()) == counting(row.size));
    }
}

TEST_CASE("every size comes back", "[crypto][cipher]") {
    Toolbox tools;
    for (std::size_t size = 0; size < 100; ++size) {
        std::vector<u8> room = with_iv(counting(size));
        CHECK(room.size() % 16 == 0);
        REQUIRE(encrypt(tools, sample_keys(), room, size));
        const auto clear = decrypt(tools, sample_keys(), room);
        REQUIRE(clear);
        CHECK(std::vector<u8>(clear->begin(), clear->end()) == counting(size));
    }
}

TEST_CASE("a wrong pad is no payload", "[crypto][cipher]") {
    struct Row {
        const char* name;
        const char* clear;
        bool good;
    };

    const Row rows[] = {
        {"pad 1..3",
         "80818283848586878889"
         "8a8b01020303",
         true},
        {"no pad", "808182838485868788898a8b8c8d8e00", true},
        {"the longest pad", "0102030405060708090a0b0c0d0e0f0f", true},
        {"a pad longer than its block", "0102030405060708090a0b0c0d0e0f10", false},
        {"a length beyond all", "808182838485868788898a8b8c8d8eff", false},
        {"zeros in place of 1, 2, 3", "808182838485868788898a8b00000003", false},
        {"the first pad byte wrong", "808182838485868788898a8b02020303", false},
    };
    Toolbox tools;
    for (const Row& row : rows) {
        INFO(row.name);
        std::vector<u8> room = encrypt_raw(tools, from_hex(row.clear));
        CHECK(decrypt(tools, sample_keys(), room).has_value() == row.good);
    }
}

TEST_CASE("a length that no payload has", "[crypto][cipher]") {
    Toolbox tools;
    for (std::size_t size = 0; size < 80; ++size) {
        if (size >= 32 && size % 16 == 0) {
            continue;
        }
        std::vector<u8> room(size, 0x55);
        CHECK_FALSE(decrypt(tools, sample_keys(), room));
    }
    std::vector<u8> room(32);
    CHECK_FALSE(encrypt(tools, sample_keys(), room, 16)); // needs 48
}
