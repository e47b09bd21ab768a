#include "fleet/node.h"

#include "base/log.h"
#include "fleet/credentials.h"
#include "fleet/shard_state.h"
#include "net/clock.h"
#include "store/store.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace vbmc::fleet {

namespace {

constexpr Duration save_within = std::chrono::milliseconds(50);
constexpr Duration save_again_after = std::chrono::seconds(5);

/// One kind's bug is one node's error, not the end of all that start with it.
Result<std::unique_ptr<backend::Driver>>
make_driver(ShardState& shard, const std::string& node, const CheckedTarget& target) {
    try {
        return target.kind->create(shard.driver_context(node), target.config);
    } catch (const std::exception& error) {
        return Error(
            ErrorCode::internal,
            std::string(net::exception_reason),
            "backend " + std::string(target.kind->name) + " cannot be made: " + error.what()
        );
    }
}

Result<Routes>
make_routes(ShardState& shard, const std::string& node, const CheckedTargets& checked) {
    std::vector<std::shared_ptr<backend::Driver>> drivers;
    for (const CheckedTarget& target : checked.targets) {
        auto driver = make_driver(shard, node, target);
        if (driver.has_error()) {
            return driver.error();
        }
        (*driver)->set_kind(target.kind->name);
        drivers.push_back(std::move(*driver));
    }
    return Routes(std::move(drivers), checked.routes);
}

std::shared_ptr<const bmc::SensorSet> sensors_of(const CheckedTargets& checked) {
    const u8 index = checked.routes[static_cast<std::size_t>(Route::sensors)];
    const auto sensors = checked.targets[index].kind->sensors;
    return sensors == nullptr ? nullptr : sensors();
}

Duration seconds(double value) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}

void apply_windows(bmc::Config& config, const NodePolicy& policy) {
    config.confirm_window = seconds(policy.confirm_window_s);
    config.fresh_for = seconds(policy.fresh_for_s);
    config.stale_after = seconds(policy.stale_after_s);
}

bmc::Config make_config(const NodeSetup& setup, const Routes& routes) {
    bmc::Config config;
    config.name = setup.name;
    const ByteArray<16> uuid = parse_uuid(setup.uid).value_or(ByteArray<16>{});
    std::reverse_copy(uuid.begin(), uuid.end(), config.guid.begin()); // IPMI 2.0 §20.8
    config.address = setup.local;
    config.network_prefix = setup.local.address.is_v4() ? 24 : 64;
    config.mac = mac_from_uuid(uuid);
    config.capabilities = routes.capabilities();
    config.sensors = sensors_of(setup.targets);
    apply_windows(config, setup.policy);
    return config;
}

Error not_running(const std::string& name) {
    return Error(
               ErrorCode::failed_precondition,
               "NODE_NOT_RUNNING",
               "node '" + name + "' does not run"
    )
        .with_hint("vbmcctl start " + name);
}

bool can_do(const bmc::Capabilities& capabilities, bmc::PowerAction action) noexcept {
    switch (action) {
    case bmc::PowerAction::soft:
        return capabilities.soft;
    case bmc::PowerAction::diag:
        return capabilities.nmi;
    case bmc::PowerAction::reset:
        return capabilities.reset;
    default:
        return capabilities.power;
    }
}

} // namespace

Result<std::shared_ptr<Node>> Node::make(ShardState& shard, NodeSetup setup) {
    auto routes = make_routes(shard, setup.name, setup.targets);
    if (routes.has_error()) {
        return routes.error();
    }
    if (!setup.at_start) { // what was kept was checked before
        if (auto fits = check_routes(setup.targets, *routes); fits.has_error()) {
            return fits.error();
        }
    }
    const bmc::Config config = make_config(setup, *routes);
    const Now now = net::now();
    auto made = std::unique_ptr<Node>(new Node(shard, setup, std::move(*routes), config, now));
    auto end_at_home = [home = &shard.shard()](Node* last) {
        std::unique_ptr<Node> owned(last);
        if (!home->is_current()) {
            home->post([owned = std::move(owned)] {});
        }
    };
    std::shared_ptr<Node> node(made.release(), end_at_home);
    node->load(setup, now);
    return node;
}

