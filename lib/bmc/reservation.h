#pragma once
// A reservation of the SEL or the SDR repository (IPMI 2.0 §31.4, §33.11): the latest one given
// out, until something changes.

#include "base/bytes.h"

namespace vbmc::bmc {

class Reservation {
  public:
    /// A new one; what was given out before is lost. Never 0000h.
    constexpr u16 renew() noexcept {
        id_ = static_cast<u16>(id_ + 1);
        if (id_ == 0) {
            id_ = 1;
        }
        held_ = true;
        return id_;
    }

    constexpr void cancel() noexcept { held_ = false; }

    constexpr bool holds(u16 id) const noexcept { return held_ && id == id_; }

  private:
    u16 id_ = 0;
    bool held_ = false;
};

} // namespace vbmc::bmc
