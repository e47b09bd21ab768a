#pragma once
// A seed's numbers: the same on every machine and compiler (no std distribution is).

#include "base/bytes.h"
#include "base/time.h"

#include <vector>

namespace vbmc::sim {

class Random {
  public:
    explicit Random(u64 seed) noexcept : state_(seed) {
        state_ = next(); // neighbouring seeds are strangers
        state_ ^= next() << 1;
    }

    u64 next() noexcept { // splitmix64
        state_ += 0x9e3779b97f4a7c15;
        u64 z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    /// 0 .. n-1.
    u64 below(u64 n) noexcept { return n == 0 ? 0 : next() % n; }

    u64 between(u64 low, u64 high) noexcept { return low + below(high - low + 1); }

    bool chance(unsigned percent) noexcept { return below(100) < percent; }

    bool permille(unsigned n) noexcept { return below(1000) < n; }

    Duration time(Duration low, Duration high) noexcept {
        return low + Duration(static_cast<i64>(below(static_cast<u64>((high - low).count()) + 1)));
    }

    u8 byte() noexcept { return static_cast<u8>(next()); }

    std::vector<u8> bytes(std::size_t n) {
        std::vector<u8> result(n);
        for (u8& one : result) {
            one = byte();
        }
        return result;
    }

    template <class Container>
    auto& pick(Container& from) noexcept {
        return from[below(from.size())];
    }

  private:
    u64 state_;
};

} // namespace vbmc::sim
