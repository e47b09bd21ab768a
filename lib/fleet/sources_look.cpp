// One look of a source: what its backend offers now against the nodes that carry its name.

#include "base/log.h"
#include "fleet/sources_entry.h"
#include "net/clock.h"

#include <algorithm>
#include <utility>

namespace vbmc::fleet {

namespace {

constexpr double failure_pause_min_s = 5;
constexpr double failure_pause_max_s = 3600;
constexpr std::size_t conditions_max = 100;

Duration seconds(double value) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}

void add_condition(
    std::vector<SourceCondition>& all,
    const std::string& machine,
    std::string reason,
    std::string message
) {
    if (all.size() < conditions_max) {
        all.push_back({machine, std::move(reason), std::move(message)});
    }
}

bool had_condition(const SourceStatus& status, const SourceCondition& condition) {
    return std::any_of(status.conditions.begin(), status.conditions.end(), [&](const auto& old) {
        return old.machine == condition.machine && old.reason == condition.reason;
    });
}

/// Sets what the source gives; what a person added stays.
bool merge(
    std::map<std::string, std::string>& into, const std::map<std::string, std::string>& from
) {
    bool changed = false;
    for (const auto& [key, value] : from) {
        std::string& there = into[key];
        if (there != value) {
            there = value;
            changed = true;
        }
    }
    return changed;
}

} // namespace

void Sources::failed(Entry& entry, const Error& why) {
    const std::string text = describe(why);
    const double base = std::max(entry.spec.interval_s, failure_pause_min_s);
    const double pause = base * static_cast<double>(1U << std::min(entry.failures, 10U));
    ++entry.failures;
    const double percent = 75 + jitter(entry, 51);
    schedule(entry, seconds(std::min(pause, failure_pause_max_s) * percent / 100));
    if (entry.failures == 1 || entry.status.last_error != text) {
        tell(entry, "vbmcd", "", "looking for machines failed: " + text);
        log(Level::warn, "source.look_failed", {{"source", entry.spec.name}, {"error", text}});
    }
    entry.status.last_error = text;
}

Awaitable<void> Sources::look_in_turn(EntryPtr entry) {
    const Turn::Held held = co_await entry->turn.take();
    if (entry->removed || entry->spec.paused || stopping_) {
        co_return;
    }
    std::string kind = entry->spec.kind;
    std::map<std::string, std::string> options = entry->spec.options;
    auto found = co_await fleet_.discover(std::move(kind), std::move(options));
    if (stopping_) {
        co_return;
    }
    if (found.has_error()) {
        failed(*entry, found.error());
        co_return;
    }
    if (entry->failures > 0) {
        tell(*entry, "vbmcd", "", "the backend answers again");
        log(Level::info, "source.look_succeeded", {{"source", entry->spec.name}});
    }
    entry->failures = 0;
    entry->status.last_error.clear();
    entry->status.looked = net::now().wall;
    co_await settle(entry, std::move(*found));
    const double percent = 90 + jitter(*entry, 21);
    schedule(*entry, seconds(entry->spec.interval_s * percent / 100));
}

Awaitable<void> Sources::settle(EntryPtr entry, std::vector<backend::Found> machines) {
    Look look;
    const std::vector<NodeView> nodes = co_await fleet_.list();
    for (const NodeView& node : nodes) {
        look.taken_by[node.spec.name] = node.spec.source;
        if (node.spec.source == entry->spec.name) {
            look.own[node.spec.machine] = node.spec;
        }
    }
    for (backend::Found& machine : machines) {
        if (stopping_) {
            co_return;
        }
        if (!entry->spec.selector.fits(machine)) {
            continue;
        }
        ++look.machines;
        look.seen.insert(machine.id);
        entry->gone_since.erase(machine.id);
        const auto own = look.own.find(machine.id);
        if (own == look.own.end()) {
            co_await register_one(entry, std::move(machine), look);
        } else {
            NodeSpec node = own->second;
            co_await refresh_one(entry, std::move(machine), std::move(node), look);
        }
    }
    co_await retire_gone(entry, look);
    for (const SourceCondition& condition : look.conditions) {
        if (condition.reason != "GONE" && !had_condition(entry->status, condition)) {
            tell(*entry, "vbmcd", "", condition.message);
            log(Level::warn,
                "source.condition",
                {{"source", entry->spec.name}, {"what", condition.message}});
        }
    }
    entry->status.machines = look.machines;
    entry->status.conditions = std::move(look.conditions);
    entry->status.nodes.clear();
    for (const auto& [machine, node] : look.own) {
        entry->status.nodes.push_back(node.name);
    }
    std::sort(entry->status.nodes.begin(), entry->status.nodes.end());
}

