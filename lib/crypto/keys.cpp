#include "crypto/keys.h"

#include <optional>

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

/// nullopt where the integrity code is no HMAC.
std::optional<Digest> digest_of(Integrity algorithm) noexcept {
    switch (algorithm) {
    case Integrity::hmac_sha1_96:
        return Digest::sha1;
    case Integrity::hmac_md5_128:
        return Digest::md5;
    case Integrity::hmac_sha256_128:
        return Digest::sha256;
    case Integrity::md5_128:
    case Integrity::none:
        break;
    }
    return std::nullopt;
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

void SessionKeys::set_integrity_key(Integrity algorithm, Bytes key) noexcept {
    k1_size = static_cast<u8>(std::min(key.size(), k1.size()));
    std::copy_n(key.begin(), k1_size, k1.begin());
    const auto digest = digest_of(algorithm);
    mac = digest ? HmacKey(*digest, integrity_key()) : HmacKey();
}

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
    const ByteArray<4> bmc_id = little_endian(exchange.bmc_session_id);
    const ByteArray<2> role = role_and_length(exchange);

    ByteArray<digest_size_max> room{};
    const MutableBytes derived = MutableBytes(room).first(digest_size(suite.authentication));
    tools.hmac(
        digest,
        bmc_key,
        {exchange.console_random, exchange.bmc_random, role, exchange.name},
        derived
    );
    const HmacKey sik = tools.prepare(digest, derived);

    Established result;
    result.check_value.resize(check_value_size(suite.authentication));
    sik.compute(
        {exchange.console_random, bmc_id, exchange.guid},
        result.check_value.room().first(result.check_value.size())
    );

    ByteArray<20> constant{}; // IPMI 2.0 §13.32: also 20 bytes with the longer digest
    constant.fill(0x01);
    if (suite.integrity == Integrity::md5_128) {
        result.keys.set_integrity_key(suite.integrity, user_key);
    } else {
        sik.compute({constant}, derived);
        result.keys.set_integrity_key(suite.integrity, derived);
    }
    constant.fill(0x02);
    sik.compute({constant}, result.keys.k2);
    wipe(room);
    return result;
}

} // namespace vbmc::crypto
