#include "bmc/identify.h"

namespace vbmc::bmc {

IdentifyLight::State IdentifyLight::state(Mono now) const noexcept {
    if (!lit_ || (!indefinite_ && now >= ends_at_)) {
        return State::off;
    }
    return indefinite_ ? State::indefinite : State::temporary;
}

void IdentifyLight::light(Mono now, u8 seconds) noexcept {
    lit_ = seconds > 0;
    indefinite_ = false;
    ends_at_ = lit_ ? now + std::chrono::seconds(seconds) : never;
}

void IdentifyLight::light_indefinitely() noexcept {
    lit_ = true;
    indefinite_ = true;
    ends_at_ = never;
}

void IdentifyLight::on_deadline(Now now) noexcept {
    if (lit_ && !indefinite_ && now.mono >= ends_at_) {
        lit_ = false;
        ends_at_ = never;
    }
}

} // namespace vbmc::bmc
