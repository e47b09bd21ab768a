// A new node: checked, given an address and a port, bound, kept, and only then there. What fails on
// the way leaves nothing behind.

#include "base/log.h"
#include "fleet/credentials.h"
#include "fleet/fleet_impl.h"
#include "net/clock.h"

#include <algorithm>
#include <utility>

namespace vbmc::fleet {

namespace {

constexpr u16 ipmi_port = 623;
constexpr unsigned bind_attempts = 256; // of ports that other programs have
constexpr std::string_view default_user = "admin";

/// The model's users of a new node, with ids; the password that was made up, if one was.
Result<std::vector<bmc::User>>
new_users(const std::vector<UserSpec>& wanted, Entropy& entropy, Secret& generated) {
    std::vector<UserSpec> specs = wanted;
    if (specs.empty()) {
        UserSpec admin;
        admin.name = default_user;
        specs.push_back(std::move(admin));
    }
    if (specs.size() == 1 && specs[0].password.empty()) {
        generated = make_password(entropy);
        specs[0].password = generated;
    }
    bmc::Users slots;
    for (UserSpec& spec : specs) { // chosen ids first: the others get what is left
        if (spec.id != 0 && slots.find(spec.id) != nullptr) {
            return Error(ErrorCode::invalid_argument, "two users have the same id")
                .with_field("user.id");
        }
        if (spec.id != 0) {
            slots.edit(spec.id);
        }
    }
    for (UserSpec& spec : specs) {
        if (auto fits = check_user(spec, true); fits.has_error()) {
            return fits.error();
        }
        const Secret name(std::string_view(spec.name));
        if (slots.name_taken(name.reveal_bytes(), spec.id)) {
            return Error(ErrorCode::invalid_argument, "two users are named '" + spec.name + "'")
                .with_field("user.name");
        }
        if (spec.id == 0) {
            spec.id = slots.free_slot();
        }
        if (spec.id == 0 || !slots.set(to_model(spec, bmc::User{}))) {
            return Error(ErrorCode::resource_exhausted, "a node has 15 users at most")
                .with_field("users");
        }
    }
    return slots.list();
}

/// A UUID as the model writes it, and a first etag.
void give_identity(NodeSpec& spec, Entropy& entropy) {
    if (spec.uid.empty()) {
        spec.uid = make_uuid(entropy);
    }
    std::transform(spec.uid.begin(), spec.uid.end(), spec.uid.begin(), [](char c) {
        return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    spec.etag = make_etag(entropy);
}

} // namespace

/// A name and an endpoint that nobody else may take meanwhile.
struct Fleet::Impl::Reservation {
    Reservation(Impl& fleet_, std::string name_) : fleet(fleet_), name(std::move(name_)) {
        fleet.coming_.insert(name);
    }

    ~Reservation() {
        fleet.coming_.erase(name);
        move_to(std::nullopt);
    }

    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;

    Result<void> move_to(std::optional<Peer> next) {
        if (endpoint) {
            fleet.addresses_.release(*endpoint);
            endpoint.reset();
        }
        if (next) {
            auto claimed = fleet.addresses_.claim(*next, name);
            if (claimed.has_error()) {
                return claimed;
            }
            endpoint = next;
        }
        return {};
    }

    /// The node is there: it owns the endpoint from now on.
    void keep() { endpoint.reset(); }

    Impl& fleet;
    std::string name;
    std::optional<Peer> endpoint;
};

u32 Fleet::Impl::quietest_shard() const {
    return static_cast<u32>(std::min_element(load_.begin(), load_.end()) - load_.begin());
}

void Fleet::Impl::enrol(const EntryPtr& entry) {
    nodes_.insert(entry);
    if (const auto uid = parse_uuid(entry->spec.uid())) {
        by_uid_[*uid] = entry;
    }
    ++load_[entry->shard];
}

Result<void> Fleet::Impl::check_new(const CreateRequest& request) const {
    const NodeSpec& spec = request.spec;
    if (auto fits = check_name(spec.name); fits.has_error()) {
        return fits;
    }
    if (nodes_.contains(spec.name) || coming_.contains(spec.name)) {
        return Error(
                   ErrorCode::already_exists, "NODE_EXISTS", "there is a node '" + spec.name + "'"
        )
            .with_field("name")
            .with_hint("choose another name, or change that one: vbmcctl set " + spec.name);
    }
    if (nodes_.size() + coming_.size() >= config_.nodes_max) {
        return Error(
                   ErrorCode::resource_exhausted,
                   "NODES_MAX",
                   "this vbmcd serves " + std::to_string(config_.nodes_max) + " nodes at most"
        )
            .with_hint("raise nodes-max in vbmcd.yaml");
    }
    if (!spec.uid.empty() && !parse_uuid(spec.uid)) {
        return Error(ErrorCode::invalid_argument, "'" + spec.uid.substr(0, 64) + "' is no UUID")
            .with_field("uid");
    }
    if (const EntryPtr other = find_uid(spec.uid)) {
        return Error(
                   ErrorCode::already_exists,
                   "UID_EXISTS",
                   "node '" + other->spec.name() + "' has this UUID"
        )
            .with_field("uid");
    }
    return {};
}

Result<void> Fleet::Impl::choose_address(CreateRequest& request) const {
    if (request.address_auto) {
        auto address = addresses_.free_address();
        if (address.has_error()) {
            return address.error();
        }
        request.spec.address = *address;
    } else if (request.spec.address == IpAddress{} && !request.any_address) {
        request.spec.address = config_.default_address;
    }
    return {};
}

/// The next port to try behind `after` (0: the first). An address of the node's own has IPMI's port
/// free as a rule, and clients expect it there.
Result<void> Fleet::Impl::choose_port(CreateRequest& request, u16 after) const {
    NodeSpec& spec = request.spec;
    const bool own_address = spec.address != config_.default_address;
    if (after == 0 && own_address && addresses_.owner({spec.address, ipmi_port}).empty()) {
        spec.port = ipmi_port;
        return {};
    }
    auto port = addresses_.free_port(spec.address, after == ipmi_port ? u16{0} : after);
    if (port.has_error()) {
        return port.error();
    }
    spec.port = *port;
    return {};
}

/// Finds a port that can be bound, and binds it.
Awaitable<Result<void>>
Fleet::Impl::bind_new(EntryPtr entry, CreateRequest& request, Reservation& reserved) {
    NodeSpec& spec = request.spec;
    const net::UdpOptions options = udp_options();
    for (unsigned attempt = 0;; ++attempt) {
        const Peer local{spec.address, spec.port};
        Result<void> bound = reserved.move_to(local);
        if (bound.has_value() && spec.enabled) {
            auto prepare = [local, options](Node& node) { return node.prepare(local, options); };
            bound = co_await on_node(entry, prepare);
        }
        if (bound.has_value() || !request.port_auto || attempt == bind_attempts) {
            co_return bound;
        }
        const std::string reason = bound.error().reason;
        const bool other_port_may_do =
            reason == "ENDPOINT_IN_USE" || (reason == "MISSING_CAPABILITY" && spec.port < 1024);
        if (!other_port_may_do) {
            co_return bound;
        }
        Result<void> chosen = choose_port(request, spec.port);
        if (chosen.has_error()) {
            co_return chosen;
        }
    }
}

/// Fills in address and port where they are ours to choose, and checks what that makes.
Result<void> Fleet::Impl::settle_spec(CreateRequest& request) const {
    if (auto fits = check_new(request); fits.has_error()) {
        return fits;
    }
    if (auto chosen = choose_address(request); chosen.has_error()) {
        return chosen;
    }
    request.port_auto = request.port_auto || request.spec.port == 0;
    if (request.port_auto) {
        if (auto chosen = choose_port(request, 0); chosen.has_error()) {
            return chosen;
        }
    }
    return check_spec(request.spec);
}

Awaitable<Result<std::shared_ptr<Node>>>
Fleet::Impl::make_node(std::size_t index, NodeSetup setup) {
    ShardState* state = states_[index].get();
    auto make = [state, setup = std::move(setup)]() mutable {
        return Node::make(*state, std::move(setup));
    };
    boost::asio::io_context& there = shards_[index].context();
    co_return co_await net::run_on(there, std::move(make));
}

/// Bound and about to answer: first it has to be on the disk.
Awaitable<Result<void>> Fleet::Impl::keep_new(EntryPtr entry) {
    auto save = [](Node& node) { return node.save(bmc::Section::users); };
    std::vector<store::SectionBlob> sections;
    sections.push_back(co_await on_node(entry, save));
    NodeSpec spec = entry->spec.open();
    co_return co_await put(std::move(spec), std::move(sections));
}

Awaitable<Result<CreateResult>> Fleet::Impl::create(CreateRequest request) {
    NodeSpec& spec = request.spec;
    if (Result<void> settled = settle_spec(request); settled.has_error()) {
        co_return settled.error();
    }
    auto targets = check_targets(spec, config_.credentials);
    if (targets.has_error()) {
        co_return targets.error();
    }
    Result<void> may = check_target_references(spec, *config_.credentials);
    if (may.has_error()) {
        co_return may.error();
    }
    CreateResult result;
    auto users = new_users(request.users, entropy_, result.generated_password);
    if (users.has_error()) {
        co_return users.error();
    }
    Reservation reserved(*this, spec.name);
    Result<void> free = reserved.move_to(Peer{spec.address, spec.port});
    if (free.has_error() && !request.port_auto) {
        co_return free.error();
    }
    give_identity(spec, entropy_);

    NodeSetup setup;
    setup.name = spec.name;
    setup.uid = spec.uid;
    setup.local = Peer{spec.address, spec.port};
    setup.policy = spec.policy;
    setup.targets = std::move(*targets);
    setup.users = std::move(*users);
    auto entry = std::make_shared<Entry>();
    entry->shard = quietest_shard();
    auto made = co_await make_node(entry->shard, std::move(setup));
    if (made.has_error()) {
        co_return made.error();
    }
    entry->node = std::move(*made);
    Result<void> bound = co_await bind_new(entry, request, reserved);
    if (bound.has_error()) {
        co_return bound.error();
    }
    entry->spec = KeptSpec(spec);
    if (request.validate_only) {
        result.generated_password.clear();
        const NodeSeen nothing;
        result.node = view_of(*entry, nothing);
        result.node.spec.uid.clear();
        result.node.spec.etag.clear();
        co_return result;
    }
    Result<void> kept = co_await keep_new(entry);
    if (kept.has_error()) {
        co_return kept.error();
    }
    reserved.keep();
    const Turn::Held held = co_await entry->turn.take(); // at once: nobody knows it yet
    enrol(entry);
    tell(*entry, Event::Kind::node_added, request.who, "added"); // before anything else of it
    if (spec.enabled) {
        auto serve = [](Node& node) { node.serve(); };
        co_await on_node(entry, serve);
        brought_up(*entry);
    }
    const Peer local{spec.address, spec.port};
    log(Level::info, "node.added", {{"node", spec.name}, {"endpoint", local.to_string()}});
    result.node = co_await view(entry);
    co_return result;
}

} // namespace vbmc::fleet