Result<void>
Node::try_targets(ShardState& shard, const std::string& name, const CheckedTargets& targets) {
    const auto routes = make_routes(shard, name, targets);
    return routes.has_error() ? Result<void>(routes.error()) : check_routes(targets, *routes);
}

Node::Node(
    ShardState& shard, const NodeSetup& setup, Routes routes, const bmc::Config& config, Now now
)
    : shard_(shard.shared_from_this()),
      bmc_(config, to_access(setup.policy), shard.sessions(), now),
      timer_(
          shard.shard().timers(), [](void* self) { static_cast<Node*>(self)->on_timer(); }, this
      ),
      routes_(std::move(routes)), limits_(shard.limits(setup.policy.confirm_window_s)) {}

Node::~Node() {
    stop_worker();
}

void Node::load(const NodeSetup& setup, Now now) {
    for (const store::SectionBlob& blob : setup.sections) {
        const auto section = static_cast<bmc::Section>(blob.number);
        bool loaded = false;
        if (blob.number < bmc::section_count) {
            guarded([&] { loaded = bmc_.load(section, blob.bytes, now); });
        }
        if (!loaded) {
            log(Level::warn,
                "node.section_unreadable",
                {{"node", name()}, {"section", static_cast<long long>(blob.number)}});
        }
    }
    for (const bmc::User& user : setup.users) {
        model().users.set(user);
    }
    bmc_.set_access(to_access(setup.policy)); // the owner's rules stand above what was saved
    bmc_.users_changed();
    if (!setup.at_start) {
        model().power.skip_restore();
    }
}

Result<void> Node::prepare(const Peer& local, const net::UdpOptions& options) {
    prepared_ = std::make_unique<net::UdpEndpoint>(shard_->shard(), *this);
    Result<void> opened = prepared_->open(local, options);
    if (opened.has_error()) {
        prepared_.reset();
    }
    return opened;
}

void Node::serve() {
    if (prepared_) {
        endpoint_ = std::move(prepared_);
        model().config.address = endpoint_->local();
        model().config.network_prefix = endpoint_->local().address.is_v4() ? 24 : 64;
        endpoint_->start();
    }
    if (!worker_) {
        faults_ = 0; // those of an earlier service are forgiven
        start_worker();
    }
    settle();
}

void Node::halt() {
    stop_worker();
    guarded([this] { bmc_.close_all(); });
    drain(net::now()); // the audit of what was closed
    if (console_) {
        console_->end();
    }
    endpoint_.reset();
    prepared_.reset();
    timer_.cancel();
}

std::vector<store::SectionBlob> Node::end() {
    halt();
    std::vector<store::SectionBlob> blobs;
    for (u8 number = 0; number < bmc::section_count; ++number) {
        if (dirty_.has(static_cast<bmc::Section>(number))) {
            blobs.push_back(save(static_cast<bmc::Section>(number)));
        }
    }
    dirty_.clear();
    return blobs;
}

void Node::set_policy(const NodePolicy& policy) {
    apply_windows(model().config, policy);
    const bool new_window = shard_->limits(policy.confirm_window_s) != limits_;
    limits_ = shard_->limits(policy.confirm_window_s);
    bmc_.set_access(to_access(policy));
    if (new_window && worker_) {
        stop_worker();
        start_worker();
    }
}

Result<void> Node::set_targets(const CheckedTargets& targets) {
    auto routes = make_routes(*shard_, name(), targets);
    if (routes.has_error()) {
        return routes.error();
    }
    const bool was_running = worker_ != nullptr;
    stop_worker();
    routes_ = std::move(*routes);
    model().config.capabilities = routes_.capabilities();
    model().config.sensors = sensors_of(targets);
    reachable_ = true;
    last_error_.clear();
    if (was_running) {
        start_worker();
    }
    return {};
}

