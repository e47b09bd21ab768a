#pragma once
// Persisted records of the model: a version byte, then what fields() describes. Sections that hold
// several parts are records with a length before each, in a fixed order.

#include "base/check.h"
#include "base/fields.h"

#include <initializer_list>
#include <optional>
#include <vector>

namespace vbmc::bmc {

/// The longest record; a part that can outgrow it does not exist.
inline constexpr std::size_t record_size_max = 4096;

template <class T>
void append_record(std::vector<u8>& out, u8 version, const T& value) {
    ByteArray<record_size_max> room{};
    ByteWriter writer(room);
    writer.write_u8(version);
    encode(writer, value);
    VBMC_CHECK(writer.ok());
    out.insert(out.end(), writer.written().begin(), writer.written().end());
}

/// nullopt on another version, a missing or a left-over byte.
template <class T>
std::optional<T> read_record(Bytes saved, u8 version) {
    if (saved.empty() || saved.front() != version) {
        return std::nullopt;
    }
    return decode<T>(saved.subspan(1));
}

/// Appends one part of a section that holds several.
void append_part(std::vector<u8>& out, const std::vector<u8>& part);

/// Splits a section into exactly as many parts as `parts` has; false when they are not all there.
bool split_parts(Bytes saved, std::span<Bytes> parts) noexcept;

} // namespace vbmc::bmc
