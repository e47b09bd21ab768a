#pragma once
// The primitives, on algorithms fetched once and contexts that are reused: no allocation a packet.
// One instance a shard (a context is one thread's); every function is noexcept and total.

#include "crypto/hmac.h"
#include "crypto/suite.h"

#include <memory>

namespace vbmc::crypto {

inline constexpr std::size_t aes_block = 16;

class Toolbox {
  public:
    /// Ends the process when OpenSSL has no SHA-1, SHA-256 or AES; MD5 may be missing (FIPS).
    Toolbox();
    Toolbox(const Toolbox&) = delete;
    Toolbox& operator=(const Toolbox&) = delete;
    ~Toolbox();

    bool has_md5() const noexcept;

    /// Whether every algorithm of this suite is there.
    bool supports(const Suite& suite) const noexcept;

    /// The key ready for use; no key when the library has no such digest.
    HmacKey prepare(Digest digest, Bytes key) const noexcept;

    /// With a key that is used once. See HmacKey::compute().
    bool hmac(Digest digest, Bytes key, Parts parts, MutableBytes out) const noexcept;

    bool md5(Parts parts, MutableBytes out) noexcept;

    /// In place; the size is a multiple of 16 and carries its own padding.
    bool aes_cbc_encrypt(Bytes key, Bytes iv, MutableBytes data) noexcept;
    bool aes_cbc_decrypt(Bytes key, Bytes iv, MutableBytes data) noexcept;

  private:
    struct Contexts;
    std::unique_ptr<Contexts> contexts_;
};

} // namespace vbmc::crypto
