#include "crypto/keys.h"

namespace vbmc::crypto {

namespace {

Digest digest_of(Authentication algorithm) noexcept {
    switch (algorithm) {
    case Authentication::hmac_md5:
        return Digest::md5;
    case Authentication::hmac_sha256:
        return Digest::sha256;
    case Authentication::hmac_sha1:
    case Authentication::none:
        break;
    }
    return Digest::sha1;
}

ByteArray<4> little_endian(u32 value) noexcept {
    ByteArray<4> raw{};
    ByteWriter(raw).write_u32(value);
    return raw;
}

/// Role and user name as RAKP 1 sent them: both are in every code.
ByteArray<2> role_and_length(const Exchange& exchange) noexcept {
    return {exchange.role, static_cast<u8>(exchange.name.size())};
}

Code code(Toolbox& tools, Authentication algorithm, Bytes key, Parts parts) noexcept {
    Code result;
    result.resize(digest_size(algorithm));
    tools.hmac(digest_of(algorithm), key, parts, result.room().first(result.size()));
    return result;
}

} // namespace

Code rakp2_code(
    Toolbox& tools, Authentication algorithm, Bytes user_key, const Exchange& exchange
) noexcept {
    const ByteArray<4> console_id = little_endian(exchange.console_session_id);
    const ByteArray<4> bmc_id = little_endian(exchange.bmc_session_id);
    const ByteArray<2> role = role_and_length(exchange);
    return code(
        tools,
        algorithm,
        user_key,
        {console_id,
         bmc_id,
         exchange.console_random,
         exchange.bmc_random,
         exchange.guid,
         role,
         exchange.name}
    );
}

Code rakp3_code(
    Toolbox& tools, Authentication algorithm, Bytes user_key, const Exchange& exchange
) noexcept {
    const ByteArray<4> console_id = little_endian(exchange.console_session_id);
    const ByteArray<2> role = role_and_length(exchange);
    return code(tools, algorithm, user_key, {exchange.bmc_random, console_id, role, exchange.name});
}

Established establish(
    Toolbox& tools, const Suite& suite, Bytes user_key, Bytes bmc_key, const Exchange& exchange
) noexcept {
    const Digest digest = digest_of(suite.authentication);
    const std::size_t size = digest_size(suite.authentication);
    const ByteArray<4> bmc_id = little_endian(exchange.bmc_session_id);
    const ByteArray<2> role = role_and_length(exchange);

    ByteArray<digest_size_max> integrity_key{};
    const MutableBytes sik = MutableBytes(integrity_key).first(size);
    tools.hmac(
        digest, bmc_key, {exchange.console_random, exchange.bmc_random, role, exchange.name}, sik
    );

    Established result;
    result.check_value.resize(check_value_size(suite.authentication));
    tools.hmac(
        digest,
        sik,
        {exchange.console_random, bmc_id, exchange.guid},
        result.check_value.room().first(result.check_value.size())
    );

    ByteArray<20> constant{}; // IPMI 2.0 §13.32: also 20 bytes with the longer digest
    constant.fill(0x01);
    if (suite.integrity == Integrity::md5_128) {
        const std::size_t n = std::min(user_key.size(), result.keys.k1.size());
        std::copy_n(user_key.begin(), n, result.keys.k1.begin());
        result.keys.k1_size = static_cast<u8>(n);
    } else {
        result.keys.k1_size = static_cast<u8>(size);
        tools.hmac(digest, sik, {constant}, MutableBytes(result.keys.k1).first(size));
    }
    constant.fill(0x02);
    tools.hmac(digest, sik, {constant}, result.keys.k2);
    wipe(integrity_key);
    return result;
}

} // namespace vbmc::crypto
