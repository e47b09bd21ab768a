#pragma once
// The parts of a controller's state that outlive the process. A handler that changes one marks it
// dirty; the host saves dirty sections, batched, as opaque bytes.

#include "base/bytes.h"

namespace vbmc::bmc {

enum class Section : u8 {
    users = 0,    // names, passwords, privileges, K_g: encrypted at rest
    power = 1,    // restore policy, last event, restart cause, POH
    boot = 2,     // boot options
    sel = 3,      // entries and the clock's offset
    fru = 4,      // what was written over the generated FRU
    sensors = 5,  // thresholds, hysteresis, event enables
    channel = 6,  // channel access, LAN and SOL parameters, PEF
    watchdog = 7, // timer settings (never a running countdown)
    system = 8,   // system info parameters, asset tag, controller id, global enables
};

inline constexpr u8 section_count = 9;

/// A set of sections.
class Sections {
  public:
    constexpr void add(Section s) noexcept {
        bits_ = static_cast<u16>(bits_ | 1U << static_cast<u8>(s));
    }

    constexpr bool has(Section s) const noexcept { return (bits_ >> static_cast<u8>(s) & 1U) != 0; }

    constexpr bool empty() const noexcept { return bits_ == 0; }

    constexpr void clear() noexcept { bits_ = 0; }

  private:
    u16 bits_ = 0;
};

} // namespace vbmc::bmc
