#pragma once
// One description of a message's layout that both reads and writes it.
//
//     struct Request {
//         u8 selector = 0;
//         bool force = false;
//         static void fields(auto& c, auto& r) {
//             c.byte(r.selector);
//             c.bits(bit<1>(r.force), gap<7>); // from bit 0 upwards
//         }
//     };
//
// decode() fails on a missing or a left-over byte; the caller turns that into the protocol's
// answer. The same machinery describes IPMI commands, RMCP+ payloads and persisted records.

#include "base/bytes.h"
#include "base/inline_bytes.h"

#include <concepts>
#include <optional>
#include <type_traits>

namespace vbmc {

template <unsigned Width, class T>
struct BitField {
    static constexpr unsigned width = Width;
    T& value;
};

/// `Width` bits of a byte or word, held by an integer, a bool or an enum.
template <unsigned Width, class T>
constexpr BitField<Width, T> bit(T& value) noexcept {
    return {value};
}

/// Bits that are written as zero and ignored when read.
template <unsigned Width>
struct BitGap {
    static constexpr unsigned width = Width;
};

template <unsigned Width>
inline constexpr BitGap<Width> gap{};

template <class T>
concept Scalar = std::integral<T> || std::is_enum_v<T>;

/// A struct that describes itself.
template <class T, class Codec>
concept Described = requires(Codec& c, T& value) {
    T::fields(c, value);
};

class Decoder {
  public:
    static constexpr bool reading = true;

    explicit constexpr Decoder(Bytes in) noexcept : in_(in) {}

    constexpr bool ok() const noexcept { return in_.ok(); }

    constexpr bool done() const noexcept { return in_.done(); }

    constexpr std::size_t remaining() const noexcept { return in_.remaining(); }

    constexpr void fail() noexcept { in_.fail(); }

    template <Scalar T>
    constexpr void byte(T& v) noexcept {
        v = static_cast<T>(in_.read_u8());
    }

    template <Scalar T>
    constexpr void word(T& v) noexcept {
        v = static_cast<T>(in_.read_u16());
    }

    template <Scalar T>
    constexpr void word24(T& v) noexcept {
        v = static_cast<T>(in_.read_u24());
    }

    template <Scalar T>
    constexpr void dword(T& v) noexcept {
        v = static_cast<T>(in_.read_u32());
    }

    template <Scalar T>
    constexpr void qword(T& v) noexcept {
        v = static_cast<T>(in_.read_u64());
    }

    template <std::size_t N>
    constexpr void bytes(ByteArray<N>& v) noexcept {
        v = in_.read_array<N>();
    }

    constexpr void reserved(std::size_t n = 1) noexcept { in_.skip(n); }

    template <class... Parts>
    constexpr void bits(Parts... parts) noexcept {
        constexpr unsigned total = (Parts::width + ...);
        static_assert(total % 8 == 0 && total <= 32, "bits() covers whole bytes");
        u32 raw = 0;
        unsigned shift = 0;
        for (const u8 b : in_.take(total / 8)) {
            raw |= static_cast<u32>(b) << shift;
            shift += 8;
        }
        (take_bits(raw, parts), ...);
    }

    /// Everything that is left. A Bytes is a view into the message; an InlineBytes a copy.
    constexpr void rest(Bytes& v) noexcept { v = in_.take_rest(); }

    template <std::size_t N>
    constexpr void rest(InlineBytes<N>& v) noexcept {
        if (!v.assign(in_.take_rest())) {
            in_.fail();
        }
    }

    /// A trailing scalar that may be absent; its size is the type's.
    template <Scalar T>
    constexpr void optional(std::optional<T>& v) noexcept {
        v.reset();
        if (in_.ok() && in_.remaining() > 0) {
            T value{};
            scalar(value);
            v = value;
        }
    }

    /// For a trailing block: `if (c.present(r.has_block)) { ... }`.
    constexpr bool present(bool& has) noexcept {
        has = in_.ok() && in_.remaining() > 0;
        return has;
    }

    template <class T>
    constexpr void nested(T& v) noexcept {
        T::fields(*this, v);
    }

    /// A length byte and that many bytes.
    template <std::size_t N>
    constexpr void counted(InlineBytes<N>& v) noexcept {
        const u8 size = in_.read_u8();
        if (!v.assign(in_.take(size))) {
            in_.fail();
        }
    }

