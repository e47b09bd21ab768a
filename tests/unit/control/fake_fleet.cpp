#include "fake_fleet.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <deque>

namespace vbmc::test {

namespace {

FakeFleet* current = nullptr;

} // namespace

FakeFleet& fake() {
    return *current;
}

void FakeFleet::add(const std::string& name) {
    FakeNode node;
    node.view.spec.name = name;
    node.view.spec.etag = std::to_string(++etag);
    node.view.spec.address = IpAddress::v4(127, 0, 0, 1);
    fleet::Target target;
    target.kind = "sim";
    node.view.spec.targets = {target};
    node.view.status.state = fleet::NodeState::running;
    fleet::UserSpec user;
    user.id = 2;
    user.name = "admin";
    user.password = Secret(std::string_view("secret-of-admin"));
    node.users = {user};
    nodes[name] = node;
}

} // namespace vbmc::test

namespace vbmc::fleet {

using test::FakeFleet;

class Fleet::Impl {
  public:
    explicit Impl(boost::asio::io_context& control_) : control(control_) { test::current = &fake; }

    Awaitable<void> pause() {
        ++fake.calls;
        fake.in_flight_most = std::max(fake.in_flight_most, ++fake.in_flight);
        if (fake.delay_ms > 0) {
            boost::asio::basic_waitable_timer<
                std::chrono::steady_clock,
                boost::asio::wait_traits<std::chrono::steady_clock>,
                boost::asio::io_context::executor_type>
                timer(control.get_executor());
            timer.expires_after(std::chrono::milliseconds(fake.delay_ms));
            boost::asio::use_awaitable_t<boost::asio::io_context::executor_type> token;
            co_await timer.async_wait(token);
        }
        --fake.in_flight;
    }

    Result<test::FakeNode*> find(const std::string& name) {
        if (const auto bad = fake.failing.find(name); bad != fake.failing.end()) {
            return bad->second;
        }
        const auto found = fake.nodes.find(name);
        if (found == fake.nodes.end()) {
            return Error(
                ErrorCode::not_found, "NODE_NOT_FOUND", "there is no node \"" + name + "\""
            );
        }
        return &found->second;
    }

    void tell(Event::Kind kind, const std::string& node) {
        Event event;
        event.kind = kind;
        event.node = node;
        event.who = "vbmcd";
        event.message = "something happened";
        fake.hub.publish(std::move(event));
    }

