// The fleet's start and stop, and the gap between wanted and running: an endpoint that cannot be
// bound is a condition of its node, tried again with growing pauses.

#include "base/log.h"
#include "fleet/fleet_impl.h"
#include "fleet/spec_record.h"
#include "net/clock.h"
#include "net/when_all.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <malloc.h>
#include <utility>

namespace vbmc::fleet {

namespace {

constexpr Duration retry_first = std::chrono::seconds(1);
constexpr Duration retry_max = std::chrono::seconds(60);
constexpr std::size_t batch_size =
    16; // nodes at once: what starting them takes leaves holes behind

store::StoredNode copy_of(const store::StoredNode& stored) {
    store::StoredNode copy;
    copy.record = stored.record;
    for (const store::SectionBlob& blob : stored.sections) {
        copy.sections.emplace_back(blob.number, blob.bytes);
    }
    copy.damage = stored.damage;
    return copy;
}

} // namespace

/// A node on its way from the store to its shard.
struct Fleet::Impl::Loaded {
    EntryPtr entry;
    NodeSetup setup;
    bool serve = false;

    // What came of it.
    std::shared_ptr<Node> node;
    std::optional<Error> not_made;
    std::optional<Error> not_bound;
};

Awaitable<Result<void>> Fleet::Impl::start() {
    Result<void> loaded = co_await load();
    if (loaded.has_error()) {
        co_return loaded;
    }
    ::malloc_trim(0); // what the store handed over is several times what stays
    const Fleet::Counts all = counts();
    log(Level::info,
        "fleet.started",
        {{"nodes", static_cast<long long>(all.nodes)},
         {"running", static_cast<long long>(all.running)},
         {"failed", static_cast<long long>(all.failed)}});
    arm_retry();
    co_return Result<void>();
}

Awaitable<Result<void>> Fleet::Impl::load() {
    auto snapshot = store_.load_all(); // blocks: there is nothing else to do yet
    if (snapshot.has_error()) {
        co_return snapshot.error();
    }
    if (snapshot->key_without_database) { // not an empty fleet without a word
        log(Level::warn, "fleet.database_was_missing");
    }
    events_.start_after(snapshot->last_event);
    // Copied node by node, and freed as a whole at the end: whatever else is given back on the way
    // to the store's own arena is taken again for what stays, and keeps all of it from shrinking.
    const std::vector<store::StoredNode>& nodes = snapshot->nodes;
    for (std::size_t first = 0; first < nodes.size(); first += batch_size) {
        const std::size_t last = std::min(first + batch_size, nodes.size());
        std::vector<std::vector<Loaded>> by_shard(shards_.size());
        for (std::size_t i = first; i < last; ++i) {
            adopt(copy_of(nodes[i]), by_shard);
        }
        std::vector<Awaitable<void>> shards;
        for (std::size_t i = 0; i < by_shard.size(); ++i) {
            shards.push_back(start_shard(i, std::move(by_shard[i])));
        }
        co_await net::when_all(std::move(shards));
    }
    co_return Result<void>();
}

EntryPtr Fleet::Impl::adopt(store::StoredNode stored, std::vector<std::vector<Loaded>>& by_shard) {
    auto entry = std::make_shared<Entry>();
    NodeSpec spec;
    auto kept = from_record(stored.record);
    if (kept.has_value()) {
        spec = std::move(*kept);
    } else {
        spec.name = stored.record.name;
        spec.uid = stored.record.uid;
        spec.etag = stored.record.etag;
        entry->why = std::make_unique<const Error>(kept.error());
    }
    entry->spec = KeptSpec(spec);
    if (stored.damage) {
        entry->why = std::make_unique<const Error>(*stored.damage);
    }
    entry->shard = quietest_shard();
    enrol(entry);
    Loaded loaded;
    if (!entry->why) {
        const Peer local = entry->spec.endpoint();
        static_cast<void>(addresses_.claim(local, spec.name)); // unique in the store
        auto checked = check_targets(spec, config_.credentials);
        if (checked.has_error()) {
            entry->why = std::make_unique<const Error>(checked.error());
        } else {
            loaded.setup.targets = std::move(*checked);
        }
    }
    if (entry->why) {
        entry->state = NodeState::failed;
        set_condition(*entry, "Usable", false, "UNUSABLE", describe(*entry->why));
        log(Level::error, "node.unusable", {{"node", spec.name}, {"error", describe(*entry->why)}});
        return entry;
    }
    loaded.entry = entry;
    loaded.serve = spec.enabled;
    loaded.setup.name = spec.name;
    loaded.setup.uid = spec.uid;
    loaded.setup.local = entry->spec.endpoint();
    loaded.setup.policy = spec.policy;
    loaded.setup.sections = std::move(stored.sections);
    loaded.setup.at_start = true;
    by_shard[entry->shard].push_back(std::move(loaded));
    return entry;
}

/// On the shard.
void Fleet::Impl::start_one(ShardState& shard, const net::UdpOptions& options, Loaded& loaded) {
    const Peer local = loaded.setup.local;
    auto made = Node::make(shard, std::move(loaded.setup));
    if (made.has_error()) {
        loaded.not_made = made.error();
        return;
    }
    loaded.node = std::move(*made);
    if (!loaded.serve) {
        return;
    }
    auto bound = loaded.node->prepare(local, options);
    if (bound.has_error()) {
        loaded.not_bound = bound.error();
    } else {
        loaded.node->serve();
    }
}

Awaitable<void> Fleet::Impl::start_shard(std::size_t index, std::vector<Loaded> nodes) {
    ShardState* state = states_[index].get();
    const net::UdpOptions options = udp_options();
    auto work = [state, options, nodes = std::move(nodes)]() mutable {
        for (Loaded& loaded : nodes) {
            try {
                start_one(*state, options, loaded);
            } catch (const std::exception& error) { // of a thousand nodes, this one does not run
                loaded.not_made =
                    Error(ErrorCode::internal, "a bug in vbmcd: " + std::string(error.what()));
            }
        }
        return std::move(nodes);
    };
    boost::asio::io_context& there = shards_[index].context();
    std::vector<Loaded> done = co_await net::run_on(there, std::move(work));
    for (Loaded& loaded : done) {
        Entry& entry = *loaded.entry;
        entry.node = std::move(loaded.node);
        if (loaded.not_made) {
            entry.why = std::make_unique<const Error>(*loaded.not_made);
            set_condition(entry, "Usable", false, "UNUSABLE", describe(*loaded.not_made));
            set_state(entry, NodeState::failed);
        } else if (loaded.not_bound) {
            bring_up_failed(entry, *loaded.not_bound);
        } else if (loaded.serve) {
            brought_up(entry);
        }
    }
}

void Fleet::Impl::brought_up(Entry& entry) {
    entry.bind_failures = 0;
    entry.retry_at = never;
    entry.bound_since = net::now().wall;
    std::erase_if(entry.conditions, [](const Condition& condition) {
        return condition.type == "Bound" || condition.type == "Quarantined";
    });
    set_state(entry, NodeState::running);
}

void Fleet::Impl::bring_up_failed(Entry& entry, const Error& why) {
    const Duration pause =
        std::min(retry_first * (1U << std::min(entry.bind_failures, 10U)), retry_max);
    ++entry.bind_failures;
    entry.retry_at = net::now().mono + pause;
    set_condition(
        entry, "Bound", false, why.reason.empty() ? "BIND_FAILED" : why.reason, describe(why)
    );
    if (entry.bind_failures == 1) {
        log(Level::warn, "node.bind_failed", {{"node", entry.spec.name()}, {"error", describe(why)}}
        );
    }
    set_state(entry, NodeState::failed);
    arm_retry_at(entry.retry_at);
}

/// Binds and answers, or says why not; the caller has the entry's turn.
Awaitable<Result<void>> Fleet::Impl::bring_up(EntryPtr entry) {
    if (!entry->node) {
        co_return why_not(*entry);
    }
    const Peer local = entry->spec.endpoint();
    const net::UdpOptions options = udp_options();
    auto start = [local, options](Node& node) -> Result<void> {
        if (!node.serving()) {
            auto bound = node.prepare(local, options);
            if (bound.has_error()) {
                return bound;
            }
        }
        node.serve();
        return {};
    };
    Result<void> started = co_await on_node(entry, start);
    if (started.has_error()) {
        bring_up_failed(*entry, started.error());
    } else {
        brought_up(*entry);
    }
    co_return started;
}

Awaitable<void> Fleet::Impl::take_down(EntryPtr entry) {
    entry->retry_at = never;
    entry->bind_failures = 0;
    if (entry->node) {
        auto halt = [](Node& node) { node.halt(); };
        co_await on_node(entry, halt);
    }
    std::erase_if(entry->conditions, [](const Condition& condition) {
        return condition.type != "Usable";
    });
}

void Fleet::Impl::arm_retry() {
    Mono next = never;
    for (const EntryPtr& entry : nodes_) {
        next = std::min(next, entry->retry_at);
    }
    arm_retry_at(next);
}

void Fleet::Impl::arm_retry_at(Mono next) {
    if (next >= retry_armed_ || stopping_) {
        return;
    }
    retry_armed_ = next;
    retry_.expires_at(net::to_steady(next));
    retry_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
            retry_armed_ = never;
            auto work = retry_due();
            boost::asio::co_spawn(control_.get_executor(), std::move(work), boost::asio::detached);
        }
    });
}

