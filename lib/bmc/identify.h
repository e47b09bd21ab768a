#pragma once
// The identify light (IPMI 2.0 §28.5): off, on for some seconds, or on until told otherwise.

#include "base/bytes.h"
#include "base/time.h"

namespace vbmc::bmc {

class IdentifyLight {
  public:
    /// With the numbers of Get Chassis Status, byte 3 bits 5:4.
    enum class State : u8 { off = 0, temporary = 1, indefinite = 2 };

    State state(Mono now) const noexcept;

    /// 0 seconds: off.
    void light(Mono now, u8 seconds) noexcept;

    void light_indefinitely() noexcept;

    Mono next_deadline() const noexcept { return indefinite_ ? never : ends_at_; }

    void on_deadline(Now now) noexcept;

  private:
    Mono ends_at_ = never;
    bool lit_ = false;
    bool indefinite_ = false;
};

} // namespace vbmc::bmc
