#pragma once
// Up to N bytes with their length, without an allocation.

#include "base/bytes.h"

#include <string_view>

namespace vbmc {

template <std::size_t N>
class InlineBytes {
  public:
    static constexpr std::size_t capacity = N;

    constexpr InlineBytes() = default;

    constexpr std::size_t size() const noexcept { return size_; }

    constexpr bool empty() const noexcept { return size_ == 0; }

    constexpr Bytes bytes() const noexcept { return Bytes(data_).first(size_); }

    /// The whole room, for a writer; set the length with resize().
    constexpr MutableBytes room() noexcept { return data_; }

    /// False, and unchanged, when it does not fit.
    constexpr bool assign(Bytes source) noexcept {
        if (source.size() > N) {
            return false;
        }
        std::copy(source.begin(), source.end(), data_.begin());
        size_ = static_cast<u16>(source.size());
        return true;
    }

    constexpr bool assign(std::string_view text) noexcept {
        if (text.size() > N) {
            return false;
        }
        std::transform(text.begin(), text.end(), data_.begin(), [](char c) {
            return static_cast<u8>(c);
        });
        size_ = static_cast<u16>(text.size());
        return true;
    }

    constexpr bool push_back(u8 value) noexcept {
        if (size_ == N) {
            return false;
        }
        data_[size_++] = value;
        return true;
    }

    /// Shrinks, or grows over whatever room() was given; never beyond N.
    constexpr void resize(std::size_t n) noexcept { size_ = static_cast<u16>(n < N ? n : N); }

    constexpr void clear() noexcept { size_ = 0; }

    friend constexpr bool operator==(const InlineBytes& a, const InlineBytes& b) noexcept {
        return equal(a.bytes(), b.bytes());
    }

  private:
    static_assert(N <= 0xffff);
    ByteArray<N> data_{};
    u16 size_ = 0;
};

} // namespace vbmc