Awaitable<void> Fleet::Impl::retry_due() {
    std::vector<EntryPtr> due;
    const Mono now = net::now().mono;
    for (const EntryPtr& entry : nodes_) {
        if (entry->retry_at <= now) {
            due.push_back(entry);
        }
    }
    for (const EntryPtr& entry : due) {
        try {
            co_await retry_one(entry);
        } catch (const std::exception& error) { // the others are still due
            log(Level::error,
                "node.fault",
                {{"node", entry->spec.name()}, {"error", std::string(error.what())}});
        }
    }
    arm_retry();
}

Awaitable<void> Fleet::Impl::retry_one(EntryPtr entry) {
    const Turn::Held held = co_await entry->turn.take();
    const bool wanted =
        entry->spec.enabled() && !entry->removed && !stopping_ && entry->state == NodeState::failed;
    entry->retry_at = never;
    if (!wanted) {
        co_return;
    }
    Result<void> up = co_await bring_up(entry);
    if (up.has_value()) {
        log(Level::info, "node.bound", {{"node", entry->spec.name()}});
    }
}

Awaitable<void> Fleet::Impl::stop() {
    stopping_ = true;
    retry_.cancel();
    for (std::size_t i = 0; i < states_.size(); ++i) {
        std::vector<std::shared_ptr<Node>> nodes;
        std::vector<std::string> uids;
        for (const EntryPtr& entry : nodes_) {
            if (entry->shard == i && entry->node) {
                nodes.push_back(std::move(entry->node));
                uids.push_back(entry->spec.uid());
            }
        }
        store::Store* store = &store_;
        auto end = [store,
                    nodes = std::move(nodes),
                    uids = std::move(uids),
                    state = std::move(states_[i])]() mutable {
            for (std::size_t n = 0; n < nodes.size(); ++n) {
                auto blobs = nodes[n]->end();
                if (!blobs.empty()) {
                    store->put_sections(uids[n], std::move(blobs), [](const Result<void>&) {});
                }
            }
            nodes.clear();
            state->disconnect();
            state.reset();
        };
        boost::asio::io_context& there = shards_[i].context();
        co_await net::run_on(there, std::move(end));
    }
    auto write = [this](store::Done done) { store_.flush(std::move(done)); };
    Result<void> flushed = co_await stored(write);
    if (flushed.has_error()) {
        log(Level::error, "fleet.save_failed", {{"error", describe(flushed.error())}});
    }
    work_.reset();
}

} // namespace vbmc::fleet
