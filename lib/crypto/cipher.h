#pragma once
// The confidentiality of RMCP+ payloads: AES-CBC-128 with an IV in front and the pad 1, 2, 3 .. n,
// n behind (IPMI 2.0 §13.29).

#include "crypto/keys.h"

#include <optional>

namespace vbmc::crypto {

/// Bytes on the wire for a payload of `size` bytes: IV, payload, pad and pad length.
constexpr std::size_t encrypted_size(std::size_t size) noexcept {
    return aes_block + (size + 1 + aes_block - 1) / aes_block * aes_block;
}

/// `room` has encrypted_size(size) bytes: its first 16 are a fresh IV, the payload follows, the
/// rest is filled here.
bool encrypt(Toolbox& tools, const SessionKeys& keys, MutableBytes room, std::size_t size) noexcept;

/// In place. The payload without IV and pad; nullopt when the length or the pad is wrong.
std::optional<MutableBytes>
decrypt(Toolbox& tools, const SessionKeys& keys, MutableBytes encrypted) noexcept;

} // namespace vbmc::crypto
