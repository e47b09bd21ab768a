#include "bmc/acpi.h"

namespace vbmc::bmc {

namespace {

constexpr u8 d0 = 0x00;
constexpr u8 d3 = 0x03;

} // namespace

u8 Acpi::system_state(PowerState power) const noexcept {
    if (system_ != no_change) {
        return system_;
    }
    switch (power) {
    case PowerState::on:
        return s0_working;
    case PowerState::off:
        return s4_s5_soft_off;
    case PowerState::unknown:
    case PowerState::changing:
        break;
    }
    return unknown;
}

u8 Acpi::device_state(PowerState power) const noexcept {
    if (device_ != no_change) {
        return device_;
    }
    switch (power) {
    case PowerState::on:
        return d0;
    case PowerState::off:
        return d3;
    case PowerState::unknown:
    case PowerState::changing:
        break;
    }
    return unknown;
}

} // namespace vbmc::bmc
