#pragma once
// The integrity code of RMCP+ packets (IPMI 2.0 §13.28.4) and the authentication code of IPMI 1.5
// packets (§22.17.1).

#include "crypto/keys.h"

namespace vbmc::crypto {

/// Writes code_size(algorithm) bytes over `covered`.
bool sign(
    Toolbox& tools, Integrity algorithm, const SessionKeys& keys, Bytes covered, MutableBytes code
) noexcept;

/// In constant time.
bool verify(
    Toolbox& tools, Integrity algorithm, const SessionKeys& keys, Bytes covered, Bytes code
) noexcept;

/// MD5(password, session id, message, sequence, password).
ByteArray<16>
sign15(Toolbox& tools, Bytes password, u32 session_id, u32 sequence, Bytes message) noexcept;

} // namespace vbmc::crypto
