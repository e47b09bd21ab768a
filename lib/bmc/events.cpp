#include "bmc/events.h"

#include "bmc/bmc.h"

namespace vbmc::bmc {

namespace {

/// Set Sensor Event Enable (§35.10) of the sensor that the controller reports an event of. What
/// others send (Platform Event) is theirs to enable.
bool is_enabled(const Bmc& bmc, const SelEvent& event) {
    const SensorSpec* spec = find_sensor(bmc.config.sensors.get(), event.sensor_number);
    if (event.generator != SelEvent().generator || spec == nullptr) {
        return true;
    }
    const SensorSettings settings = bmc.sensors.settings(*spec);
    const u16 mask = event.asserted ? settings.assertions : settings.deassertions;
    return settings.event_messages && (mask >> (event.data[0] & 0x0f) & 1U) != 0;
}

void follow_up(Bmc& bmc, Now now) {
    const Sel::Record record = bmc.sel.records().back();
    bmc.dirty.add(Section::sel);
    bmc.messaging.store_event(record);
    filter_event(bmc, now, record);
}

} // namespace

void log_event(Bmc& bmc, Now now, const SelEvent& event) {
    if (!bmc.messaging.event_logging() || !is_enabled(bmc, event)) {
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

void mirror_records(Bmc& bmc, Now now, const SelSeen& seen) {
    for (const Sel::Record& record : seen.records) {
        if (seen.history && bmc.sel.had(record)) {
            continue;
        }
        bmc.sel.mirror(now, record);
        bmc.dirty.add(Section::sel);
    }
}

} // namespace vbmc::bmc
