#pragma once
// What the controller knows of the machine's power, and since when; the action in flight; why the
// machine started last; restore policy; power-on hours. Changes only by what was seen or asked;
// asks for nothing itself (Bmc does). Persisted in Section::power.

#include "base/time.h"
#include "bmc/config.h"
#include "bmc/observation.h"

#include <optional>
#include <vector>

namespace vbmc::bmc {

/// Chassis Policy (IPMI 2.0 §28.8), with the numbers of the wire.
enum class RestorePolicy : u8 { always_off = 0, previous = 1, always_on = 2 };

/// How old what was seen last is, by the node's bounds.
enum class Freshness : u8 {
    fresh,  // tell it
    usable, // refresh first; tell it when the refresh does not come
    stale,  // never tell it
};

/// Set Chassis Capabilities (IPMI 2.0 §28.7): where the chassis' devices are.
struct ChassisCapabilities {
    u8 flags = 0;
    u8 fru_address = 0x20;
    u8 sdr_address = 0x20;
    u8 sel_address = 0x20;
    u8 system_management_address = 0x20;
    u8 bridge_address = 0x20;

    static void fields(auto& c, auto& r) {
        c.byte(r.flags);
        c.byte(r.fru_address);
        c.byte(r.sdr_address);
        c.byte(r.sel_address);
        c.byte(r.system_management_address);
        c.byte(r.bridge_address);
    }
};

/// What a look, or the end of an action, meant.
struct PowerChange {
    bool to_keep = false; // something that is persisted changed
    bool turned_on = false;
    bool turned_off = false;
    bool started = false;                       // turned on, or restarted while on: a boot
    RestartCause cause = RestartCause::unknown; // of the start
    u8 channel = 0;                             // that it was asked on
    std::optional<RestartCause> restore;        // the restore policy asks for power on
};

/// Which bookkeeping a Done ended.
struct PowerEnd {
    bool mine = false;    // the action in flight
    bool started = false; // by a reset, which no look can see
    PowerAction action = PowerAction::off;
    RestartCause cause = RestartCause::unknown;
    u8 channel = 0;
};

class Power {
  public:
    PowerState state() const noexcept { return state_; }

    /// When `state` was confirmed; nullopt before the first time.
    std::optional<Mono> seen_at() const noexcept { return seen_at_; }

    Freshness freshness(const Config& config, Mono now) const noexcept;

    PowerChange observe(Now now, const PowerSeen& seen);

    /// The backend does not answer: nothing is fresh any more, whoever pushes.
    void unreachable() noexcept { reachable_ = false; }

    // Actions.
    /// An action that was handed out and has not ended. One that never ends is forgotten after a
    /// while.
    bool in_flight(Mono now) const noexcept;

    /// True when a Chassis Control says the same again: the same action is in flight, or `session`
    /// itself had it accepted a moment ago (a client resends when the reply was lost).
    bool is_repeat(Mono now, PowerAction action, u32 session) const noexcept;

    /// It did: a client that goes on resending is remembered for as long as it does.
    void note_repeat(Mono now, PowerAction action, u32 session) noexcept;

    void
    begin(Now now, PowerAction action, RestartCause cause, Ticket ticket, u32 session, u8 channel);

    /// The end of an action or a refresh.
    PowerEnd end(Now now, const Done& done) noexcept;

    void fail() noexcept { control_fault_ = true; }

    /// The refresh under way, that another reader may wait for too; 0 = none.
    Ticket refresh_under_way(Mono now) const noexcept;
    void begin_refresh(Mono now, Ticket ticket) noexcept;

    // Chassis Status (IPMI 2.0 §28.2).
    bool control_fault() const noexcept { return control_fault_; }

    bool on_by_ipmi() const noexcept { return on_by_ipmi_; }

    RestorePolicy policy = RestorePolicy::always_off;
    u8 disabled_buttons = 0; // Set Front Panel Button Enables (§28.6): bits 3:0
    u8 cycle_interval_s = 0; // Set Power Cycle Interval (§28.9)
    ChassisCapabilities capabilities;

    // Get System Restart Cause (§28.11).
    RestartCause restart_cause() const noexcept { return restart_cause_; }

    u8 restart_channel() const noexcept { return restart_channel_; }

    /// Time that the machine was seen powered on, ever.
    Duration time_on(Mono now) const noexcept;

    /// No restore when the next PowerSeen comes: the endpoint is made anew, the supervisor did not
    /// start.
    void skip_restore() noexcept { restore_pending_ = false; }

    /// When the hours counter should be saved again; `never` while off.
    Mono next_deadline() const noexcept { return save_at_; }

    /// True when the section should be saved.
    bool on_deadline(Now now) noexcept;

    void save(std::vector<u8>& out, Mono now) const;
    bool load(Bytes saved);

  private:
    struct Flight {
        PowerAction action = PowerAction::off;
        RestartCause cause = RestartCause::unknown;
        u8 channel = 0;
        bool ended = true;
        bool accepted = false; // ended well
        bool started = false;  // its start was counted
        Ticket ticket = 0;
        u32 session = 0;
        Mono since{};
        Mono ended_at{};
        Mono repeated_at{};
    };

    struct Kept;

    bool
    accepted_from(const Flight& flight, Mono now, PowerAction action, u32 session) const noexcept;
    void count_time(Mono now, PowerState next) noexcept;
    bool note_start(Mono now) noexcept;

    std::optional<Mono> seen_at_;
    Mono acted_at_ = Mono::min(); // an older look says nothing about after the last action
    Mono refresh_since_{};
    Mono on_since_ = never;
    Mono save_at_ = never;
    Duration time_on_{};
    Flight flight_;
    std::vector<Flight> before_; // the last few that another one overtook, of sessions
    Ticket refresh_ = 0;
    PowerState state_ = PowerState::unknown;
    PowerState last_kept_ = PowerState::unknown; // persisted: what policy `previous` goes back to
    RestartCause restart_cause_ = RestartCause::unknown;
    u8 restart_channel_ = 0;
    bool restore_pending_ = true;
    bool control_fault_ = false;
    bool on_by_ipmi_ = false;
    bool reachable_ = true;
};

} // namespace vbmc::bmc
