#pragma once
// ACPI power state (IPMI 2.0 §20.6, §20.7): what software said last, else what the power says.

#include "bmc/power_types.h"

namespace vbmc::bmc {

class Acpi {
  public:
    static constexpr u8 s0_working = 0x00;
    static constexpr u8 s4_s5_soft_off = 0x06;
    static constexpr u8 unknown = 0x2a;
    static constexpr u8 no_change = 0x7f;

    u8 system_state(PowerState power) const noexcept;

    u8 device_state(PowerState power) const noexcept;

    void set_system(u8 state) noexcept { system_ = state; }

    void set_device(u8 state) noexcept { device_ = state; }

    /// Power went on or off: what software said is history.
    void power_changed() noexcept { system_ = device_ = no_change; }

  private:
    u8 system_ = no_change;
    u8 device_ = no_change;
};

} // namespace vbmc::bmc