void Node::start_worker() {
    const u32 seed = static_cast<u32>(std::hash<std::string>()(name()));
    WorkerHost& host = *this;
    worker_ = std::make_shared<NodeWorker>(shard_->place(), host, routes_, limits_, seed);
    const bmc::BootRequest boot = model().boot.request();
    const bmc::BootRequest standing = model().boot.standing();
    worker_->start(standing, shard_->first_look());
    if (standing.device != bmc::BootDevice::none && !routes_.to(Route::boot)->keeps_boot_device()) {
        worker_->submit(bmc::SetBoot{standing});
    }
    if (boot.device != bmc::BootDevice::none && !boot.persistent) {
        worker_->submit(bmc::SetBoot{boot});
    }
    want_console();
}

void Node::stop_worker() {
    if (worker_) {
        std::exchange(worker_, nullptr)->stop();
        if (console_) {
            console_->disconnected();
        }
    }
    end_waiters();
}

void Node::end_waiters() {
    for (const Waiter& waiter : std::exchange(waiters_, {})) {
        waiter.resume(bmc::Outcome::unreachable);
    }
}

std::size_t Node::receive(Now now, const Peer& peer, MutableBytes in, MutableBytes out) {
    std::size_t size = 0;
    guarded([&] { size = bmc_.receive(now, peer, in, out); });
    return size;
}

void Node::after_reply(Now now) {
    drain(now);
}

void Node::on_timer() {
    const Now now = net::now();
    guarded([&] { bmc_.on_deadline(now); });
    drain(now);
}

void Node::rearm() {
    timer_.arm(endpoint_ || worker_ ? bmc_.next_deadline() : never);
}

void Node::settle() {
    drain(net::now());
}

/// Takes out and carries out whatever the model left; carrying out may make it leave more.
void Node::drain(Now now) {
    static_cast<void>(now);
    if (draining_) {
        return; // the outer loop goes on
    }
    draining_ = true;
    for (;;) {
        std::optional<endpoint::Output> output;
        guarded([&] { output = bmc_.poll(); });
        if (!output) {
            break;
        }
        guarded([&] { carry_out(*output); });
    }
    draining_ = false;
    rearm();
}

void Node::carry_out(endpoint::Output& output) {
    if (const auto* transmit = std::get_if<endpoint::Transmit>(&output)) {
        if (endpoint_) {
            endpoint_->send(transmit->to, transmit->bytes);
        }
    } else if (const auto* intent = std::get_if<bmc::Intent>(&output)) {
        if (worker_ && !relay_console(*intent)) {
            worker_->submit(*intent);
        }
    } else if (const auto* persist = std::get_if<endpoint::Persist>(&output)) {
        for (u8 number = 0; number < bmc::section_count; ++number) {
            if (persist->sections.has(static_cast<bmc::Section>(number))) {
                dirty_.add(static_cast<bmc::Section>(number));
            }
        }
        if (!std::exchange(dirty_queued_, true)) {
            shard_->queue_save(weak_from_this(), save_within);
        }
    } else if (const auto* audit = std::get_if<endpoint::Audit>(&output)) {
        tell(*audit);
    }
}

store::SectionBlob Node::save(bmc::Section section) const {
    return {static_cast<u8>(section), bmc_.save(section, net::now())};
}

void Node::flush() {
    dirty_queued_ = false;
    const bmc::Sections sections = std::exchange(dirty_, {});
    std::vector<store::SectionBlob> blobs;
    for (u8 number = 0; number < bmc::section_count; ++number) {
        if (sections.has(static_cast<bmc::Section>(number))) {
            blobs.push_back(save(static_cast<bmc::Section>(number)));
        }
    }
    if (blobs.empty()) {
        return;
    }
    auto done = [weak = weak_from_this(), name = name(), sections, shard = &shard_->shard()](
                    const Result<void>& saved
                ) {
        if (!saved.has_error() || saved.error().code == ErrorCode::not_found) {
            return; // kept, or the node is being removed
        }
        log(Level::error, "node.save_failed", {{"node", name}, {"error", describe(saved.error())}});
        shard->post([weak, sections] {
            if (const auto node = weak.lock()) {
                for (u8 number = 0; number < bmc::section_count; ++number) {
                    if (sections.has(static_cast<bmc::Section>(number))) {
                        node->dirty_.add(static_cast<bmc::Section>(number));
                    }
                }
                if (!std::exchange(node->dirty_queued_, true)) {
                    node->shard_->queue_save(weak, save_again_after);
                }
            }
        });
    };
    shard_->store().put_sections(uid(), std::move(blobs), std::move(done));
}

