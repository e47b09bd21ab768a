#include "fleet/routes.h"

#include <algorithm>

namespace vbmc::fleet {

namespace {

std::string join(const auto& words) {
    std::string all;
    for (const auto& word : words) {
        all += (all.empty() ? "" : ", ") + std::string(word);
    }
    return all;
}

} // namespace

std::string_view to_string(Route route) noexcept {
    return route_names()[static_cast<std::size_t>(route)];
}

const std::vector<std::string_view>& route_names() {
    static const std::vector<std::string_view> names = {
        "power",
        "soft",
        "reset",
        "nmi",
        "boot",
        "media",
        "console",
        "sensors",
        "identify",
        "identity",
        "raw"};
    return names;
}

Result<std::array<u8, route_count>> resolve_routes(
    const std::map<std::string, std::string>& routes, const std::vector<std::string>& targets
) {
    std::array<u8, route_count> index{};
    const auto& names = route_names();
    for (const auto& [capability, target] : routes) {
        const auto name = std::find(names.begin(), names.end(), capability);
        const auto at = std::find(targets.begin(), targets.end(), target);
        if (name == names.end()) {
            return Error(ErrorCode::invalid_argument, "there is no capability '" + capability + "'")
                .with_field("routes." + capability)
                .with_hint("what can be routed: " + join(names));
        }
        if (at == targets.end()) {
            return Error(
                       ErrorCode::invalid_argument,
                       "route '" + capability + "' names no target: '" + target + "'"
            )
                .with_field("routes." + capability)
                .with_hint("this node's targets are: " + join(targets));
        }
        const auto route = static_cast<std::size_t>(name - names.begin());
        index[route] = static_cast<u8>(at - targets.begin());
        if (capability == "power") { // what has no route of its own goes with power
            for (const Route with : {Route::soft, Route::reset, Route::nmi}) {
                if (!routes.contains(std::string(to_string(with)))) {
                    index[static_cast<std::size_t>(with)] = index[route];
                }
            }
        }
    }
    return index;
}

bool has(const bmc::Capabilities& capabilities, Route route) noexcept {
    switch (route) {
    case Route::power:
        return capabilities.power;
    case Route::soft:
        return capabilities.soft;
    case Route::reset:
        return capabilities.reset;
    case Route::nmi:
        return capabilities.nmi;
    case Route::boot:
        return capabilities.boot;
    case Route::media:
        return capabilities.media;
    case Route::console:
        return capabilities.console;
    case Route::sensors:
        return capabilities.sensors;
    case Route::identify:
        return capabilities.identify;
    case Route::raw:
        return capabilities.raw;
    case Route::identity:
        return true; // every driver may know something, and none has to
    }
    return false;
}

u16 Routes::able() const {
    unsigned bits = 0;
    for (std::size_t i = 0; i < route_count; ++i) {
        const auto route = static_cast<Route>(i);
        bits |= has(to(route)->capabilities(), route) ? 1U << i : 0U;
    }
    return static_cast<u16>(bits);
}

bmc::Capabilities Routes::capabilities() const {
    bmc::Capabilities all = to(Route::power)->capabilities();
    all.reset = to(Route::reset)->capabilities().reset;
    all.soft = to(Route::soft)->capabilities().soft;
    all.nmi = to(Route::nmi)->capabilities().nmi;
    all.boot = to(Route::boot)->capabilities().boot;
    all.media = to(Route::media)->capabilities().media;
    all.console = to(Route::console)->capabilities().console;
    all.sensors = to(Route::sensors)->capabilities().sensors;
    all.identify = to(Route::identify)->capabilities().identify;
    all.raw = to(Route::raw)->capabilities().raw;
    all.raw_privilege = to(Route::raw)->capabilities().raw_privilege;
    return all;
}

} // namespace vbmc::fleet
