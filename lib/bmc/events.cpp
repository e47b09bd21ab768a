#include "bmc/events.h"

#include "bmc/bmc.h"

#include <algorithm>

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

using RecordAt = std::vector<Sel::Record>::const_iterator;

/// How many of these say the same as `record`, whatever their ids.
std::ptrdiff_t alike(RecordAt first, RecordAt last, const Sel::Record& record) {
    return std::count_if(first, last, [&record](const Sel::Record& other) {
        return equal(Bytes(other).subspan(2), Bytes(record).subspan(2));
    });
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
    for (auto at = seen.records.begin(); at != seen.records.end(); ++at) {
        if (seen.history && bmc.sel.had(*at)) {
            // Two fans may fail alike in one second: as many as the other log has, no more.
            const auto here = alike(bmc.sel.records().begin(), bmc.sel.records().end(), *at);
            if (here == 0 || here >= alike(seen.records.begin(), at + 1, *at)) {
                continue;
            }
        }
        bmc.sel.mirror(now, *at);
        bmc.dirty.add(Section::sel);
    }
}

} // namespace vbmc::bmc
