#pragma once
// Where events go: the one way into the SEL for all parts of the controller, and the setting that
// names the event receiver (IPMI 2.0 §29.1).

#include "base/bytes.h"
#include "base/time.h"
#include "bmc/observation.h"
#include "bmc/sel.h"

namespace vbmc::bmc {

class Bmc;

/// Set Event Receiver's setting. The BMC logs its own events whatever it says: it is the receiver.
struct EventReceiver {
    static constexpr u8 disabled = 0xff;
    u8 address = 0x20;
    u8 lun = 0;
};

/// Logs the event, remembers that the SEL has to be kept, and lets platform event filtering act on
/// it.
void log_event(Bmc& bmc, Now now, const SelEvent& event);

/// The same for a record that a client added.
u16 log_record(Bmc& bmc, Now now, const Sel::Record& record);

/// Takes over what another controller has logged. It was an event there, not here: no filter acts.
void mirror_records(Bmc& bmc, Now now, const SelSeen& seen);

} // namespace vbmc::bmc
