#pragma once
// What was seen in the world, told to the controller by the node worker.

#include "bmc/intent.h"
#include "bmc/power_types.h"
#include "bmc/sensor_set.h"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace vbmc::bmc {

/// The machine's power as the backend confirmed it just now.
struct PowerSeen {
    PowerState state;
    bool restarted = false; // it went through a start since the last look, even if still on
};

/// The end of a SetPower or RefreshPower.
struct Done {
    Ticket ticket;
    Outcome outcome;
};

/// A power action failed after the client was told "accepted": becomes a SEL entry.
struct PowerFailed {
    PowerAction action;
    Outcome outcome;
};

/// The backend does not answer; what was seen last grows stale. Reachable again = any PowerSeen.
struct Unreachable {};

/// A reading in its own unit (volts, degrees C, RPM, watts); `number` names the sensor in the SDR.
struct SensorReading {
    u8 number;
    bool available;
    double value;
};

struct SensorsSeen {
    std::vector<SensorReading> readings;
};

/// The backend told which sensors this machine has: they replace the set of its kind.
struct SensorSetSeen {
    std::shared_ptr<const SensorSet> set;
};

/// What the backend knows of the machine, for FRU and DMI-like answers. Empty = unknown.
struct IdentitySeen {
    std::string manufacturer;
    std::string product;
    std::string serial;
    std::string asset_tag;
};

/// What was armed was taken by a start: one-time flags are used up.
struct BootTaken {};

struct ConsoleOpened {};

struct ConsoleClosed {};

struct ConsoleBytes {
    std::vector<u8> bytes;
};

struct MediaSeen {
    bool inserted;
};

/// Entries of the event log that the backend's own controller keeps, oldest first, as on the wire.
struct SelSeen {
    std::vector<ByteArray<16>> records;
    bool history = false; // what it held already: only what this log never had becomes an entry
};

/// The inventory that the backend's own controller keeps, as its FRU device 0 has it.
struct FruSeen {
    std::vector<u8> image;
};

/// The backend's own answer to a RawCommand, or a completion code instead of one.
struct RawDone {
    Ticket ticket = 0;
    u8 completion = 0;
    std::vector<u8> data;
};

using Observation = std::variant<
    PowerSeen,
    Done,
    PowerFailed,
    Unreachable,
    SensorsSeen,
    SensorSetSeen,
    IdentitySeen,
    BootTaken,
    ConsoleOpened,
    ConsoleClosed,
    ConsoleBytes,
    MediaSeen,
    RawDone,
    SelSeen,
    FruSeen>;

} // namespace vbmc::bmc
