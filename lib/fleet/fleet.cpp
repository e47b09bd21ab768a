#include "fleet/fleet.h"

#include "fleet/credentials.h"
#include "fleet/fleet_impl.h"
#include "fleet/spec_record.h"
#include "net/clock.h"

#include <algorithm>
#include <utility>

namespace vbmc::fleet {

namespace {

constexpr std::size_t neighbours = 50; // names on either side that one may have been meant for

} // namespace

Fleet::Impl::Impl(
    FleetConfig config,
    boost::asio::io_context& control,
    net::ShardPool& shards,
    store::Store& store
)
    : config_(std::move(config)), control_(control), work_(control.get_executor()), shards_(shards),
      store_(store), addresses_(config_.address_pool, config_.port_first, config_.port_last),
      load_(shards.size()), retry_(control.get_executor()) {
    if (!config_.credentials) {
        config_.credentials = std::make_shared<const backend::CredentialRules>();
    }
    const auto interval = [](double seconds) {
        return std::chrono::duration_cast<Duration>(
            std::chrono::duration<double>(std::max(seconds, 0.0))
        );
    };
    const Duration poll = interval(config_.poll_interval_s);
    const Duration sensors = interval(config_.sensor_poll_s);
    for (std::size_t i = 0; i < shards_.size(); ++i) { // nothing of theirs runs on the shards yet
        states_.push_back(std::make_shared<ShardState>(
            shards_[i], control_, *this, store_, commons_, poll, sensors
        ));
    }
}

/// Normally stop() went before. What is left ends on its shard, or with the shard.
Fleet::Impl::~Impl() {
    for (const EntryPtr& entry : nodes_) {
        entry->node.reset();
    }
    nodes_.clear();
    by_uid_.clear();
    for (std::size_t i = 0; i < states_.size(); ++i) {
        if (states_[i]) {
            shards_.post(i, [state = std::move(states_[i])] {});
        }
    }
}

boost::asio::io_context& Fleet::Impl::home(const Entry& entry) {
    return shards_[entry.shard].context();
}

net::UdpOptions Fleet::Impl::udp_options() const noexcept {
    net::UdpOptions options;
    options.freebind = config_.freebind;
    options.receive_buffer_bytes = config_.receive_buffer_bytes;
    return options;
}

Result<EntryPtr> Fleet::Impl::find(const std::string& name) const {
    const auto at = nodes_.find(name);
    if (at != nodes_.end()) {
        return *at;
    }
    // A suggestion is a courtesy, and apply asks for every name before it makes the node.
    const auto place = nodes_.lower_bound(name);
    std::vector<std::string> around;
    for (auto next = place; next != nodes_.end() && around.size() < neighbours; ++next) {
        around.push_back((*next)->spec.name());
    }
    for (auto before = place; before != nodes_.begin() && around.size() < 2 * neighbours;) {
        around.push_back((*--before)->spec.name());
    }
    const std::vector<std::string_view> names(around.begin(), around.end());
    const std::string near = backend::nearest(name, names);
    Error error(
        ErrorCode::not_found, "NODE_NOT_FOUND", "there is no node '" + name.substr(0, 80) + "'"
    );
    error.hint = near.empty() ? "" : "did you mean '" + near + "'?";
    return std::move(error).with_field("name");
}

Error Fleet::Impl::why_not(const Entry& entry) {
    return entry.why ? *entry.why
                     : Error(
                           ErrorCode::failed_precondition,
                           "node '" + entry.spec.name() + "' could not be made"
                       );
}

EntryPtr Fleet::Impl::find_uid(std::string_view uid) const {
    const auto bytes = parse_uuid(uid);
    const auto at = bytes ? by_uid_.find(*bytes) : by_uid_.end();
    return at == by_uid_.end() ? nullptr : at->second;
}

Result<EntryPtr> Fleet::Impl::find_made(const std::string& name) const {
    auto entry = find(name);
    if (entry.has_value() && !(*entry)->node) {
        return why_not(**entry);
    }
    return entry;
}

void Fleet::Impl::set_state(Entry& entry, NodeState state) {
    if (entry.state == state) {
        return;
    }
    entry.state = state;
    tell(entry, Event::Kind::state, "vbmcd", std::string(to_string(state)));
}

void Fleet::Impl::set_condition(
    Entry& entry, std::string type, bool ok, std::string reason, std::string message
) {
    auto at = std::find_if(entry.conditions.begin(), entry.conditions.end(), [&](const auto& c) {
        return c.type == type;
    });
    if (at == entry.conditions.end()) {
        Condition fresh;
        fresh.type = std::move(type);
        fresh.since = net::now().wall;
        at = entry.conditions.insert(at, std::move(fresh));
    } else if (at->ok != ok) {
        at->since = net::now().wall;
    }
    at->ok = ok;
    at->reason = std::move(reason);
    at->message = std::move(message);
}

NodeView Fleet::Impl::view_of(const Entry& entry, const NodeSeen& seen) const {
    NodeView view;
    view.spec = entry.spec.open();
    view.status.state = entry.state;
    view.status.conditions = entry.conditions;
    view.status.power = seen.power;
    view.status.power_age_s = seen.power_age_s;
    view.status.boot = seen.boot;
    view.status.sessions = seen.sessions;
    view.status.packets_in = seen.packets_in;
    view.status.packets_dropped = seen.packets_dropped;
    view.status.last_error = seen.last_error;
    if (entry.why) {
        view.status.last_error = describe(*entry.why);
    }
    if (seen.kg_set) {
        Condition keyed;
        keyed.type = "KgSet";
        keyed.reason = "KG_SET";
        keyed.message = "log-ins need K_g besides the password";
        view.status.conditions.push_back(std::move(keyed));
    }
    if (entry.state == NodeState::running) { // told of every running node, kept for none
        Condition bound;
        bound.type = "Bound";
        bound.reason = "BOUND";
        bound.message = "answers on UDP " + entry.spec.endpoint().to_string();
        bound.since = entry.bound_since;
        view.status.conditions.insert(view.status.conditions.begin(), std::move(bound));
    }
    return view;
}

std::vector<Duty> Fleet::Impl::duties_of(const NodeSpec& spec, u16 able) {
    std::vector<std::string> targets;
    for (const Target& target : spec.targets) {
        targets.push_back(target.name);
    }
    std::vector<Duty> duties;
    const auto routes = resolve_routes(spec.routes, targets);
    for (std::size_t i = 0; routes.has_value() && i < route_count; ++i) {
        Duty duty;
        duty.capability = to_string(static_cast<Route>(i));
        duty.target = targets[(*routes)[i]];
        duty.able = (able >> i & 1) != 0;
        duties.push_back(std::move(duty));
    }
    return duties;
}

Awaitable<NodeView> Fleet::Impl::view(EntryPtr entry) {
    NodeSeen seen;
    if (entry->node) {
        auto look = [](Node& node) { return node.seen(); };
        seen = co_await on_node(entry, look);
    }
    NodeView all = view_of(*entry, seen);
    if (entry->node) {
        all.status.duties = duties_of(all.spec, seen.able);
    }
    co_return all;
}

Awaitable<Result<void>> Fleet::Impl::put(NodeSpec spec, std::vector<store::SectionBlob> sections) {
    auto record = to_record(spec, net::now().wall);
    auto write = [this, record = std::move(record), sections = std::move(sections)](store::Done done
                 ) mutable {
        store_.put_node(std::move(record), std::move(sections), std::move(done));
    };
    co_return co_await stored(std::move(write));
}

Awaitable<Result<void>> Fleet::Impl::put_section(EntryPtr entry, bmc::Section section) {
    if (!entry->node) { // removed while its caller waited
        co_return Error(ErrorCode::not_found, "NODE_NOT_FOUND", "the node was removed");
    }
    auto save = [section](Node& node) { return node.save(section); };
    std::vector<store::SectionBlob> blobs;
    blobs.push_back(co_await on_node(entry, save));
    auto write = [this, uid = entry->spec.uid(), blobs = std::move(blobs)](store::Done done
                 ) mutable { store_.put_sections(uid, std::move(blobs), std::move(done)); };
    co_return co_await stored(std::move(write));
}

// The public face.

Fleet::Fleet(
    FleetConfig config,
    boost::asio::io_context& control,
    net::ShardPool& shards,
    store::Store& store
)
    : impl_(std::make_unique<Impl>(std::move(config), control, shards, store)) {}

Fleet::~Fleet() = default;

Awaitable<Result<void>> Fleet::start() {
    return impl_->start();
}

Awaitable<void> Fleet::stop() {
    return impl_->stop();
}

Awaitable<void> Fleet::set_credentials(std::shared_ptr<const backend::CredentialRules> rules) {
    return impl_->set_credentials(std::move(rules));
}

Awaitable<Result<CreateResult>> Fleet::create(CreateRequest request) {
    return impl_->create(std::move(request));
}

Awaitable<Result<NodeView>> Fleet::update(UpdateRequest request) {
    return impl_->update(std::move(request));
}

Awaitable<Result<void>> Fleet::remove(std::string name, std::string etag, std::string who) {
    return impl_->remove(std::move(name), std::move(etag), std::move(who));
}

Awaitable<Result<NodeView>> Fleet::set_enabled(std::string name, bool enabled, std::string who) {
    return impl_->set_enabled(std::move(name), enabled, std::move(who));
}

Awaitable<Result<NodeView>> Fleet::restart(std::string name) {
    return impl_->restart(std::move(name));
}

Awaitable<Result<NodeView>> Fleet::get(std::string name) {
    return impl_->get(std::move(name));
}

Awaitable<std::vector<NodeView>> Fleet::list() {
    return impl_->list();
}

Awaitable<NodePage> Fleet::list_page(NodeQuery query) {
    return impl_->list_page(std::move(query));
}

Awaitable<Result<bmc::PowerState>>
Fleet::set_power(std::string name, bmc::PowerAction action, std::string who) {
    return impl_->set_power(std::move(name), action, std::move(who));
}

Awaitable<Result<bmc::PowerState>> Fleet::get_power(std::string name) {
    return impl_->get_power(std::move(name));
}

Awaitable<Result<void>> Fleet::set_boot(std::string name, bmc::BootRequest boot, std::string who) {
    return impl_->set_boot(std::move(name), boot, std::move(who));
}

Awaitable<Result<std::vector<SessionView>>> Fleet::sessions(std::string name) {
    return impl_->sessions(std::move(name));
}

Awaitable<Result<void>> Fleet::close_session(std::string name, u32 id, std::string who) {
    return impl_->close_session(std::move(name), id, std::move(who));
}

Awaitable<Result<SelInfo>> Fleet::sel(std::string name) {
    return impl_->sel(std::move(name));
}

Awaitable<Result<void>> Fleet::clear_sel(std::string name, std::string who) {
    return impl_->clear_sel(std::move(name), std::move(who));
}

Awaitable<Result<std::vector<SensorView>>> Fleet::sensors(std::string name) {
    return impl_->sensors(std::move(name));
}

Awaitable<Result<std::vector<UserSpec>>> Fleet::users(std::string name) {
    return impl_->users(std::move(name), false);
}

Awaitable<Result<UserSpec>> Fleet::set_user(std::string name, UserSpec user, std::string who) {
    return impl_->set_user(std::move(name), std::move(user), std::move(who));
}

Awaitable<Result<void>> Fleet::remove_user(std::string name, std::string user, std::string who) {
    return impl_->remove_user(std::move(name), std::move(user), std::move(who));
}

Awaitable<Result<std::vector<UserSpec>>> Fleet::secrets(std::string name, std::string who) {
    return impl_->secrets(std::move(name), std::move(who));
}

Awaitable<Result<void>> Fleet::set_kg(std::string name, Secret kg, std::string who) {
    return impl_->set_kg(std::move(name), std::move(kg), std::move(who));
}

Awaitable<Result<BackendTested>>
Fleet::test_backend(std::string kind, std::map<std::string, std::string> options) {
    return impl_->test_backend(std::move(kind), std::move(options));
}

Awaitable<Result<ConsoleOpening>> Fleet::open_console(
    std::string name,
    ConsoleMode mode,
    std::string who,
    std::function<void(const ConsoleNews&)> sink
) {
    return impl_->open_console(std::move(name), mode, std::move(who), std::move(sink));
}

Awaitable<Result<std::vector<backend::Found>>>
Fleet::discover(std::string kind, std::map<std::string, std::string> options) {
    return impl_->discover(std::move(kind), std::move(options));
}

void Fleet::stop_discovering() {
    impl_->stop_discovering();
}

Awaitable<Result<void>> Fleet::disown(std::string name) {
    return impl_->disown(std::move(name));
}

void Fleet::publish(Event event) {
    event.when = net::now().wall;
    impl_->publish(std::move(event), true);
}

Awaitable<Result<std::vector<Event>>> Fleet::history(std::string node, std::size_t max) {
    return impl_->history(std::move(node), max);
}

EventHub& Fleet::events() {
    return impl_->events();
}

Awaitable<FleetNumbers> Fleet::numbers() {
    return impl_->numbers();
}

Fleet::Counts Fleet::counts() const {
    return impl_->counts();
}

} // namespace vbmc::fleet
