#pragma once
// Names and secrets that the supervisor makes up: UUIDs, etags, passwords.

#include "base/entropy.h"
#include "base/secret.h"

#include <optional>
#include <string>
#include <string_view>

namespace vbmc::fleet {

/// A random UUID (version 4), lower case.
std::string make_uuid(Entropy& entropy);

/// The sixteen bytes of a UUID in the order of its text; nullopt when it is none.
std::optional<ByteArray<16>> parse_uuid(std::string_view text);

std::string make_etag(Entropy& entropy);

/// 18 characters out of 54 that nobody mixes up (no 0 O 1 l I ...): 103 bits, so that the HMAC
/// which RAKP 2 gives away is of no use (CVE-2013-4786). Fits IPMI's 20 bytes.
Secret make_password(Entropy& entropy);

/// A locally administered MAC address that stays the same for a node.
ByteArray<6> mac_from_uuid(const ByteArray<16>& uuid) noexcept;

} // namespace vbmc::fleet
