#include "rmcp/shared.h"

#include "base/secret.h"
#include "rmcp/pools.h"

namespace vbmc::rmcp {

Shared::Shared(Entropy& entropy_, const Limits& limits_)
    : entropy(entropy_), limits(limits_), pools(std::make_unique<Pools>(entropy, limits)) {
    entropy.fill(boot_key);
}

Shared::~Shared() {
    wipe(boot_key);
}

} // namespace vbmc::rmcp
