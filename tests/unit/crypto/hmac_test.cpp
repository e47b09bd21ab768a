// Against OpenSSL's EVP_MAC: two ways through the same library that share no line of ours.

#include "crypto/hmac.h"
#include "support/model_client.h"

#include <catch2/catch.hpp>
#include <openssl/evp.h>

#include <numeric>
#include <vector>

using namespace vbmc;
using namespace vbmc::crypto;
using vbmc::test::to_hex;

namespace {

std::vector<u8> counting(std::size_t size, u8 first) {
    std::vector<u8> bytes(size);
    std::iota(bytes.begin(), bytes.end(), first);
    return bytes;
}

const char* name_of(Digest digest) {
    return digest == Digest::md5 ? "MD5" : digest == Digest::sha1 ? "SHA1" : "SHA256";
}

std::vector<u8> reference(Digest digest, Bytes key, Bytes message) {
    std::vector<u8> out(EVP_MAX_MD_SIZE);
    std::size_t size = 0;
    REQUIRE(
        EVP_Q_mac(
            nullptr,
            "HMAC",
            nullptr,
            name_of(digest),
            nullptr,
            key.data(),
            key.size(),
            message.data(),
            message.size(),
            out.data(),
            out.size(),
            &size
        ) != nullptr
    );
    out.resize(size);
    return out;
}

} // namespace

TEST_CASE("HMAC is what OpenSSL computes, for every key and message size", "[crypto][hmac]") {
    for (const Digest digest : {Digest::md5, Digest::sha1, Digest::sha256}) {
        for (const std::size_t key_size : {1, 16, 20, 32, 63, 64}) {
            const std::vector<u8> key = counting(key_size, 3);
            const HmacKey prepared(digest, key);
            REQUIRE(prepared.ready());
            for (std::size_t size = 0; size <= 200; ++size) { // over all ends of a hash's block
                const std::vector<u8> message = counting(size, 7);
                std::vector<u8> code(digest_size(digest));
                REQUIRE(prepared.compute({message}, code));
                INFO(name_of(digest) << ", key of " << key_size << ", message of " << size);
                REQUIRE(to_hex(code) == to_hex(reference(digest, key, message)));
            }
        }
    }
}

TEST_CASE("HMAC of parts is that of the whole, and may be cut", "[crypto][hmac]") {
    const std::vector<u8> key = counting(20, 1);
    const std::vector<u8> message = counting(150, 0);
    const HmacKey prepared(Digest::sha1, key);
    const Bytes whole(message);
    std::vector<u8> code(12);
    REQUIRE(prepared.compute({whole.first(1), {}, whole.subspan(1, 80), whole.subspan(81)}, code));
    std::vector<u8> expected = reference(Digest::sha1, key, message);
    expected.resize(12);
    CHECK(to_hex(code) == to_hex(expected));
}

TEST_CASE("no key, no code", "[crypto][hmac]") {
    const std::vector<u8> too_long_a_key = counting(65, 0);
    std::vector<u8> code(20, 0xff);
    CHECK_FALSE(HmacKey().compute({}, code));
    CHECK(code == std::vector<u8>(20));
    CHECK_FALSE(HmacKey(Digest::sha1, {}).ready());
    CHECK_FALSE(HmacKey(Digest::sha1, too_long_a_key).ready());
    HmacKey key(Digest::sha1, counting(20, 0));
    std::vector<u8> too_much(21, 0xff);
    CHECK_FALSE(key.compute({}, too_much));
    CHECK(too_much == std::vector<u8>(21));
    key.clear();
    CHECK_FALSE(key.compute({}, code));
}
