#include "base/secret.h"

#include <cstring>

namespace vbmc {

void wipe(MutableBytes bytes) noexcept {
    if (!bytes.empty()) { // an empty span's pointer may be null
        ::explicit_bzero(bytes.data(), bytes.size());
    }
}

bool equal_constant_time(Bytes a, Bytes b) noexcept {
    if (a.size() != b.size()) {
        return false;
    }
    volatile u8 difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        difference = static_cast<u8>(difference | (a[i] ^ b[i]));
    }
    return difference == 0;
}

Bytes Secret::reveal_bytes() const noexcept {
    // char and u8 may alias: both are byte types.
    return {reinterpret_cast<const u8*>(value_.data()), value_.size()};
}

void Secret::clear() noexcept {
    ::explicit_bzero(value_.data(), value_.size());
    value_.clear();
}

} // namespace vbmc
