#pragma once
// Bytes and how they are read and written: fixed spans, sticky errors, little endian (IPMI's order)
// unless a name says otherwise. Nothing here allocates or throws.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace vbmc {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;

using Bytes = std::span<const u8>;
using MutableBytes = std::span<u8>;

template <std::size_t N>
using ByteArray = std::array<u8, N>;

inline bool equal(Bytes a, Bytes b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

/// Reads forward through a span. A read past the end yields zeros and makes ok() false for good:
/// callers read everything and ask once at the end.
class ByteReader {
  public:
    explicit constexpr ByteReader(Bytes bytes) noexcept : rest_(bytes) {}

    constexpr bool ok() const noexcept { return ok_; }

    constexpr std::size_t remaining() const noexcept { return rest_.size(); }

    /// True when all was read and nothing was missing.
    constexpr bool done() const noexcept { return ok_ && rest_.empty(); }

    constexpr void fail() noexcept {
        ok_ = false;
        rest_ = {};
    }

    constexpr Bytes take(std::size_t n) noexcept {
        if (n > rest_.size()) {
            fail();
            return {};
        }
        const Bytes head = rest_.first(n);
        rest_ = rest_.subspan(n);
        return head;
    }

    constexpr Bytes take_rest() noexcept { return take(rest_.size()); }

    constexpr void skip(std::size_t n) noexcept { take(n); }

    constexpr u8 read_u8() noexcept { return static_cast<u8>(read_le(1)); }

    constexpr u16 read_u16() noexcept { return static_cast<u16>(read_le(2)); }

    constexpr u32 read_u24() noexcept { return static_cast<u32>(read_le(3)); }

    constexpr u32 read_u32() noexcept { return static_cast<u32>(read_le(4)); }

    constexpr u64 read_u64() noexcept { return read_le(8); }

    constexpr u32 read_u32_be() noexcept {
        const u64 v = read_le(4);
        return static_cast<u32>((v & 0xff) << 24 | (v & 0xff00) << 8 | (v >> 8 & 0xff00) | v >> 24);
    }

    constexpr void read(MutableBytes out) noexcept {
        const Bytes source = take(out.size());
        std::copy(source.begin(), source.end(), out.begin());
    }

    template <std::size_t N>
    constexpr ByteArray<N> read_array() noexcept {
        ByteArray<N> out{};
        read(out);
        return out;
    }

  private:
    constexpr u64 read_le(std::size_t n) noexcept {
        const Bytes source = take(n);
        u64 value = 0;
        for (std::size_t i = source.size(); i-- > 0;) {
            value = value << 8 | source[i];
        }
        return value;
    }

    Bytes rest_;
    bool ok_ = true;
};

/// Writes forward into a fixed span. What does not fit is not written and makes ok() false for
/// good.
class ByteWriter {
  public:
    explicit constexpr ByteWriter(MutableBytes out) noexcept : out_(out) {}

    constexpr bool ok() const noexcept { return ok_; }

    constexpr std::size_t size() const noexcept { return at_; }

    constexpr std::size_t remaining() const noexcept { return out_.size() - at_; }

    constexpr void fail() noexcept { ok_ = false; }

    /// What was written so far.
    constexpr MutableBytes written() const noexcept { return out_.first(at_); }

    /// Room for n bytes that the caller fills in; empty when they do not fit.
    constexpr MutableBytes claim(std::size_t n) noexcept {
        if (!ok_ || n > remaining()) {
            ok_ = false;
            return {};
        }
        const MutableBytes room = out_.subspan(at_, n);
        at_ += n;
        return room;
    }

    constexpr void write_u8(u8 v) noexcept { write_le(v, 1); }

    constexpr void write_u16(u16 v) noexcept { write_le(v, 2); }

    constexpr void write_u24(u32 v) noexcept { write_le(v, 3); }

    constexpr void write_u32(u32 v) noexcept { write_le(v, 4); }

    constexpr void write_u64(u64 v) noexcept { write_le(v, 8); }

    constexpr void write_u32_be(u32 v) noexcept {
        for (unsigned shift = 32; shift > 0;) {
            shift -= 8;
            write_u8(static_cast<u8>(v >> shift));
        }
    }

    constexpr void write(Bytes bytes) noexcept {
        const MutableBytes room = claim(bytes.size());
        if (room.size() == bytes.size()) {
            std::copy(bytes.begin(), bytes.end(), room.begin());
        }
    }

    constexpr void fill(u8 value, std::size_t n) noexcept {
        const MutableBytes room = claim(n);
        std::fill(room.begin(), room.end(), value);
    }

  private:
    constexpr void write_le(u64 value, std::size_t n) noexcept {
        for (u8& byte : claim(n)) {
            byte = static_cast<u8>(value);
            value >>= 8;
        }
    }

    MutableBytes out_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

} // namespace vbmc