  private:
    template <class T>
    constexpr void scalar(T& v) noexcept {
        if constexpr (sizeof(T) == 1) {
            byte(v);
        } else if constexpr (sizeof(T) == 2) {
            word(v);
        } else {
            dword(v);
        }
    }

    template <unsigned Width, class T>
    static constexpr void take_bits(u32& raw, BitField<Width, T> part) noexcept {
        constexpr u32 mask = Width == 32 ? 0xffffffffU : (1U << Width) - 1;
        part.value = static_cast<T>(raw & mask);
        raw = Width == 32 ? 0 : raw >> Width;
    }

    template <unsigned Width>
    static constexpr void take_bits(u32& raw, BitGap<Width>) noexcept {
        raw = Width == 32 ? 0 : raw >> Width;
    }

    ByteReader in_;
};

class Encoder {
  public:
    static constexpr bool reading = false;

    explicit constexpr Encoder(ByteWriter& out) noexcept : out_(out) {}

    constexpr bool ok() const noexcept { return out_.ok(); }

    constexpr void fail() noexcept { out_.fail(); }

    template <Scalar T>
    constexpr void byte(const T& v) noexcept {
        out_.write_u8(static_cast<u8>(v));
    }

    template <Scalar T>
    constexpr void word(const T& v) noexcept {
        out_.write_u16(static_cast<u16>(v));
    }

    template <Scalar T>
    constexpr void word24(const T& v) noexcept {
        out_.write_u24(static_cast<u32>(v));
    }

    template <Scalar T>
    constexpr void dword(const T& v) noexcept {
        out_.write_u32(static_cast<u32>(v));
    }

    template <Scalar T>
    constexpr void qword(const T& v) noexcept {
        out_.write_u64(static_cast<u64>(v));
    }

    template <std::size_t N>
    constexpr void bytes(const ByteArray<N>& v) noexcept {
        out_.write(v);
    }

    constexpr void reserved(std::size_t n = 1) noexcept { out_.fill(0, n); }

    template <class... Parts>
    constexpr void bits(Parts... parts) noexcept {
        constexpr unsigned total = (Parts::width + ...);
        static_assert(total % 8 == 0 && total <= 32, "bits() covers whole bytes");
        u32 raw = 0;
        unsigned shift = 0;
        (put_bits(raw, shift, parts), ...);
        for (unsigned i = 0; i < total / 8; ++i) {
            out_.write_u8(static_cast<u8>(raw >> (8 * i)));
        }
    }

    constexpr void rest(const Bytes& v) noexcept { out_.write(v); }

    template <std::size_t N>
    constexpr void rest(const InlineBytes<N>& v) noexcept {
        out_.write(v.bytes());
    }

    template <Scalar T>
    constexpr void optional(const std::optional<T>& v) noexcept {
        if (v) {
            scalar(*v);
        }
    }

    constexpr bool present(const bool& has) noexcept { return has; }

    template <class T>
    constexpr void nested(const T& v) noexcept {
        T::fields(*this, v);
    }

    template <std::size_t N>
    constexpr void counted(const InlineBytes<N>& v) noexcept {
        static_assert(N <= 255);
        out_.write_u8(static_cast<u8>(v.size()));
        out_.write(v.bytes());
    }

  private:
    template <class T>
    constexpr void scalar(const T& v) noexcept {
        if constexpr (sizeof(T) == 1) {
            byte(v);
        } else if constexpr (sizeof(T) == 2) {
            word(v);
        } else {
            dword(v);
        }
    }

    template <unsigned Width, class T>
    static constexpr void put_bits(u32& raw, unsigned& shift, BitField<Width, T> part) noexcept {
        constexpr u32 mask = Width == 32 ? 0xffffffffU : (1U << Width) - 1;
        raw |= (static_cast<u32>(part.value) & mask) << shift;
        shift += Width;
    }

    template <unsigned Width>
    static constexpr void put_bits(u32&, unsigned& shift, BitGap<Width>) noexcept {
        shift += Width;
    }

    ByteWriter& out_;
};

/// Reads all of `in`; nullopt when a byte is missing or left over.
template <class T>
constexpr std::optional<T> decode(Bytes in) noexcept {
    std::optional<T> value(std::in_place);
    Decoder decoder(in);
    T::fields(decoder, *value);
    if (!decoder.done()) {
        value.reset();
    }
    return value;
}

/// Appends to `out`, whose ok() tells whether it fitted.
template <class T>
constexpr void encode(ByteWriter& out, const T& value) noexcept {
    Encoder encoder(out);
    T::fields(encoder, value);
}

} // namespace vbmc
