#pragma once
// What a node tells control: small values, posted from its shard.

#include "base/time.h"
#include "bmc/power_types.h"

#include <map>
#include <string>

namespace vbmc::fleet {

struct NodeNote {
    enum class Kind : u8 {
        power,        // another power state was seen
        action,       // a power action ended
        backend_up,   // the backend answers again
        backend_down, // or no longer
        trouble,      // something else that the backend could not do
        audit,        // a log-in, a command that changed something
        quarantine,   // too many faults: halted
        fault,        // one fault
    };

    Kind kind = Kind::power;
    Wall when{};
    std::string uid;
    std::string who;     // of an audit: user@peer
    std::string what;    // a word: "login", "cycle", "boot"
    std::string message; // an error's text, or empty
    bool first = false;  // of power: nothing was known before
    bmc::PowerState power = bmc::PowerState::unknown;
};

/// Where notes go. Called on the control thread.
class NodeNotes {
  public:
    virtual ~NodeNotes() = default;
    virtual void on_note(const NodeNote& note) = 0;
};

} // namespace vbmc::fleet
