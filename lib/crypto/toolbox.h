#pragma once
// The primitives, on algorithms fetched once and contexts that are reused: no allocation a packet.
// One instance a shard (a context is one thread's); every function is noexcept and total.

#include "base/bytes.h"
#include "crypto/suite.h"

#include <initializer_list>
#include <memory>

namespace vbmc::crypto {

enum class Digest : u8 { md5, sha1, sha256 };

inline constexpr std::size_t digest_size_max = 32;
inline constexpr std::size_t aes_block = 16;

constexpr std::size_t digest_size(Digest digest) noexcept {
    return digest == Digest::md5 ? 16 : digest == Digest::sha1 ? 20 : 32;
}

/// Parts of one message, hashed in order without being copied together.
using Parts = std::initializer_list<Bytes>;

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

    /// Writes the first out.size() bytes of the HMAC, at most the digest's size. False (and zeros)
    /// when the library refuses.
    bool hmac(Digest digest, Bytes key, Parts parts, MutableBytes out) noexcept;

    bool md5(Parts parts, MutableBytes out) noexcept;

    /// In place; the size is a multiple of 16 and carries its own padding.
    bool aes_cbc_encrypt(Bytes key, Bytes iv, MutableBytes data) noexcept;
    bool aes_cbc_decrypt(Bytes key, Bytes iv, MutableBytes data) noexcept;

  private:
    struct Contexts;
    std::unique_ptr<Contexts> contexts_;
};

} // namespace vbmc::crypto
