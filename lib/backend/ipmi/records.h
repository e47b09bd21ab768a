#pragma once
// What another controller's SDRs, FRU image and event records say, as our model takes it. Pure and
// total: a record that is broken, or of a kind that is not mirrored, is left out.

#include "base/bytes.h"
#include "bmc/observation.h"
#include "bmc/sensor_set.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::backend::ipmi {

/// A sensor as its owner numbers it.
struct UpstreamSensor {
    u8 number = 0;
    bmc::SensorSpec spec; // its `number` is still to be given
};

/// A whole SDR with its header: none, one, or as many as a compact record shares.
std::vector<UpstreamSensor> sensors_in(Bytes record);

/// All sensors under numbers of this node's; where it can be, those they have upstream.
struct SensorMap {
    std::shared_ptr<const bmc::SensorSet> set;
    std::map<u8, u8> to_here; // upstream number -> ours
};

SensorMap map_sensors(const std::vector<UpstreamSensor>& sensors);

/// The answer to Get Sensor Reading.
bmc::SensorReading reading_of(const bmc::SensorSpec& spec, Bytes answer);

/// The product area of a FRU image; empty strings for what is not there.
bmc::IdentitySeen identity_in(Bytes fru_image);

/// An event of a mirrored sensor names it as this node does.
void renumber_event(ByteArray<16>& record, const SensorMap& map);

/// A type/length byte's field (FRU storage definition §13) as printable text.
std::string text_of(u8 type_length, Bytes field);

} // namespace vbmc::backend::ipmi
