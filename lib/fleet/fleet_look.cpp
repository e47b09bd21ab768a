// Looking at nodes: their views, sessions, event logs and sensors. Read on the node's shard,
// copied, and handed over.

#include "fleet/fleet_impl.h"
#include "fleet/sel_text.h"
#include "net/clock.h"

#include <utility>

namespace vbmc::fleet {

namespace {

SelInfo read_sel(Node& node) {
    const bmc::Bmc& model = node.model();
    SelInfo info;
    info.capacity = static_cast<u16>(bmc::Sel::capacity);
    for (const bmc::Sel::Record& record : model.sel.records()) {
        SelView entry;
        ByteReader in(record);
        entry.id = in.read_u16();
        in.skip(1);
        entry.when = Wall(std::chrono::seconds(in.read_u32()));
        entry.sensor = sensor_text(record, model.config.sensors.get());
        entry.event = event_text(record);
        entry.raw = record;
        info.entries.push_back(std::move(entry));
    }
    return info;
}

SensorView read_one(const bmc::Bmc& model, Now now, const bmc::SensorSpec& spec) {
    const bmc::SensorState state = bmc::read_sensor(model, now, spec);
    SensorView view;
    view.number = spec.number;
    view.name = spec.name;
    view.type = sensor_type_name(spec.type);
    view.unit = unit_name(spec);
    if (!state.available) {
        view.state = "na";
    } else if (spec.is_threshold()) {
        view.value = state.value;
        view.state = level_text(state.compared);
    } else {
        view.state = state_text(spec.type, spec.reading, state.states);
    }
    return view;
}

std::vector<SensorView> read_sensors(Node& node) {
    const bmc::Bmc& model = node.model();
    const Now now = net::now();
    std::vector<SensorView> all;
    for (const bmc::SensorSpec& spec : bmc::standard_sensors().sensors) {
        if (!spec.event_only) {
            all.push_back(read_one(model, now, spec));
        }
    }
    if (model.config.sensors) {
        for (const bmc::SensorSpec& spec : model.config.sensors->sensors) {
            all.push_back(read_one(model, now, spec));
        }
    }
    return all;
}

std::vector<SessionView> read_sessions(Node& node) {
    const Mono now = net::now().mono;
    std::vector<SessionView> all;
    node.sessions().for_each_session([&](const rmcp::SessionInfo& info) {
        SessionView view;
        view.id = info.id;
        if (const bmc::User* user = node.model().users.find(info.user_id)) {
            const Bytes name = user->name.bytes();
            view.user.assign(name.begin(), name.end());
        }
        view.privilege = privilege_name(static_cast<bmc::Privilege>(info.privilege));
        view.peer = info.peer;
        view.cipher_suite = info.suite_id;
        view.idle_s = std::chrono::duration<double>(now - info.last_used).count();
        all.push_back(std::move(view));
    });
    return all;
}

/// With the node kept alive by its own.
Awaitable<void> refresh_there(std::shared_ptr<Node> node) {
    co_await node->refresh_sensors();
}

} // namespace

Awaitable<Result<NodeView>> Fleet::Impl::get(std::string name) {
    auto found = find(name);
    if (found.has_error()) {
        co_return found.error();
    }
    co_return co_await view(*found);
}

/// What is seen of each, in the same order; each shard is asked once.
Awaitable<std::vector<NodeSeen>> Fleet::Impl::look_at(std::vector<EntryPtr> entries) {
    std::vector<NodeSeen> seen(entries.size());
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        std::vector<std::size_t> there; // chosen now: while another shard looked, some have gone
        std::vector<std::shared_ptr<Node>> nodes;
        for (std::size_t n = 0; n < entries.size(); ++n) {
            if (entries[n]->shard == i && entries[n]->node) {
                there.push_back(n);
                nodes.push_back(entries[n]->node);
            }
        }
        if (nodes.empty()) {
            continue;
        }
        auto look = [nodes = std::move(nodes)] {
            std::vector<NodeSeen> out;
            out.reserve(nodes.size());
            for (const auto& node : nodes) {
                out.push_back(node->seen());
            }
            return out;
        };
        boost::asio::io_context& shard = shards_[i].context();
        std::vector<NodeSeen> some = co_await net::run_on(shard, std::move(look));
        for (std::size_t n = 0; n < some.size(); ++n) {
            seen[there[n]] = std::move(some[n]);
        }
    }
    co_return seen;
}

Awaitable<std::vector<NodeView>> Fleet::Impl::list() {
    NodeQuery everything;
    everything.limit = nodes_.size();
    NodePage page = co_await list_page(std::move(everything));
    co_return std::move(page.nodes);
}

