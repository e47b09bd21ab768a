#include "net/clock.h"

namespace vbmc::net {

Now now() noexcept {
    return Now{
        to_mono(std::chrono::steady_clock::now()),
        std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()),
    };
}

std::chrono::steady_clock::time_point to_steady(Mono when) noexcept {
    return std::chrono::steady_clock::time_point(
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(when.time_since_epoch())
    );
}

Mono to_mono(std::chrono::steady_clock::time_point when) noexcept {
    return Mono(std::chrono::duration_cast<Duration>(when.time_since_epoch()));
}

} // namespace vbmc::net
