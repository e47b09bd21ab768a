// Changes to a node that is there: its specification, whether it runs, and its end.

#include "base/log.h"
#include "fleet/credentials.h"
#include "fleet/fleet_impl.h"
#include "net/clock.h"

#include <algorithm>
#include <utility>

namespace vbmc::fleet {

namespace {

Result<void> check_etag(const NodeSpec& spec, const std::string& etag) {
    if (!etag.empty() && etag != spec.etag) {
        return Error(
                   ErrorCode::aborted,
                   "ETAG_MISMATCH",
                   "node '" + spec.name + "' was changed by somebody else meanwhile"
        )
            .with_field("etag")
            .with_hint("read it again, and repeat the change if it still makes sense");
    }
    return {};
}

Error gone(const std::string& name) {
    return Error(ErrorCode::not_found, "NODE_NOT_FOUND", "there is no node '" + name + "'")
        .with_field("name");
}

/// "labels, address": what differs.
std::string difference(const NodeSpec& before, const NodeSpec& now) {
    std::string all;
    const auto note = [&all](bool differs, const char* what) {
        if (differs) {
            all += (all.empty() ? "" : ", ") + std::string(what);
        }
    };
    note(before.address != now.address, "address");
    note(before.port != now.port, "port");
    note(before.targets != now.targets, "backend");
    note(before.routes != now.routes, "routes");
    note(before.policy != now.policy, "policy");
    note(before.labels != now.labels, "labels");
    note(before.annotations != now.annotations, "annotations");
    note(before.enabled != now.enabled, now.enabled ? "enabled" : "disabled");
    return all;
}

Peer endpoint_of(const NodeSpec& spec) {
    return {spec.address, spec.port};
}

bool refers_to_secrets(const NodeSpec& spec) {
    return std::any_of(spec.targets.begin(), spec.targets.end(), [](const Target& target) {
        return std::any_of(target.options.begin(), target.options.end(), [](const auto& option) {
            return backend::is_reference(option.second);
        });
    });
}

} // namespace

/// What the specification becomes, checked as far as it can be without the world.
Result<NodeSpec> Fleet::Impl::changed(const NodeSpec& now, const UpdateRequest& request) const {
    NodeSpec next = now;
    for (const std::string& field : request.fields) {
        if (field == "labels") {
            next.labels = request.spec.labels;
        } else if (field == "annotations") {
            next.annotations = request.spec.annotations;
        } else if (field == "address") {
            next.address = request.spec.address;
        } else if (field == "port") {
            next.port = request.spec.port;
        } else if (field == "targets") {
            next.targets = request.spec.targets;
        } else if (field == "routes") {
            next.routes = request.spec.routes;
        } else if (field == "policy") {
            next.policy = request.spec.policy;
        } else if (field == "enabled") {
            next.enabled = request.spec.enabled;
        } else {
            return Error(ErrorCode::invalid_argument, "'" + field + "' cannot be changed")
                .with_field("update_mask");
        }
    }
    if (auto fits = check_spec(next); fits.has_error()) {
        return fits.error();
    }
    return next;
}

/// Asks the world: are the drivers' options good, can the new endpoint be bound. With `apply` the
/// endpoint stays bound, beside the one that serves, until serve() or forget_prepared().
Awaitable<Result<void>> Fleet::Impl::try_change(EntryPtr entry, const NodeSpec& next, bool apply) {
    auto checked = check_targets(next, config_.credentials);
    if (checked.has_error()) {
        co_return checked.error();
    }
    const NodeSpec now = entry->spec.open();
    const bool new_targets = next.targets != now.targets || next.routes != now.routes;
    if (new_targets) {
        Result<void> may = check_target_references(next, *config_.credentials);
        if (may.has_error()) {
            co_return may;
        }
    }
    if (new_targets) {
        ShardState* state = &shard(*entry);
        auto attempt = [state, name = next.name, targets = std::move(*checked)] {
            return Node::try_targets(*state, name, targets);
        };
        boost::asio::io_context& there = home(*entry);
        Result<void> good = co_await net::run_on(there, std::move(attempt));
        if (good.has_error()) {
            co_return good;
        }
    }
    const Peer local = endpoint_of(next);
    if (!entry->node || !next.enabled || local == entry->spec.endpoint()) {
        co_return Result<void>();
    }
    const net::UdpOptions options = udp_options();
    auto prepare = [local, options, apply](Node& node) {
        auto bound = node.prepare(local, options);
        if (!apply) {
            node.forget_prepared();
        }
        return bound;
    };
    co_return co_await on_node(entry, prepare);
}

Awaitable<Result<NodeView>> Fleet::Impl::update(UpdateRequest request) {
    auto found = find(request.spec.name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    const Turn::Held held = co_await entry->turn.take();
    if (entry->removed) {
        co_return gone(request.spec.name);
    }
    const NodeSpec before = entry->spec.open();
    Result<void> fits = check_etag(before, request.spec.etag);
    if (fits.has_error()) {
        co_return fits.error();
    }
    auto next = changed(before, request);
    if (next.has_error()) {
        co_return next.error();
    }
    if (*next == before) {
        co_return co_await view(entry);
    }
    const bool moves = endpoint_of(*next) != endpoint_of(before);
    if (moves) {
        fits = addresses_.claim(endpoint_of(*next), before.name);
    }
    if (fits.has_value()) {
        fits = co_await try_change(entry, *next, !request.validate_only);
        if (moves && (fits.has_error() || request.validate_only)) {
            addresses_.release(endpoint_of(*next));
        }
    }
    if (fits.has_error()) {
        co_return fits.error();
    }
    if (request.validate_only) {
        NodeView would = co_await view(entry);
        would.spec = std::move(*next);
        co_return would;
    }
    next->etag = make_etag(entropy_);
    std::vector<store::SectionBlob> no_sections;
    Result<void> kept = co_await put(*next, std::move(no_sections));
    if (kept.has_error()) {
        if (moves) {
            addresses_.release(endpoint_of(*next));
        }
        if (entry->node) {
            auto forget = [](Node& node) { node.forget_prepared(); };
            co_await on_node(entry, forget);
        }
        co_return kept.error();
    }
    entry->spec = KeptSpec(*next);
    if (moves) {
        addresses_.release(endpoint_of(before));
    }
    Result<void> applied = co_await apply_change(entry, before);
    tell(*entry, Event::Kind::node_changed, request.who, "changed: " + difference(before, *next));
    if (applied.has_error()) {
        co_return applied.error();
    }
    co_return co_await view(entry);
}

/// Drivers hold the rules that they were made with: those that look secrets up are made anew.
Awaitable<void> Fleet::Impl::set_credentials(std::shared_ptr<const backend::CredentialRules> rules
) {
    config_.credentials = std::move(rules);
    std::vector<EntryPtr> all;
    for (const EntryPtr& entry : nodes_) {
        if (refers_to_secrets(entry->spec.open())) {
            all.push_back(entry);
        }
    }
    for (const EntryPtr& entry : all) {
        const Turn::Held held = co_await entry->turn.take();
        auto checked = check_targets(entry->spec.open(), config_.credentials);
        if (entry->removed || !entry->node || checked.has_error()) {
            continue;
        }
        auto apply = [targets = std::move(*checked)](Node& node) {
            return node.set_targets(targets);
        };
        Result<void> applied = co_await on_node(entry, std::move(apply));
        if (applied.has_error()) {
            log(Level::warn,
                "node.backend_trouble",
                {{"node", entry->spec.name()},
                 {"what", "new rules of credentials"},
                 {"error", describe(applied.error())}});
        }
    }
}

/// Makes what runs equal to what is wanted now and was not before.
Awaitable<Result<void>> Fleet::Impl::apply_change(EntryPtr entry, NodeSpec before) {
    const NodeSpec spec = entry->spec.open();
    const bool new_targets = spec.targets != before.targets || spec.routes != before.routes;
    auto checked = check_targets(spec, config_.credentials);
    if (checked.has_error()) {
        co_return checked.error();
    }
    if (entry->node) {
        auto apply = [spec, new_targets, before, targets = std::move(*checked)](Node& node
                     ) -> Result<void> {
            if (spec.policy != before.policy) {
                node.set_policy(spec.policy);
            }
            return new_targets ? node.set_targets(targets) : Result<void>();
        };
        Result<void> applied = co_await on_node(entry, std::move(apply));
        if (applied.has_error()) {
            co_return applied;
        }
        if (new_targets) {
            std::erase_if(entry->conditions, [](const Condition& condition) {
                return condition.type == "BackendReachable";
            });
        }
    }
    if (!spec.enabled) {
        if (before.enabled) {
            co_await take_down(entry);
            set_state(*entry, NodeState::stopped);
        }
        co_return Result<void>();
    }
    if (!before.enabled) {
        co_return co_await bring_up(entry);
    }
    const Peer was{before.address, before.port};
    const Peer is{spec.address, spec.port};
    if (was != is && entry->node) {
        auto move = [](Node& node) { node.serve(); };
        co_await on_node(entry, move);
        brought_up(*entry);
    } else if (entry->state == NodeState::failed) {
        co_return co_await bring_up(entry);
    }
    co_return Result<void>();
}

Awaitable<Result<void>> Fleet::Impl::remove(std::string name, std::string etag, std::string who) {
    auto found = find(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    const Turn::Held held = co_await entry->turn.take();
    if (entry->removed) {
        co_return gone(name);
    }
    Result<void> fits = check_etag(entry->spec.open(), etag);
    if (fits.has_error()) {
        co_return fits;
    }
    auto write = [this, uid = entry->spec.uid()](store::Done done) {
        store_.remove_node(uid, std::move(done));
    };
    Result<void> forgotten = co_await stored(std::move(write));
    if (forgotten.has_error() && forgotten.error().code != ErrorCode::not_found) {
        co_return forgotten;
    }
    entry->removed = true;
    entry->retry_at = never;
    if (entry->node) {
        auto end = [](Node& node) { static_cast<void>(node.end()); };
        co_await on_node(entry, end);
        entry->node.reset();
    }
    addresses_.release(entry->spec.endpoint());
    nodes_.erase(entry);
    if (const auto uid = parse_uuid(entry->spec.uid())) {
        by_uid_.erase(*uid);
    }
    --load_[entry->shard];
    entry->state = NodeState::stopped;
    tell(*entry, Event::Kind::node_removed, std::move(who), "removed");
    log(Level::info, "node.removed", {{"node", name}});
    co_return Result<void>();
}

Awaitable<Result<NodeView>>
Fleet::Impl::set_enabled(std::string name, bool enabled, std::string who) {
    auto found = find(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    const Turn::Held held = co_await entry->turn.take();
    if (entry->removed) {
        co_return gone(name);
    }
    if (enabled && !entry->node) {
        co_return why_not(*entry);
    }
    if (entry->spec.enabled() != enabled) {
        NodeSpec next = entry->spec.open();
        next.enabled = enabled;
        next.etag = make_etag(entropy_);
        std::vector<store::SectionBlob> no_sections;
        Result<void> kept = co_await put(next, std::move(no_sections));
        if (kept.has_error()) {
            co_return kept.error();
        }
        entry->spec = KeptSpec(next);
        tell(*entry, Event::Kind::node_changed, who, enabled ? "enabled" : "disabled");
    }
    if (!enabled) {
        if (entry->state != NodeState::stopped) {
            set_state(*entry, NodeState::stopping);
            co_await take_down(entry);
            set_state(*entry, NodeState::stopped);
        }
    } else if (entry->state != NodeState::running) {
        Result<void> up = co_await bring_up(entry);
        if (up.has_error()) {
            co_return up.error();
        }
    }
    co_return co_await view(entry);
}

Awaitable<Result<NodeView>> Fleet::Impl::restart(std::string name) {
    auto found = find_made(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    const Turn::Held held = co_await entry->turn.take();
    if (entry->removed) {
        co_return gone(name);
    }
    if (!entry->spec.enabled()) {
        co_return Error(
            ErrorCode::failed_precondition, "NODE_STOPPED", "node '" + name + "' is stopped"
        )
            .with_hint("vbmcctl start " + name);
    }
    set_state(*entry, NodeState::stopping);
    co_await take_down(entry);
    set_state(*entry, NodeState::starting);
    Result<void> up = co_await bring_up(entry);
    if (up.has_error()) {
        co_return up.error();
    }
    co_return co_await view(entry);
}

} // namespace vbmc::fleet