Awaitable<NodePage> Fleet::Impl::list_page(NodeQuery query) {
    NodePage page;
    std::vector<EntryPtr> entries;
    auto at = query.wanted ? nodes_.begin() : nodes_.upper_bound(query.after);
    while (at != nodes_.end() && (query.wanted || entries.size() < query.limit)) {
        entries.push_back(*at);
        ++at;
    }
    page.total = nodes_.size();
    if (at != nodes_.end() && !entries.empty()) {
        page.next_after = entries.back()->spec.name();
    }
    const std::vector<NodeSeen> seen = co_await look_at(entries);
    std::size_t wanted = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        NodeView view = view_of(*entries[i], seen[i]);
        if (entries[i]->removed || (query.wanted && !query.wanted(view))) {
            continue;
        }
        ++wanted;
        if (view.spec.name <= query.after) {
            continue;
        }
        if (page.nodes.size() < query.limit) {
            page.nodes.push_back(std::move(view));
        } else if (page.next_after.empty()) {
            page.next_after = page.nodes.back().spec.name;
        }
    }
    page.total = query.wanted ? wanted : page.total;
    co_return page;
}

Awaitable<Result<std::vector<SessionView>>> Fleet::Impl::sessions(std::string name) {
    auto found = find_made(name);
    if (found.has_error()) {
        co_return found.error();
    }
    auto read = [](Node& node) { return read_sessions(node); };
    co_return co_await on_node(*found, read);
}

Awaitable<Result<void>> Fleet::Impl::close_session(std::string name, u32 id, std::string who) {
    auto found = find_made(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    auto close = [id](Node& node) {
        const bool closed = node.sessions().close(id);
        node.settle();
        return closed;
    };
    const bool closed = co_await on_node(entry, close);
    if (!closed) {
        co_return Error(ErrorCode::not_found, "SESSION_NOT_FOUND", "there is no such session")
            .with_field("id");
    }
    tell(*entry, Event::Kind::session, who, "session closed");
    co_return Result<void>();
}

Awaitable<Result<SelInfo>> Fleet::Impl::sel(std::string name) {
    auto found = find_made(name);
    if (found.has_error()) {
        co_return found.error();
    }
    auto read = [](Node& node) { return read_sel(node); };
    co_return co_await on_node(*found, read);
}

Awaitable<Result<void>> Fleet::Impl::clear_sel(std::string name, std::string who) {
    auto found = find_made(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    auto clear = [](Node& node) { node.model().sel.clear(net::now()); };
    co_await on_node(entry, clear);
    Result<void> kept = co_await put_section(entry, bmc::Section::sel);
    if (kept.has_value()) {
        tell(*entry, Event::Kind::sel, who, "event log cleared");
    }
    co_return kept;
}

Awaitable<Result<std::vector<SensorView>>> Fleet::Impl::sensors(std::string name) {
    auto found = find_made(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    boost::asio::io_context& there = home(*entry);
    auto refresh = refresh_there(entry->node);
    co_await net::spawn_on(there, std::move(refresh));
    if (!entry->node) {
        co_return Error(ErrorCode::not_found, "NODE_NOT_FOUND", "the node was removed");
    }
    auto read = [](Node& node) { return read_sensors(node); };
    co_return co_await on_node(entry, read);
}

Awaitable<FleetNumbers> Fleet::Impl::numbers() {
    FleetNumbers all;
    for (const EntryPtr& entry : nodes_) {
        ++all.states[static_cast<std::size_t>(entry->state)];
        if (!entry->node) {
            ++all.power[static_cast<std::size_t>(bmc::PowerState::unknown)];
        }
    }
    for (std::size_t i = 0; i < shards_.size() && states_[i]; ++i) { // null: stopping
        std::vector<std::shared_ptr<Node>> nodes; // kept from now on only: none outlives its shard
        for (const EntryPtr& entry : nodes_) {
            if (entry->shard == i && entry->node) {
                nodes.push_back(entry->node);
            }
        }
        auto count = [state = states_[i].get(), nodes = std::move(nodes)] {
            FleetNumbers here = state->counted();
            for (const auto& node : nodes) {
                node->count_into(here);
            }
            return here;
        };
        boost::asio::io_context& there = shards_[i].context();
        const FleetNumbers here = co_await net::run_on(there, std::move(count));
        all.add(here);
    }
    co_return all;
}

Fleet::Counts Fleet::Impl::counts() const {
    Fleet::Counts counts{};
    for (const EntryPtr& entry : nodes_) {
        ++counts.nodes;
        switch (entry->state) {
        case NodeState::running:
            ++counts.running;
            break;
        case NodeState::failed:
        case NodeState::quarantined:
            ++counts.failed;
            break;
        default:
            ++counts.stopped;
            break;
        }
    }
    return counts;
}

} // namespace vbmc::fleet
