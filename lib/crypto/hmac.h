#pragma once
// HMAC (RFC 2104) with the work that depends on the key alone done once: what is kept are the
// states of the inner and the outer hash after the key's block, so a message costs neither an
// allocation nor a block for its key. A prepared key is as secret as the key and wipes itself.

#include "base/bytes.h"

#include <initializer_list>

namespace vbmc::crypto {

enum class Digest : u8 { md5, sha1, sha256 };

inline constexpr std::size_t digest_size_max = 32;

constexpr std::size_t digest_size(Digest digest) noexcept {
    return digest == Digest::md5 ? 16 : digest == Digest::sha1 ? 20 : 32;
}

/// Parts of one message, hashed in order without being copied together.
using Parts = std::initializer_list<Bytes>;

class HmacKey {
  public:
    static constexpr std::size_t key_size_max = 64; // a block; longer keys do not occur in IPMI

    /// No key: computes nothing.
    HmacKey() = default;

    /// No key either when `key` is empty or too long.
    HmacKey(Digest digest, Bytes key) noexcept;

    HmacKey(const HmacKey&) = default;
    HmacKey& operator=(const HmacKey&) = default;

    ~HmacKey() { clear(); }

    bool ready() const noexcept { return ready_; }

    /// Writes the first out.size() bytes of the HMAC, at most the digest's size. False (and zeros)
    /// without a key.
    bool compute(Parts parts, MutableBytes out) const noexcept;

    void clear() noexcept;

  private:
    using State = std::array<u32, 8>; // of any of the hashes, which start from fewer words or all

    State inner_{};
    State outer_{};
    Digest digest_ = Digest::sha256;
    bool ready_ = false;
};

} // namespace vbmc::crypto
