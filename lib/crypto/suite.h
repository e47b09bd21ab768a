#pragma once
// Cipher suites (IPMI 2.0 Table 22-20) as one table. Suite 0 (no authentication) and the RC4 suites
// (4, 5, 9, 10, 13, 14) are not in it and therefore do not exist.

#include "base/bytes.h"

#include <array>

namespace vbmc::crypto {

enum class Authentication : u8 { none = 0, hmac_sha1 = 1, hmac_md5 = 2, hmac_sha256 = 3 };
enum class Integrity : u8 {
    none = 0,
    hmac_sha1_96 = 1,
    hmac_md5_128 = 2,
    md5_128 = 3,
    hmac_sha256_128 = 4,
};
enum class Confidentiality : u8 { none = 0, aes_cbc_128 = 1 };

/// Bytes of a RAKP 2 and RAKP 3 code, of the SIK and of K1 and K2.
constexpr std::size_t digest_size(Authentication algorithm) noexcept {
    switch (algorithm) {
    case Authentication::hmac_sha1:
        return 20;
    case Authentication::hmac_md5:
        return 16;
    case Authentication::hmac_sha256:
        return 32;
    case Authentication::none:
        break;
    }
    return 0;
}

/// Bytes of the RAKP 4 check value: the digest, truncated (IPMI 2.0 §13.28.1).
constexpr std::size_t check_value_size(Authentication algorithm) noexcept {
    switch (algorithm) {
    case Authentication::hmac_sha1:
        return 12;
    case Authentication::hmac_md5:
    case Authentication::hmac_sha256:
        return 16;
    case Authentication::none:
        break;
    }
    return 0;
}

/// Bytes of the code that ends an authenticated packet (IPMI 2.0 §13.28.4).
constexpr std::size_t code_size(Integrity algorithm) noexcept {
    switch (algorithm) {
    case Integrity::hmac_sha1_96:
        return 12;
    case Integrity::hmac_md5_128:
    case Integrity::md5_128:
    case Integrity::hmac_sha256_128:
        return 16;
    case Integrity::none:
        break;
    }
    return 0;
}

struct Suite {
    u8 id;
    Authentication authentication;
    Integrity integrity;
    Confidentiality confidentiality;

    constexpr bool authenticates() const noexcept { return integrity != Integrity::none; }

    constexpr bool encrypts() const noexcept { return confidentiality != Confidentiality::none; }
};

inline constexpr std::array<Suite, 11> suites{{
    {1, Authentication::hmac_sha1, Integrity::none, Confidentiality::none},
    {2, Authentication::hmac_sha1, Integrity::hmac_sha1_96, Confidentiality::none},
    {3, Authentication::hmac_sha1, Integrity::hmac_sha1_96, Confidentiality::aes_cbc_128},
    {6, Authentication::hmac_md5, Integrity::none, Confidentiality::none},
    {7, Authentication::hmac_md5, Integrity::hmac_md5_128, Confidentiality::none},
    {8, Authentication::hmac_md5, Integrity::hmac_md5_128, Confidentiality::aes_cbc_128},
    {11, Authentication::hmac_md5, Integrity::md5_128, Confidentiality::none},
    {12, Authentication::hmac_md5, Integrity::md5_128, Confidentiality::aes_cbc_128},
    {15, Authentication::hmac_sha256, Integrity::none, Confidentiality::none},
    {16, Authentication::hmac_sha256, Integrity::hmac_sha256_128, Confidentiality::none},
    {17, Authentication::hmac_sha256, Integrity::hmac_sha256_128, Confidentiality::aes_cbc_128},
}};

/// nullptr when there is no such suite.
constexpr const Suite* find_suite(u8 id) noexcept {
    for (const Suite& suite : suites) {
        if (suite.id == id) {
            return &suite;
        }
    }
    return nullptr;
}

} // namespace vbmc::crypto
