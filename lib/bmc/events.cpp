#include "bmc/events.h"

#include "bmc/bmc.h"

namespace vbmc::bmc {

namespace {

void follow_up(Bmc& bmc, Now now) {
    const Sel::Record record = bmc.sel.records().back();
    bmc.dirty.add(Section::sel);
    bmc.messaging.store_event(record);
    filter_event(bmc, now, record);
}

} // namespace

void log_event(Bmc& bmc, Now now, const SelEvent& event) {
    if (!bmc.messaging.event_logging()) {
        return;
    }
    bmc.sel.add(now, event);
    follow_up(bmc, now);
}

u16 log_record(Bmc& bmc, Now now, const Sel::Record& record) {
    const u16 id = bmc.sel.add(now, record);
    follow_up(bmc, now);
    return id;
}

} // namespace vbmc::bmc
