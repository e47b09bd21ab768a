#pragma once
// The load generator's own HMAC: the key's two blocks are hashed once a session and not once a
// packet, so that the client costs less than the server that it measures. SHA-1 and SHA-256 come
// from OpenSSL's low-level interface. One thread.

#include "base/bytes.h"
#include "crypto/suite.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

namespace vbmc::bench {

class Mac {
  public:
    Mac() = default;

    Mac(crypto::Integrity algorithm, Bytes key) : algorithm_(algorithm) {
        ByteArray<64> block{};
        std::copy(key.begin(), key.end(), block.begin());
        for (u8& byte : block) {
            byte ^= 0x36;
        }
        begin(inner_, block);
        for (u8& byte : block) {
            byte ^= 0x36 ^ 0x5c;
        }
        begin(outer_, block);
    }

    std::size_t size() const noexcept { return crypto::code_size(algorithm_); }

    void sign(Bytes covered, MutableBytes code) const noexcept {
        ByteArray<SHA256_DIGEST_LENGTH> digest{};
        if (is_sha1()) {
            SHA_CTX state = inner_.sha1;
            SHA1_Update(&state, covered.data(), covered.size());
            SHA1_Final(digest.data(), &state);
            state = outer_.sha1;
            SHA1_Update(&state, digest.data(), SHA_DIGEST_LENGTH);
            SHA1_Final(digest.data(), &state);
        } else {
            SHA256_CTX state = inner_.sha256;
            SHA256_Update(&state, covered.data(), covered.size());
            SHA256_Final(digest.data(), &state);
            state = outer_.sha256;
            SHA256_Update(&state, digest.data(), digest.size());
            SHA256_Final(digest.data(), &state);
        }
        std::copy_n(digest.begin(), code.size(), code.begin());
    }

    bool verify(Bytes covered, Bytes code) const noexcept {
        ByteArray<16> expected{};
        const MutableBytes wanted = MutableBytes(expected).first(size());
        sign(covered, wanted);
        return equal(wanted, code);
    }

  private:
    union State {
        SHA_CTX sha1;
        SHA256_CTX sha256;
    };

    bool is_sha1() const noexcept { return algorithm_ == crypto::Integrity::hmac_sha1_96; }

    void begin(State& state, const ByteArray<64>& block) const noexcept {
        if (is_sha1()) {
            SHA1_Init(&state.sha1);
            SHA1_Update(&state.sha1, block.data(), block.size());
        } else {
            SHA256_Init(&state.sha256);
            SHA256_Update(&state.sha256, block.data(), block.size());
        }
    }

    crypto::Integrity algorithm_ = crypto::Integrity::hmac_sha1_96;
    State inner_{};
    State outer_{};
};

} // namespace vbmc::bench
