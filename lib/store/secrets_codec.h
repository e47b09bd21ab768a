#pragma once
// A node's secret options as one run of bytes, to be sealed: per entry a 4-byte length and the
// name, a 4-byte length and the value. Pure.

#include "base/bytes.h"
#include "base/secret.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::store {

/// Wipe what you get.
std::vector<u8> encode_secrets(const std::map<std::string, Secret>& secrets);

/// Nothing when the bytes are not what encode_secrets writes.
std::optional<std::map<std::string, Secret>> decode_secrets(Bytes bytes);

} // namespace vbmc::store