Awaitable<void> Sources::register_one(EntryPtr entry, backend::Found machine, Look& look) {
    const Registration& what = entry->spec.registration;
    const std::string name = node_name(what, machine);
    if (const auto taken = look.taken_by.find(name); taken != look.taken_by.end()) {
        const std::string owner =
            taken->second.empty() ? "a person made it" : "source " + taken->second + " has it";
        add_condition(
            look.conditions,
            machine.id,
            "NAME_TAKEN",
            "machine " + machine.name + " is not registered: there is a node '" + name + "' and " +
                owner + " (rename that node, or give the source a name prefix)"
        );
        co_return;
    }
    CreateRequest request;
    NodeSpec& node = request.spec;
    node.name = name;
    node.source = entry->spec.name;
    node.machine = machine.id;
    node.labels = what.labels;
    merge(node.labels, {{"source", entry->spec.name}});
    Target target;
    target.kind = entry->spec.kind;
    target.options = node_options(entry->spec, machine);
    node.targets.push_back(std::move(target));
    request.address_auto = what.address == "auto";
    if (!what.address.empty() && !request.address_auto) {
        node.address = IpAddress::parse(what.address).value_or(IpAddress{});
    }
    request.port_auto = true;
    UserSpec user;
    user.name = what.username;
    Result<void> done;
    if (!what.password.empty()) {
        auto password = backend::resolve_secret(*rules_, what.password);
        if (password.has_error()) {
            done = password.error();
        } else {
            user.password = std::move(*password);
        }
    }
    request.users.push_back(std::move(user));
    if (done.has_value()) {
        auto created = co_await fleet_.create(std::move(request));
        if (created.has_value()) {
            look.own[machine.id] = created->node.spec;
            look.taken_by[name] = entry->spec.name;
            tell(*entry, "vbmcd", name, "registered machine " + machine.name);
            log(Level::info, "source.registered", {{"source", entry->spec.name}, {"node", name}});
            co_return;
        }
        done = created.error();
    }
    add_condition(
        look.conditions,
        machine.id,
        done.error().reason.empty() ? "NOT_REGISTERED" : done.error().reason,
        "machine " + machine.name + " is not registered: " + describe(done.error())
    );
}

/// The machine's own options and the source's may have changed since.
Awaitable<void>
Sources::refresh_one(EntryPtr entry, backend::Found machine, NodeSpec node, Look& look) {
    if (node.targets.empty() || node.targets.front().kind != entry->spec.kind) {
        co_return; // a person gave it another backend
    }
    const std::map<std::string, std::string> options = node_options(entry->spec, machine);
    if (!merge(node.targets.front().options, options)) {
        co_return;
    }
    UpdateRequest request;
    request.spec = node;
    request.fields = {"targets"};
    auto updated = co_await fleet_.update(std::move(request));
    if (updated.has_value()) {
        tell(*entry, "vbmcd", node.name, "followed a change of machine " + machine.name);
    } else {
        add_condition(
            look.conditions,
            machine.id,
            "NOT_UPDATED",
            "node " + node.name + " does not follow its machine: " + describe(updated.error())
        );
    }
}

Awaitable<void> Sources::retire_gone(EntryPtr entry, Look& look) {
    const Mono now = net::now().mono;
    const Duration grace = seconds(entry->spec.grace_s);
    std::vector<std::string> gone;
    for (const auto& [machine, node] : look.own) {
        if (!look.seen.contains(machine)) {
            gone.push_back(machine);
        }
    }
    for (const std::string& machine : gone) {
        const std::string name = look.own[machine].name;
        const auto since = entry->gone_since.emplace(machine, now).first->second;
        if (now - since < grace || stopping_) {
            add_condition(
                look.conditions,
                machine,
                "GONE",
                "the machine of node " + name + " is gone: the node is retired after the grace"
            );
            continue;
        }
        // With its etag: what a person put in its place meanwhile is not touched.
        const std::string etag = look.own[machine].etag;
        Result<void> removed = co_await fleet_.remove(name, etag);
        if (removed.has_error() && removed.error().code != ErrorCode::not_found) {
            add_condition(
                look.conditions,
                machine,
                "NOT_RETIRED",
                "node " + name + " cannot be retired: " + describe(removed.error())
            );
            continue;
        }
        look.own.erase(machine);
        entry->gone_since.erase(machine);
        tell(*entry, "vbmcd", name, "retired node " + name + ": its machine is gone");
        log(Level::info, "source.retired", {{"source", entry->spec.name}, {"node", name}});
    }
    std::erase_if(entry->gone_since, [&look](const auto& one) {
        return !look.own.contains(one.first);
    });
}

} // namespace vbmc::fleet