void Node::count_into(FleetNumbers& numbers) const {
    const bmc::Bmc& bmc = bmc_.model();
    ++numbers.power[static_cast<std::size_t>(bmc.power.state())];
    bmc_.sessions().for_each_session([&numbers](const rmcp::SessionInfo& session) {
        ++numbers.sessions[static_cast<std::size_t>(session.privilege)];
    });
    numbers.consoles += bmc_.sol() != nullptr ? 1 : 0;
    numbers.parked += bmc_.parked_count();
    numbers.unreachable += reachable_ ? 0 : 1;
}

NodeSeen Node::seen() const {
    const bmc::Bmc& bmc = bmc_.model();
    NodeSeen out;
    out.power = bmc.power.state();
    if (const auto at = bmc.power.seen_at()) {
        out.power_age_s = std::chrono::duration<double>(net::now().mono - *at).count();
    }
    out.boot = bmc.boot.request();
    out.sessions = static_cast<u32>(bmc_.sessions().session_count());
    out.kg_set = bmc.users.has_kg();
    out.packets_in = bmc_.datagrams();
    out.packets_dropped = bmc_.dropped();
    out.able = routes_.able();
    out.reachable = reachable_;
    out.last_error = last_error_;
    return out;
}

Error Node::refusal(bmc::Outcome outcome) const {
    const std::string why = last_error_.empty() ? "the backend gave no reason" : last_error_;
    switch (outcome) {
    case bmc::Outcome::unsupported:
        return Error(ErrorCode::unsupported, why);
    case bmc::Outcome::invalid_state:
        return Error(ErrorCode::failed_precondition, "INVALID_POWER_STATE", why);
    case bmc::Outcome::busy:
        return Error(ErrorCode::unavailable, "NODE_BUSY", "another power action took its place");
    case bmc::Outcome::unreachable:
        return Error(ErrorCode::unavailable, "BACKEND_UNREACHABLE", why);
    default:
        return Error(ErrorCode::failed_precondition, "BACKEND_REFUSED", why);
    }
}

net::Awaitable<bmc::Outcome> Node::wait_for(bmc::Ticket ticket) {
    auto executor = shard_->shard().context().get_executor();
    auto start = [this, ticket, executor](auto handler) {
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        auto resume = [executor, kept](bmc::Outcome outcome) {
            boost::asio::post(executor, [kept, outcome] { std::move (*kept)(outcome); });
        };
        waiters_.push_back({ticket, std::move(resume)});
        settle(); // only now may the end come
    };
    auto token = net::use_awaitable;
    co_return co_await boost::asio::async_initiate<decltype(token), void(bmc::Outcome)>(
        start, token
    );
}

net::Awaitable<Result<bmc::PowerState>> Node::set_power(bmc::PowerAction action) {
    const auto self = shared_from_this();
    if (!worker_) {
        co_return not_running(name());
    }
    if (!can_do(model().config.capabilities, action)) {
        co_return Error(ErrorCode::unsupported, "this node's backend cannot do that");
    }
    last_error_.clear();
    const auto cause = bmc::RestartCause::chassis_control;
    const bmc::Ticket ticket = model().request_power(net::now(), action, cause);
    const bmc::Outcome outcome = co_await wait_for(ticket);
    if (outcome != bmc::Outcome::ok) {
        co_return refusal(outcome);
    }
    co_return model().power.state();
}

net::Awaitable<Result<bmc::PowerState>> Node::look() {
    const auto self = shared_from_this();
    if (!worker_) {
        co_return not_running(name());
    }
    const bmc::Ticket ticket = model().request_refresh(net::now());
    const bmc::Outcome outcome = co_await wait_for(ticket);
    if (outcome != bmc::Outcome::ok) {
        co_return refusal(outcome);
    }
    co_return model().power.state();
}

} // namespace vbmc::fleet
