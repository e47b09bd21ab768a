#pragma once
// AES-256-GCM for what is secret at rest. A box is: version 01h, a random 96-bit nonce, the
// ciphertext, a 128-bit tag. The associated data says where the box belongs: moved elsewhere, it
// does not open. Owned by the database; one thread at a time.

#include "base/bytes.h"
#include "base/entropy.h"
#include "base/result.h"
#include "base/secret.h"

#include <memory>
#include <string_view>
#include <vector>

struct evp_cipher_ctx_st;
struct evp_cipher_st;

namespace vbmc::store {

class SealedBox {
  public:
    static constexpr std::size_t key_size = 32;
    static constexpr std::size_t overhead = 1 + 12 + 16;

    /// The key has key_size bytes.
    explicit SealedBox(Secret key);
    ~SealedBox();
    SealedBox(SealedBox&&) noexcept;
    SealedBox& operator=(SealedBox&&) noexcept;

    /// Fails only when OpenSSL cannot work at all.
    Result<std::vector<u8>> seal(Bytes plain, std::string_view belongs_to);

    /// Fails (corrupt) on another key, another place, or any changed bit. Wipe what you get.
    Result<std::vector<u8>> open(Bytes box, std::string_view belongs_to);

  private:
    struct Free {
        void operator()(evp_cipher_ctx_st* context) const noexcept;
        void operator()(evp_cipher_st* cipher) const noexcept;
    };

    Secret key_;
    std::unique_ptr<SystemEntropy> entropy_;
    std::unique_ptr<evp_cipher_st, Free> cipher_;
    std::unique_ptr<evp_cipher_ctx_st, Free> context_;
};

} // namespace vbmc::store
