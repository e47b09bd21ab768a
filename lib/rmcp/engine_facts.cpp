// What strangers may know before they log in: authentication capabilities and cipher suites.

#include "crypto/suite.h"
#include "rmcp/engine.h"

namespace vbmc::rmcp {

ByteArray<7> Engine::authentication_capabilities(bool extended, Privilege level) const noexcept {
    const Policy& policy = directory_.policy();
    u8 types = policy.ipmi15_types(level);
    if (extended) {
        types |= 0x80; // byte 4 has the IPMI 2.0 capabilities
    }
    const ByteArray<20>& bmc_key = directory_.bmc_key();
    const bool two_keys =
        std::any_of(bmc_key.begin(), bmc_key.end(), [](u8 byte) { return byte != 0; });
    u8 status = 0x04; // there are users with names; none without, none anonymous
    if (two_keys && extended) {
        status |= 0x20;
    }
    const u8 versions = static_cast<u8>(0x02 | (policy.ipmi15() ? 0x01 : 0));
    return {types, status, extended ? versions : u8{0}, 0, 0, 0, 0};
}

InlineBytes<16> Engine::cipher_suite_records(u8 list_index) const noexcept {
    constexpr std::size_t part = 16;
    const bool by_suite = (list_index & 0x80) != 0;
    const std::size_t start = (list_index & 0x3f) * part;
    const Policy& policy = directory_.policy();
    ByteArray<5 * crypto::suites.size() + 16> all{};
    ByteWriter records(all);
    const auto once = [&](u8 value) { // the list of algorithms names each one once
        const Bytes seen = records.written();
        if (by_suite || std::find(seen.begin(), seen.end(), value) == seen.end()) {
            records.write_u8(value);
        }
    };
    const std::size_t count = std::min<std::size_t>(policy.suite_count, policy.suites.size());
    for (std::size_t i = 0; i < count; ++i) {
        const crypto::Suite* const suite = crypto::find_suite(policy.suites[i].id);
        if (suite == nullptr || policy.suites[i].privilege_max == Privilege::none ||
            !shared_.tools.supports(*suite)) {
            continue;
        }
        if (by_suite) {
            records.write_u8(0xc0); // a standard suite's record
            records.write_u8(suite->id);
        }
        once(static_cast<u8>(suite->authentication));
        once(static_cast<u8>(0x40 | static_cast<u8>(suite->integrity)));
        once(static_cast<u8>(0x80 | static_cast<u8>(suite->confidentiality)));
    }
    const Bytes written = records.written();
    InlineBytes<16> result;
    if (start < written.size()) {
        result.assign(written.subspan(start, std::min(part, written.size() - start)));
    }
    return result;
}

} // namespace vbmc::rmcp
