#pragma once
// The emulated controller's model: plain parts with rules. A part changes only itself; what has to
// happen in the world goes into `outbox`, what has to be kept into `dirty`. Owned by one
// VirtualBmc, touched by its shard only.

#include "base/time.h"
#include "bmc/acpi.h"
#include "bmc/boot.h"
#include "bmc/channel.h"
#include "bmc/config.h"
#include "bmc/dcmi.h"
#include "bmc/events.h"
#include "bmc/fru.h"
#include "bmc/identify.h"
#include "bmc/intent.h"
#include "bmc/lan.h"
#include "bmc/media.h"
#include "bmc/messaging.h"
#include "bmc/observation.h"
#include "bmc/pef.h"
#include "bmc/power.h"
#include "bmc/section.h"
#include "bmc/sel.h"
#include "bmc/sensors.h"
#include "bmc/sol_config.h"
#include "bmc/system_info.h"
#include "bmc/users.h"
#include "bmc/watchdog.h"

#include <vector>

namespace vbmc::bmc {

class Bmc {
  public:
    Bmc(const Config& config, Now now);

    /// Folds what was seen into the parts: cached state, SEL entries, one-time boot used up.
    void observe(Now now, const Observation& observation);

    /// The earliest moment at which on_deadline() has something to do; `never` when idle.
    Mono next_deadline() const noexcept;

    void on_deadline(Now now);

    /// One section as versioned bytes, and back; load() returns false on bytes it cannot read.
    std::vector<u8> save(Section section, Now now) const;
    bool load(Section section, Bytes saved, Now now);

    /// Hands out an action as Chassis Control does, with all that belongs to it: boot flags,
    /// restart cause, the record of what is in flight. The ticket ends with a Done.
    Ticket request_power(
        Now now, PowerAction action, RestartCause cause, u32 session = 0, u8 on_channel = 0
    );

    /// Asks for the power to be looked at now, or joins the look that is under way: several
    /// requests may wait for the same ticket.
    Ticket request_refresh(Now now);

    /// The boot flags changed: tells the world when what they ask for is not what it was told last.
    void boot_changed();

    /// Somebody said that nothing is chosen any more.
    void boot_cleared();

    /// Boot device as a person asks for it, not through IPMI.
    void set_boot(Now now, const BootRequest& request);

    Ticket new_ticket() noexcept;

    Config config;
    Power power;
    Boot boot;
    Users users;
    Channel channel;
    Lan lan;
    SolConfig sol;
    Sel sel;
    Sensors sensors;
    Fru fru;
    Watchdog watchdog;
    IdentifyLight identify_light;
    Acpi acpi;
    Messaging messaging;
    SystemInfo system_info;
    Pef pef;
    EventReceiver events;
    Dcmi dcmi;
    VirtualMedia media;

    std::vector<Intent> outbox;
    Sections dirty;

    /// Cold or Warm Reset was asked for: whoever owns the sessions ends them once the reply is out,
    /// calls restart_controller(), and clears this.
    bool reset_requested = false;

    /// What a controller forgets when it restarts: everything volatile. The node's power is not
    /// touched.
    void restart_controller(Now now);

  private:
    void observe_power(Now now, const PowerSeen& seen);
    void observe_done(Now now, const Done& done);
    void observe_failure(Now now, const PowerFailed& failed);
    void note_start(Now now, bool powered_up, RestartCause cause, u8 asked_on);
    bool load_section(Section section, Bytes saved, Now now);
    bool load_boot(Bytes saved, Now now);
    void on_watchdog(Now now, Watchdog::Event event);
    void boot_used_up();

    BootRequest armed_; // what SetBoot asked for last
    Ticket last_ticket_ = 0;
};

} // namespace vbmc::bmc
