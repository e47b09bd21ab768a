#include "rmcp/shared.h"

#include "base/secret.h"
#include "rmcp/pools.h"

namespace vbmc::rmcp {

namespace {

crypto::HmacKey random_key(Entropy& entropy) noexcept {
    ByteArray<crypto::digest_size_max> bytes{};
    entropy.fill(bytes);
    const crypto::HmacKey key(crypto::Digest::sha256, bytes);
    wipe(bytes);
    return key;
}

} // namespace

Shared::Shared(Entropy& entropy_, const Limits& limits_)
    : entropy(entropy_), limits(limits_), pools(std::make_unique<Pools>(entropy, limits)) {
    boot_key = random_key(entropy);
}

Shared::~Shared() = default;

} // namespace vbmc::rmcp