    boost::asio::io_context& control;
    FakeFleet fake;
};

Fleet::Fleet(FleetConfig, boost::asio::io_context& control, net::ShardPool&, store::Store&)
    : impl_(std::make_unique<Impl>(control)) {}

Fleet::~Fleet() = default;

EventHub& Fleet::events() {
    return impl_->fake.hub;
}

Fleet::Counts Fleet::counts() const {
    const u32 nodes = static_cast<u32>(impl_->fake.nodes.size());
    return Counts{nodes, nodes, 0, 0};
}

Awaitable<FleetNumbers> Fleet::numbers() {
    co_await impl_->pause();
    co_return FleetNumbers();
}

Awaitable<Result<CreateResult>> Fleet::create(CreateRequest request) {
    co_await impl_->pause();
    auto node = impl_->find(request.spec.name);
    if (node) {
        co_return Error(ErrorCode::already_exists, "NODE_EXISTS", "the name is taken");
    }
    if (node.error().code != ErrorCode::not_found) {
        co_return node.error();
    }
    CreateResult result;
    result.node.spec = request.spec;
    if (request.users.empty()) {
        result.generated_password = Secret(std::string_view("made-up"));
    }
    if (!request.validate_only) {
        impl_->fake.add(request.spec.name);
        auto& made = impl_->fake.nodes[request.spec.name];
        request.spec.etag = made.view.spec.etag;
        made.view.spec = request.spec;
        made.users = request.users;
        impl_->tell(Event::Kind::node_added, request.spec.name);
        result.node = made.view;
    }
    co_return result;
}

Awaitable<Result<NodeView>> Fleet::update(UpdateRequest request) {
    co_await impl_->pause();
    auto node = impl_->find(request.spec.name);
    if (!node) {
        co_return node.error();
    }
    NodeSpec& spec = (*node)->view.spec;
    if (impl_->fake.races[spec.name]-- > 0) {
        spec.etag = std::to_string(++impl_->fake.etag);
    }
    if (!request.spec.etag.empty() && request.spec.etag != spec.etag) {
        co_return Error(ErrorCode::aborted, "ETAG_MISMATCH", "somebody else was faster");
    }
    NodeView view = (*node)->view;
    view.spec = request.spec;
    if (!request.validate_only) {
        view.spec.etag = std::to_string(++impl_->fake.etag);
        (*node)->view = view;
        impl_->tell(Event::Kind::node_changed, view.spec.name);
    }
    co_return view;
}

Awaitable<Result<void>> Fleet::remove(std::string name, std::string etag, std::string) {
    co_await impl_->pause();
    auto node = impl_->find(name);
    if (!node) {
        co_return node.error();
    }
    if (!etag.empty() && etag != (*node)->view.spec.etag) {
        co_return Error(ErrorCode::aborted, "ETAG_MISMATCH", "somebody else was faster");
    }
    impl_->fake.nodes.erase(name);
    impl_->tell(Event::Kind::node_removed, name);
    co_return Result<void>();
}

Awaitable<Result<NodeView>> Fleet::set_enabled(std::string name, bool enabled, std::string) {
    co_await impl_->pause();
    auto node = impl_->find(name);
    if (!node) {
        co_return node.error();
    }
    (*node)->view.spec.enabled = enabled;
    co_return (*node)->view;
}

Awaitable<Result<NodeView>> Fleet::restart(std::string name) {
    return set_enabled(std::move(name), true);
}

Awaitable<Result<NodeView>> Fleet::get(std::string name) {
    auto node = impl_->find(name);
    if (!node) {
        co_return node.error();
    }
    co_return (*node)->view;
}

Awaitable<std::vector<NodeView>> Fleet::list() {
    std::vector<NodeView> views;
    for (const auto& [name, node] : impl_->fake.nodes) {
        views.push_back(node.view);
    }
    co_return views;
}

Awaitable<NodePage> Fleet::list_page(NodeQuery query) {
    NodePage page;
    for (const auto& [name, node] : impl_->fake.nodes) {
        if (query.wanted && !query.wanted(node.view)) {
            continue;
        }
        ++page.total;
        if (name <= query.after) {
            continue;
        }
        if (page.nodes.size() < query.limit) {
            page.nodes.push_back(node.view);
        } else if (page.next_after.empty()) {
            page.next_after = page.nodes.back().spec.name;
        }
    }
    co_return page;
}

Awaitable<Result<bmc::PowerState>>
Fleet::set_power(std::string name, bmc::PowerAction action, std::string) {
    co_await impl_->pause();
    auto node = impl_->find(name);
    if (!node) {
        co_return node.error();
    }
    const bool off = action == bmc::PowerAction::off || action == bmc::PowerAction::soft;
    (*node)->view.status.power = off ? bmc::PowerState::off : bmc::PowerState::on;
    co_return (*node)->view.status.power;
}

Awaitable<Result<bmc::PowerState>> Fleet::get_power(std::string name) {
    co_await impl_->pause();
    auto node = impl_->find(name);
    if (!node) {
        co_return node.error();
    }
    co_return (*node)->view.status.power;
}

Awaitable<Result<void>> Fleet::set_boot(std::string name, bmc::BootRequest boot, std::string) {
    auto node = impl_->find(name);
    if (!node) {
        co_return node.error();
    }
    (*node)->view.status.boot = boot;
    co_return Result<void>();
}

Awaitable<Result<std::vector<SessionView>>> Fleet::sessions(std::string name) {
    auto node = impl_->find(name);
    if (!node) {
        co_return node.error();
    }
    SessionView session;
    session.id = 7;
    session.user = "\xff";
    session.privilege = "operator";
    session.cipher_suite = 17;
    session.idle_s = 0.5;
    std::vector<SessionView> out = {session};
    co_return out;
}

Awaitable<Result<void>> Fleet::close_session(std::string name, u32 id, std::string) {
    auto node = impl_->find(name);
    if (!node) {
        co_return node.error();
    }
    if (id != 7) {
        co_return Error(ErrorCode::not_found, "SESSION_NOT_FOUND", "no such session");
    }
    co_return Result<void>();
}

Awaitable<Result<SelInfo>> Fleet::sel(std::string name) {
    auto node = impl_->find(name);
    if (!node) {
        co_return node.error();
    }
    SelInfo info;
    info.capacity = 512;
    co_return info;
}

Awaitable<Result<void>> Fleet::clear_sel(std::string name, std::string) {
    auto node = impl_->find(name);
    co_return node ? Result<void>() : Result<void>(node.error());
}

Awaitable<Result<std::vector<SensorView>>> Fleet::sensors(std::string name) {
    auto node = impl_->find(name);
    if (!node) {
        co_return node.error();
    }
    co_return std::vector<SensorView>();
}

Awaitable<Result<std::vector<UserSpec>>> Fleet::users(std::string name) {
    auto node = impl_->find(name);
    if (!node) {
        co_return node.error();
    }
    std::vector<UserSpec> users = (*node)->users;
    for (UserSpec& user : users) {
        user.password.clear();
    }
    co_return users;
}

Awaitable<Result<UserSpec>> Fleet::set_user(std::string name, UserSpec user, std::string) {
    auto node = impl_->find(name);
    if (!node) {
        co_return node.error();
    }
    auto& users = (*node)->users;
    const auto found =
        std::ranges::find_if(users, [&](const UserSpec& u) { return u.id == user.id; });
    if (found == users.end()) {
        user.id = static_cast<u8>(users.size() + 2);
        users.push_back(user);
    } else {
        user.password = user.password.empty() ? found->password : user.password;
        *found = user;
    }
    impl_->tell(Event::Kind::users, name);
    co_return user;
}

Awaitable<Result<void>> Fleet::remove_user(std::string name, std::string user, std::string) {
    auto node = impl_->find(name);
    if (!node) {
        co_return node.error();
    }
    std::erase_if((*node)->users, [&](const UserSpec& u) { return u.name == user; });
    co_return Result<void>();
}

Awaitable<Result<std::vector<UserSpec>>> Fleet::secrets(std::string name, std::string) {
    auto node = impl_->find(name);
    if (!node) {
        co_return node.error();
    }
    co_return (*node)->users;
}

Awaitable<Result<void>> Fleet::set_kg(std::string name, Secret, std::string) {
    auto node = impl_->find(name);
    co_return node ? Result<void>() : Result<void>(node.error());
}

Awaitable<Result<BackendTested>>
Fleet::test_backend(std::string, std::map<std::string, std::string>) {
    BackendTested tested;
    tested.power = bmc::PowerState::on;
    co_return tested;
}

Awaitable<Result<ConsoleOpening>> Fleet::
    open_console(std::string, ConsoleMode, std::string, std::function<void(const ConsoleNews&)>) {
    co_return Error(ErrorCode::unsupported, "NO_CONSOLE", "this fleet has no consoles");
}

Awaitable<Result<std::vector<backend::Found>>>
Fleet::discover(std::string, std::map<std::string, std::string>) {
    co_return std::vector<backend::Found>();
}

void Fleet::stop_discovering() {}

Awaitable<Result<void>> Fleet::disown(std::string) {
    co_return Result<void>();
}

void Fleet::publish(Event event) {
    events().publish(std::move(event));
}

Awaitable<Result<std::vector<Event>>> Fleet::history(std::string, std::size_t max) {
    co_return events().recent(max);
}

// The hub: as small as its promise.

class EventHub::Impl : public std::enable_shared_from_this<EventHub::Impl> {
  public:
    struct Ring final : Subscription {
        Ring(std::shared_ptr<Impl> hub_, std::size_t most_, std::function<void()> wake_)
            : hub(std::move(hub_)), most(most_), wake(std::move(wake_)) {
            hub->rings.push_back(this);
        }

