#pragma once
// DCMI 1.5: asset tag, controller id, power statistics, and parameters kept for who asks.

#include "base/bytes.h"
#include "base/inline_bytes.h"
#include "base/time.h"
#include "bmc/config.h"
#include "bmc/sensor_set.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace vbmc::bmc {

class Bmc;

/// Watts over all readings since the controller started.
struct PowerStatistics {
    u32 count = 0;
    u16 current = 0;
    u16 lowest = 0;
    u16 highest = 0;
    u64 sum = 0;
    Mono since{};

    void add(Mono now, double watts) noexcept;

    u16 average() const noexcept { return count == 0 ? u16{0} : static_cast<u16>(sum / count); }
};

class Dcmi {
  public:
    static constexpr std::size_t asset_tag_max = 63;
    static constexpr std::size_t controller_id_max = 64;

    struct Settings {
        std::string asset_tag;
        bool has_asset_tag = false; // else what the backend knows
        std::string controller_id;  // empty: "DCMI" and the MAC address
        // Configuration parameters (DCMI 1.5 §6.1.2): kept for who asks; there is no DHCP here.
        u8 discovery = 0;
        u8 dhcp_initial_timeout = 4;
        u16 dhcp_contact_timeout = 120;
        u16 dhcp_retry_interval = 64;
    };

    const Settings& settings() const noexcept;
    Settings& change();

    PowerStatistics power;

    void save(std::vector<u8>& out) const;
    bool load(Bytes saved);

  private:
    std::unique_ptr<Settings> settings_;
};

/// The sensor that tells the node's power in watts; nullptr when there is none.
const SensorSpec* power_sensor(const SensorSet* own) noexcept;

/// The tag in force: set by a client, or told by the backend, or empty. A view of the model.
std::string_view asset_tag(const Bmc& bmc) noexcept;

/// Set by a client, or "DCMI" and the MAC address (DCMI 1.5 §6.4.6.1).
InlineBytes<Dcmi::controller_id_max> controller_id(const Bmc& bmc) noexcept;

} // namespace vbmc::bmc
