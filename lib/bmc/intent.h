#pragma once
// What the controller wants done in the world. Handlers leave intents; a node worker carries them
// out later and hands Observations back. Nothing waits.

#include "bmc/power_types.h"

#include <string>
#include <variant>
#include <vector>

namespace vbmc::bmc {

/// Names one intent whose end somebody waits for; 0 = nobody.
using Ticket = u32;

struct SetPower {
    PowerAction action;
    RestartCause cause;
    Ticket ticket;
};

/// Look at the machine now; answered by PowerSeen (or Unreachable) and Done{ticket}.
struct RefreshPower {
    Ticket ticket;
};

struct RefreshSensors {};

/// Arms the next boot (or all boots); replaces what was armed before. `none` takes that back, and
/// persistent, also what lasts.
struct SetBoot {
    BootRequest boot;
};

/// Light the machine up, where a backend can: seconds, 0 = stop, indefinite = until told.
struct Identify {
    u8 seconds;
    bool indefinite;
};

struct InsertMedia {
    std::string image;
    bool writable;
};

struct EjectMedia {};

struct ConsoleOpen {};

struct ConsoleClose {};

struct ConsoleInput {
    std::vector<u8> bytes;
};

struct ConsoleBreak {};

/// A command that this controller does not know, for a backend that is one; ends with a RawDone.
struct RawCommand {
    Ticket ticket = 0;
    u8 netfn = 0;
    u8 command = 0;
    std::vector<u8> data;
};

using Intent = std::variant<
    SetPower,
    RefreshPower,
    RefreshSensors,
    SetBoot,
    Identify,
    InsertMedia,
    EjectMedia,
    ConsoleOpen,
    ConsoleClose,
    ConsoleInput,
    ConsoleBreak,
    RawCommand>;

} // namespace vbmc::bmc
