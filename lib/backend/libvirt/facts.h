#pragma once
// What libvirt knows of a machine besides its power: who made it, its drives, how busy it is.

#include "backend/driver.h"
#include "backend/libvirt/machine.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::backend::libvirt {

/// What changes only with the definition.
struct Facts {
    bmc::IdentitySeen identity;
    std::vector<std::string> drives; // targets of the disks: "vda"
    bool boot_is_stale = false;
};

Result<Facts> read_facts(virConnectPtr connection, const Whom& whom);

/// From the definition alone.
Result<Facts> facts_of(std::string_view xml);

/// How the machine is doing at the moment of asking.
struct Load {
    bool running = false;
    u64 cpu_ns = 0; // used so far
    unsigned cpus = 0;
    Mono at{};
    std::optional<double> memory_percent; // where the guest's balloon driver tells it
    std::vector<std::string> faulty;      // drives with errors
};

Result<Load> read_load(virConnectPtr connection, const Whom& whom);

/// The sensors of a machine with these drives; shared by all nodes that have the same ones.
std::shared_ptr<const bmc::SensorSet>
make_sensors(Commons* commons, const std::vector<std::string>& drives);

/// `before`: the load some seconds ago; CPU usage is a difference.
std::vector<bmc::SensorReading> readings_of(
    const std::vector<std::string>& drives, const std::optional<Load>& before, const Load& now
);

} // namespace vbmc::backend::libvirt
