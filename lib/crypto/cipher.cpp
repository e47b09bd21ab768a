#include "crypto/cipher.h"

namespace vbmc::crypto {

bool encrypt(
    Toolbox& tools, const SessionKeys& keys, MutableBytes room, std::size_t size
) noexcept {
    if (room.size() != encrypted_size(size)) {
        return false;
    }
    const std::size_t pad_size = room.size() - aes_block - size - 1;
    MutableBytes pad = room.subspan(aes_block + size);
    for (std::size_t i = 0; i < pad_size; ++i) {
        pad[i] = static_cast<u8>(i + 1);
    }
    pad[pad_size] = static_cast<u8>(pad_size);
    return tools.aes_cbc_encrypt(keys.k2, room.first(aes_block), room.subspan(aes_block));
}

std::optional<MutableBytes>
decrypt(Toolbox& tools, const SessionKeys& keys, MutableBytes encrypted) noexcept {
    if (encrypted.size() < 2 * aes_block || encrypted.size() % aes_block != 0) {
        return std::nullopt;
    }
    const MutableBytes clear = encrypted.subspan(aes_block);
    if (!tools.aes_cbc_decrypt(keys.k2, encrypted.first(aes_block), clear)) {
        return std::nullopt;
    }
    const std::size_t pad_size = clear.back();
    if (pad_size >= aes_block) {
        return std::nullopt;
    }
    const Bytes pad = clear.last(pad_size + 1);
    for (std::size_t i = 0; i < pad_size; ++i) {
        if (pad[i] != i + 1) {
            return std::nullopt;
        }
    }
    return clear.first(clear.size() - pad_size - 1);
}

} // namespace vbmc::crypto
