#include "crypto/mac.h"

namespace vbmc::crypto {

bool sign(
    Toolbox& tools, Integrity algorithm, const SessionKeys& keys, Bytes covered, MutableBytes code
) noexcept {
    if (code.size() != code_size(algorithm)) {
        return false;
    }
    switch (algorithm) {
    case Integrity::none:
        return true;
    case Integrity::md5_128:
        return tools.md5({keys.integrity_key(), covered, keys.integrity_key()}, code);
    case Integrity::hmac_sha1_96:
    case Integrity::hmac_md5_128:
    case Integrity::hmac_sha256_128:
        return keys.mac.compute({covered}, code);
    }
    return false;
}

bool verify(
    Toolbox& tools, Integrity algorithm, const SessionKeys& keys, Bytes covered, Bytes code
) noexcept {
    ByteArray<16> expected{};
    const MutableBytes wanted = MutableBytes(expected).first(code_size(algorithm));
    return sign(tools, algorithm, keys, covered, wanted) && equal_constant_time(wanted, code);
}

ByteArray<16>
sign15(Toolbox& tools, Bytes password, u32 session_id, u32 sequence, Bytes message) noexcept {
    ByteArray<4> id{};
    ByteArray<4> number{};
    ByteWriter(id).write_u32(session_id);
    ByteWriter(number).write_u32(sequence);
    ByteArray<16> code{};
    tools.md5({password, id, message, number, password}, code);
    return code;
}

} // namespace vbmc::crypto
