#pragma once
// What RAKP derives (IPMI 2.0 §13.31, §13.32): the three codes, the session integrity key, and from
// it the two keys of a session. A session's keys exist in a SessionKeys only, which wipes itself.

#include "base/inline_bytes.h"
#include "base/secret.h"
#include "crypto/toolbox.h"

namespace vbmc::crypto {

inline constexpr std::size_t user_key_size = 20;

/// All that the two ends have exchanged and that goes into the codes.
struct Exchange {
    u32 console_session_id = 0;
    u32 bmc_session_id = 0;
    ByteArray<16> console_random{};
    ByteArray<16> bmc_random{};
    ByteArray<16> guid{};
    u8 role = 0; // the whole byte of RAKP 1
    Bytes name;
};

using Code = InlineBytes<digest_size_max>;

/// The key-exchange code of RAKP 2, keyed by the user's password.
Code rakp2_code(
    Toolbox& tools, Authentication algorithm, Bytes user_key, const Exchange& exchange
) noexcept;

/// The key-exchange code of RAKP 3.
Code rakp3_code(
    Toolbox& tools, Authentication algorithm, Bytes user_key, const Exchange& exchange
) noexcept;

struct SessionKeys {
    ByteArray<digest_size_max> k1{}; // integrity; for MD5-128 the password, zero padded
    u8 k1_size = 0;
    ByteArray<16> k2{}; // the AES key
    HmacKey mac;        // of k1, where the integrity code is an HMAC

    SessionKeys() = default;
    SessionKeys(const SessionKeys&) = default;
    SessionKeys& operator=(const SessionKeys&) = default;

    ~SessionKeys() { clear(); }

    void clear() noexcept {
        wipe(k1);
        wipe(k2);
        mac.clear();
    }

    /// Cuts off what is too long for any algorithm.
    void set_integrity_key(Integrity algorithm, Bytes key) noexcept;

    Bytes integrity_key() const noexcept { return Bytes(k1).first(k1_size); }
};

struct Established {
    SessionKeys keys;
    Code check_value; // of RAKP 4, truncated as the suite says
};

/// `bmc_key` is K_g, or the user's key when there is no K_g (one-key login).
Established establish(
    Toolbox& tools, const Suite& suite, Bytes user_key, Bytes bmc_key, const Exchange& exchange
) noexcept;

} // namespace vbmc::crypto
