#include "bmc/identity.h"

#include <algorithm>
#include <array>

namespace vbmc::bmc {

Identity::Identity(const IdentitySeen& seen) {
    // c_str(): whatever a backend puts behind a zero byte is no text.
    const std::array<std::string_view, 4> texts = {
        seen.manufacturer.c_str(),
        seen.product.c_str(),
        seen.serial.c_str(),
        seen.asset_tag.c_str(),
    };
    std::size_t size = 0;
    for (const std::string_view text : texts) {
        size += text.size() + 1;
    }
    if (size == texts.size()) {
        return;
    }
    auto all = std::make_unique<char[]>(size); // zeros
    char* at = all.get();
    for (const std::string_view text : texts) {
        at = std::copy(text.begin(), text.end(), at) + 1;
    }
    texts_ = std::move(all);
}

std::string_view Identity::text(unsigned index) const noexcept {
    if (!texts_) {
        return {};
    }
    const char* at = texts_.get();
    for (; index > 0; --index) {
        at += std::string_view(at).size() + 1;
    }
    return at;
}

} // namespace vbmc::bmc
