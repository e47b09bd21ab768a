#pragma once
// Platform Event Filtering (IPMI 2.0 §17, §30): filters that turn an event into a power action.
// Alerts are not sent, so no alert action is offered. Memory only once a client sets something up.

#include "base/bytes.h"
#include "base/time.h"
#include "bmc/sel.h"

#include <array>
#include <memory>
#include <vector>

namespace vbmc::bmc {

class Bmc;

/// One row of the event filter table (IPMI 2.0 table 17-2), without its number.
struct EventFilter {
    static constexpr std::size_t size = 20;
    ByteArray<size> bytes{};

    bool enabled() const noexcept { return (bytes[0] & 0x80) != 0; }

    u8 actions() const noexcept { return bytes[1]; }

    bool matches(const Sel::Record& record) const noexcept;
};

class Pef {
  public:
    static constexpr u8 filter_count = 16;
    static constexpr u8 actions_supported =
        0x2e; // power down, reset, power cycle, diagnostic interrupt

    struct Settings {
        u8 control = 0;        // parameter 1
        u8 action_control = 0; // parameter 2
        u8 startup_delay = 0;  // parameter 3, s
        u8 guid_used = 0;      // parameter 10
        ByteArray<16> guid{};
        std::array<EventFilter, filter_count> filters{};
    };

    u8 set_in_progress = 0;
    u16 last_by_software = 0xffff; // SEL record ids (§30.5); FFFFh: none yet
    u16 last_by_bmc = 0xffff;

    const Settings& settings() const noexcept;
    Settings& change();

    /// Postpones actions (§30.2): seconds; 0 disables the timer, FEh = until it is set again.
    void arm_postpone(Now now, u8 seconds) noexcept;
    u8 postpone_left(Now now) const noexcept;

    void save(std::vector<u8>& out) const;
    bool load(Bytes saved);

  private:
    std::unique_ptr<Settings> settings_;
    Mono postponed_until_ = Mono::min();
    bool postponed_ = false;
};

/// Called for every new SEL entry: carries out what the filters ask for.
void filter_event(Bmc& bmc, Now now, const Sel::Record& record);

} // namespace vbmc::bmc
