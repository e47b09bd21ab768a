// Power and boot on behalf of the control API; and trying a backend's options.

#include "bmc/boot_text.h"
#include "fleet/fleet_impl.h"
#include "net/clock.h"
#include "net/deadline.h"

#include <utility>

namespace vbmc::fleet {

namespace {

constexpr Duration test_limit = std::chrono::seconds(15);

std::string_view word(bmc::PowerAction action) noexcept {
    static constexpr std::array<std::string_view, 6> words = {
        "off", "on", "cycle", "reset", "diag", "soft"};
    return words[static_cast<std::size_t>(action)];
}

/// One look through a driver that is made for it. On the shard.
Awaitable<Result<BackendTested>>
look_once(ShardState* shard, const backend::DriverKind* kind, backend::DriverConfig config) {
    auto made = kind->create(shard->driver_context("test"), config);
    if (made.has_error()) {
        co_return made.error();
    }
    std::shared_ptr<backend::Driver> driver = std::move(*made);
    const Mono deadline = net::now().mono + test_limit;
    auto look = hold_driver<bmc::PowerState>(driver, driver->power_state(deadline));
    Result<bmc::PowerState> power = co_await net::with_deadline<bmc::PowerState>(
        shard->shard().timers(), deadline, std::move(look)
    );
    if (power.has_error()) {
        co_return power.error();
    }
    BackendTested tested;
    tested.power = *power;
    tested.host = driver->host();
    const bmc::Capabilities can = driver->capabilities();
    for (std::size_t i = 0; i < route_count; ++i) {
        const auto route = static_cast<Route>(i);
        if (route != Route::identity && has(can, route)) {
            tested.capabilities.emplace_back(to_string(route));
        }
    }
    co_return tested;
}

/// A coroutine of the node's, with the node kept alive by its own.
Awaitable<Result<bmc::PowerState>>
power_there(std::shared_ptr<Node> node, std::optional<bmc::PowerAction> action) {
    if (action) {
        co_return co_await node->set_power(*action);
    }
    co_return co_await node->look();
}

} // namespace

Awaitable<Result<bmc::PowerState>>
Fleet::Impl::set_power(std::string name, bmc::PowerAction action, std::string who) {
    auto found = find_made(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    tell(*entry, Event::Kind::action, who, "power " + std::string(word(action)));
    boost::asio::io_context& there = home(*entry);
    auto call = power_there(entry->node, action);
    co_return co_await net::spawn_on(there, std::move(call));
}

Awaitable<Result<bmc::PowerState>> Fleet::Impl::get_power(std::string name) {
    auto found = find_made(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    boost::asio::io_context& there = home(*entry);
    auto call = power_there(entry->node, std::nullopt);
    co_return co_await net::spawn_on(there, std::move(call));
}

Awaitable<Result<void>>
Fleet::Impl::set_boot(std::string name, bmc::BootRequest boot, std::string who) {
    auto found = find_made(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    auto arm = [boot](Node& node) -> Result<void> {
        if (!node.model().config.capabilities.boot) {
            return Error(ErrorCode::unsupported, "this node's backend cannot choose a boot device");
        }
        node.model().set_boot(net::now(), boot);
        node.settle();
        return {};
    };
    Result<void> armed = co_await on_node(entry, arm);
    if (armed.has_error()) {
        co_return armed;
    }
    Result<void> kept = co_await put_section(entry, bmc::Section::boot);
    if (kept.has_value()) {
        tell(*entry, Event::Kind::action, who, bmc::boot_text(boot));
    }
    co_return kept;
}

Awaitable<Result<BackendTested>>
Fleet::Impl::test_backend(std::string kind, std::map<std::string, std::string> options) {
    NodeSpec spec;
    Target target;
    target.kind = std::move(kind);
    target.options = std::move(options);
    spec.targets.push_back(std::move(target));
    auto checked = check_targets(spec, config_.credentials);
    if (checked.has_error()) {
        co_return checked.error();
    }
    Result<void> may = check_target_references(spec, *config_.credentials);
    if (may.has_error()) {
        co_return may.error();
    }
    const std::size_t index = quietest_shard();
    const CheckedTarget& first = checked->targets.front();
    auto call = look_once(states_[index].get(), first.kind, first.config);
    boost::asio::io_context& there = shards_[index].context();
    co_return co_await net::spawn_on(there, std::move(call));
}

} // namespace vbmc::fleet