        ~Ring() override { std::erase(hub->rings, this); }

        std::vector<Event> take() override {
            std::vector<Event> out(waiting.begin(), waiting.end());
            waiting.clear();
            return out;
        }

        void put(const Event& event) {
            const bool was_empty = waiting.empty();
            if (waiting.size() >= most) {
                Event resync;
                resync.kind = Event::Kind::resync;
                resync.sequence = event.sequence;
                waiting = {resync};
            } else {
                waiting.push_back(event);
            }
            if (was_empty) {
                wake();
            }
        }

        std::shared_ptr<Impl> hub;
        std::size_t most;
        std::function<void()> wake;
        std::deque<Event> waiting;
    };

    std::vector<Ring*> rings;
    std::deque<Event> kept;
    u64 sequence = 0;
};

EventHub::EventHub() : impl_(std::make_shared<Impl>()) {}

EventHub::~EventHub() = default;

std::unique_ptr<EventHub::Subscription>
EventHub::subscribe(std::size_t ring_max, std::function<void()> wake) {
    return std::make_unique<Impl::Ring>(impl_, ring_max, std::move(wake));
}

u64 EventHub::publish(Event event) {
    event.sequence = ++impl_->sequence;
    impl_->kept.push_back(event);
    for (Impl::Ring* ring : impl_->rings) {
        ring->put(event);
    }
    return event.sequence;
}

std::vector<Event> EventHub::recent(std::size_t max) const {
    const auto skip = impl_->kept.size() > max ? impl_->kept.size() - max : 0;
    return {impl_->kept.begin() + static_cast<std::ptrdiff_t>(skip), impl_->kept.end()};
}

} // namespace vbmc::fleet
