// Looking for machines behind a backend's options, on a shard as a driver does.

#include "fleet/fleet_impl.h"
#include "net/clock.h"
#include "net/deadline.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace vbmc::fleet {

namespace {

constexpr Duration discover_limit = std::chrono::seconds(60);
constexpr std::size_t machines_max = 20'000;
constexpr std::size_t text_max = 4096;

using Machines = std::vector<backend::Found>;

Error cannot_discover(const std::string& kind) {
    std::string able;
    for (const backend::DriverKind* known : backend::kinds()) {
        if (known->discover != nullptr) {
            able += (able.empty() ? "" : ", ") + std::string(known->name);
        }
    }
    return Error(
               ErrorCode::unsupported,
               "CANNOT_DISCOVER",
               "backend '" + kind + "' cannot list its machines"
    )
        .with_field("kind")
        .with_hint(able.empty() ? "none of this vbmcd's backends can" : "those that can: " + able);
}

/// Keeps the context for as long as a look that was given up takes to end.
Awaitable<Result<Machines>> hold_context(
    std::shared_ptr<const backend::DriverContext> context,
    const backend::DriverKind* kind,
    backend::DriverConfig config,
    Mono deadline
) {
    co_return co_await kind->discover(*context, std::move(config), deadline);
}

Awaitable<Result<Machines>> look_there(
    ShardState* shard,
    const backend::DriverKind* kind,
    backend::DriverConfig config,
    std::shared_ptr<std::function<void()>> cancel
) {
    auto kept = std::make_shared<const backend::DriverContext>(shard->driver_context("discover"));
    const Mono deadline = net::now().mono + discover_limit;
    auto look = hold_context(std::move(kept), kind, std::move(config), deadline);
    co_return co_await net::with_deadline<Machines>(
        shard->shard().timers(), deadline, std::move(look), cancel.get()
    );
}

/// What a backend says is not to be trusted: bounded, each id once, in name order.
Machines sane(Machines machines) {
    std::set<std::string> ids;
    std::erase_if(machines, [&ids](const backend::Found& machine) {
        const bool fits = !machine.id.empty() && machine.id.size() <= text_max &&
                          machine.name.size() <= text_max && machine.labels.size() <= 256;
        return !fits || !ids.insert(machine.id).second;
    });
    std::sort(machines.begin(), machines.end(), [](const auto& a, const auto& b) {
        return std::tie(a.name, a.id) < std::tie(b.name, b.id);
    });
    if (machines.size() > machines_max) {
        machines.resize(machines_max);
    }
    return machines;
}

} // namespace

Awaitable<Result<Machines>>
Fleet::Impl::discover(std::string name, std::map<std::string, std::string> options) {
    const backend::DriverKind* kind = backend::find_kind(name);
    if (kind == nullptr) {
        Error error(
            ErrorCode::invalid_argument, "BACKEND_UNKNOWN", "there is no backend '" + name + "'"
        );
        co_return std::move(error).with_field("kind");
    }
    if (kind->discover == nullptr || kind->discover_schema == nullptr) {
        co_return cannot_discover(name);
    }
    auto config =
        backend::DriverConfig::check(*kind->discover_schema, options, config_.credentials);
    if (config.has_error()) {
        co_return config.error();
    }
    Result<void> may =
        backend::check_references(*kind->discover_schema, options, *config_.credentials);
    if (may.has_error()) {
        co_return may.error();
    }
    const std::size_t index = quietest_shard();
    auto cancel = std::make_shared<std::function<void()>>();
    std::erase_if(discovering_, [](const auto& one) { return one.second.expired(); });
    discovering_.emplace_back(index, cancel);
    auto call = look_there(states_[index].get(), kind, std::move(*config), std::move(cancel));
    boost::asio::io_context& there = shards_[index].context();
    Result<Machines> found = co_await net::spawn_on(there, std::move(call));
    if (found.has_error()) {
        co_return found.error();
    }
    co_return sane(std::move(*found));
}

void Fleet::Impl::stop_discovering() {
    for (const auto& [shard, weak] : discovering_) {
        shards_.post(shard, [weak = weak] {
            const auto cancel = weak.lock();
            if (cancel && *cancel) {
                const auto call = *cancel; // may be cleared by what it ends
                call();
            }
        });
    }
    discovering_.clear();
}

Awaitable<Result<void>> Fleet::Impl::disown(std::string name) {
    auto found = find(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    const Turn::Held held = co_await entry->turn.take();
    NodeSpec next = entry->spec.open();
    if (entry->removed || next.source.empty()) {
        co_return Result<void>();
    }
    next.source.clear();
    next.machine.clear();
    std::vector<store::SectionBlob> no_sections;
    Result<void> kept = co_await put(next, std::move(no_sections));
    if (kept.has_value()) {
        entry->spec = KeptSpec(next);
    }
    co_return kept;
}

} // namespace vbmc::fleet
