#pragma once
// The watchdog timer (IPMI 2.0 §27): counts down, interrupts ahead, and then acts on the node's
// power through Bmc. Its settings persist (Section::watchdog), a running countdown does not.

#include "base/fields.h"
#include "base/time.h"

#include <optional>
#include <vector>

namespace vbmc::bmc {

enum class WatchdogUse : u8 {
    none = 0,
    bios_frb2 = 1,
    bios_post = 2,
    os_load = 3,
    sms_os = 4,
    oem = 5
};

enum class WatchdogInterrupt : u8 { none = 0, smi = 1, nmi = 2, messaging = 3 };

enum class WatchdogAction : u8 { none = 0, hard_reset = 1, power_down = 2, power_cycle = 3 };

struct WatchdogSettings {
    WatchdogUse use = WatchdogUse::none;
    bool dont_log = false;
    WatchdogAction action = WatchdogAction::none;
    WatchdogInterrupt interrupt = WatchdogInterrupt::none;
    u8 interrupt_ahead_s = 0;
    u8 expired_uses = 0; // bit a use (5:1)
    u16 countdown_100ms = 0;

    static void fields(auto& c, auto& r) {
        c.bits(bit<3>(r.use), gap<4>, bit<1>(r.dont_log));
        c.bits(bit<3>(r.action), gap<1>, bit<3>(r.interrupt), gap<1>);
        c.byte(r.interrupt_ahead_s);
        c.byte(r.expired_uses);
        c.word(r.countdown_100ms);
    }
};

class Watchdog {
  public:
    enum class Event : u8 { nothing, interrupt, expired };

    const WatchdogSettings& settings() const noexcept { return settings_; }

    bool is_set() const noexcept { return set_; }

    bool running() const noexcept { return ends_at_ != never; }

    /// True between the pre-timeout interrupt and the end of that countdown.
    bool interrupted() const noexcept { return interrupted_; }

    /// Set Watchdog Timer; `keep_running` restarts a running countdown with the new values.
    void set(Now now, const WatchdogSettings& settings, bool keep_running) noexcept;

    /// Reset Watchdog Timer: starts from the initial value. False when it was never set.
    bool start(Now now) noexcept;

    void stop() noexcept;

    /// What is left, in units of 100 ms.
    u16 remaining(Mono now) const noexcept;

    Mono next_deadline() const noexcept;

    Event on_deadline(Now now) noexcept;

    void save(std::vector<u8>& out) const;
    bool load(Bytes saved);

    static void fields(auto& c, auto& r) {
        c.nested(r.settings_);
        c.byte(r.set_);
    }

  private:
    WatchdogSettings settings_;
    bool set_ = false;
    bool interrupted_ = false;
    Mono ends_at_ = never;
};

} // namespace vbmc::bmc
