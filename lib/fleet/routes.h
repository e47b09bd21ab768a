#pragma once
// The fan-out: which of a node's targets does what. A node with one target needs no routes. Drivers
// are shared with the calls in flight, which may outlive the node's endpoint. On the node's shard.

#include "backend/driver.h"

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace vbmc::fleet {

/// What can be routed on its own; everything else goes with `power`.
enum class Route : u8 {
    power,
    soft,
    reset,
    nmi,
    boot,
    media,
    console,
    sensors,
    identify,
    identity,
    raw
};

inline constexpr std::size_t route_count = 11;

/// "power", "soft", ...: the keys of NodeSpec::routes.
std::string_view to_string(Route route) noexcept;

/// All names, for error texts.
const std::vector<std::string_view>& route_names();

/// Checks names only: that every key is a capability and every value one of `targets`.
Result<std::array<u8, route_count>> resolve_routes(
    const std::map<std::string, std::string>& routes, const std::vector<std::string>& targets
);

/// Whether a target that can do this can take that route.
bool has(const bmc::Capabilities& capabilities, Route route) noexcept;

class Routes {
  public:
    Routes() = default;

    Routes(
        std::vector<std::shared_ptr<backend::Driver>> drivers,
        const std::array<u8, route_count>& index
    )
        : drivers_(std::move(drivers)), index_(index) {}

    const std::shared_ptr<backend::Driver>& to(Route route) const noexcept {
        return drivers_[index_[static_cast<std::size_t>(route)]];
    }

    const std::vector<std::shared_ptr<backend::Driver>>& drivers() const noexcept {
        return drivers_;
    }

    bool empty() const noexcept { return drivers_.empty(); }

    /// Bit by bit in the order of Route: whether the target that a route leads to can do it.
    u16 able() const;

    /// What the node can do: each capability as its own target has it.
    bmc::Capabilities capabilities() const;

  private:
    std::vector<std::shared_ptr<backend::Driver>> drivers_;
    std::array<u8, route_count> index_{};
};

} // namespace vbmc::fleet
