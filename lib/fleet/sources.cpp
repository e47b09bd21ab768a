#include "fleet/sources.h"

#include "base/log.h"
#include "fleet/sources_entry.h"
#include "net/clock.h"
#include "store/store.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace vbmc::fleet {

namespace {

constexpr std::size_t sources_max = 1000;
constexpr Duration first_look_within = std::chrono::seconds(30); // behind a start of vbmcd

Error no_such_source(const std::string& name) {
    return Error(
               ErrorCode::not_found,
               "SOURCE_NOT_FOUND",
               "there is no source '" + name.substr(0, 80) + "'"
    )
        .with_field("name")
        .with_hint("vbmcctl source list");
}

Duration duration(double seconds) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

} // namespace

Sources::Sources(
    boost::asio::io_context& control,
    Fleet& fleet,
    store::Store& store,
    std::shared_ptr<const backend::CredentialRules> rules
)
    : control_(control), fleet_(fleet), store_(store), rules_(std::move(rules)),
      timer_(control.get_executor()), ended_(control.get_executor()) {
    if (!rules_) {
        rules_ = std::make_shared<const backend::CredentialRules>();
    }
    ended_.expires_at(Timer::time_point::max());
}

Sources::~Sources() = default;

Result<void> Sources::start() {
    auto stored = store_.load_sources();
    if (stored.has_error()) {
        return stored.error();
    }
    for (const store::StoredSource& one : *stored) {
        auto entry = std::make_shared<Entry>();
        auto spec = source_from_record(one.record);
        entry->spec.name = one.record.name;
        if (spec.has_value()) {
            entry->spec = std::move(*spec);
        }
        if (spec.has_error() || one.damage) {
            const Error why = one.damage ? *one.damage : spec.error();
            entry->unusable = true;
            entry->status.last_error = describe(why);
            log(Level::error,
                "source.unusable",
                {{"source", entry->spec.name}, {"error", describe(why)}});
        }
        all_[entry->spec.name] = entry;
        const Duration most = std::min(duration(entry->spec.interval_s), first_look_within);
        schedule(*entry, most * jitter(*entry, 100) / 100);
    }
    arm();
    return {};
}

Awaitable<void> Sources::stop() {
    stopping_ = true;
    timer_.cancel();
    fleet_.stop_discovering();
    constexpr auto token =
        boost::asio::as_tuple(boost::asio::use_awaitable_t<boost::asio::io_context::executor_type>()
        );
    while (looking_ > 0) {
        co_await ended_.async_wait(token);
    }
}

Result<Sources::EntryPtr> Sources::find(const std::string& name) const {
    const auto at = all_.find(name);
    if (at == all_.end()) {
        return no_such_source(name);
    }
    return at->second;
}

SourceView Sources::view(const Entry& entry) {
    SourceView view;
    view.spec = entry.spec;
    view.status = entry.status;
    return view;
}

Result<SourceView> Sources::get(const std::string& name) const {
    const auto found = find(name);
    if (found.has_error()) {
        return found.error();
    }
    return view(**found);
}

std::vector<SourceView> Sources::list() const {
    std::vector<SourceView> out;
    for (const auto& [name, entry] : all_) {
        out.push_back(view(*entry));
    }
    return out;
}

/// On the disk, or why not.
Awaitable<Result<void>> Sources::keep(SourceSpec spec) {
    auto record = to_record(spec, net::now().wall);
    auto write = [this, record = std::move(record)](store::Done done) mutable {
        store_.put_source(std::move(record), std::move(done));
    };
    co_return co_await stored(control_, std::move(write));
}

Awaitable<Result<SourceView>>
Sources::create(SourceSpec spec, bool validate_only, std::string who) {
    if (Result<void> fits = check_source(spec, *rules_); fits.has_error()) {
        co_return fits.error();
    }
    if (all_.contains(spec.name)) {
        Error error(
            ErrorCode::already_exists,
            "SOURCE_EXISTS",
            "there is a source '" + spec.name + "' already"
        );
        co_return std::move(error).with_field("name");
    }
    if (all_.size() >= sources_max) {
        co_return Error(ErrorCode::resource_exhausted, "there are 1000 sources already");
    }
    auto entry = std::make_shared<Entry>();
    entry->spec = spec;
    if (validate_only) {
        auto found = co_await fleet_.discover(spec.kind, spec.options);
        if (found.has_error()) {
            co_return found.error();
        }
        for (const backend::Found& machine : *found) {
            entry->status.machines += spec.selector.fits(machine) ? 1 : 0;
        }
        co_return view(*entry);
    }
    all_[spec.name] = entry; // nobody else may take the name meanwhile
    const Turn::Held held = co_await entry->turn.take();
    Result<void> kept = co_await keep(spec);
    if (kept.has_error()) {
        all_.erase(spec.name);
        entry->removed = true;
        co_return kept.error();
    }
    tell(*entry, who, "", "added");
    log(Level::info, "source.added", {{"source", spec.name}, {"kind", spec.kind}});
    schedule(*entry, Duration::zero());
    arm();
    co_return view(*entry);
}

Awaitable<Result<SourceView>>
Sources::update(std::string name, SourceChange change, std::string who) {
    const auto found = find(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    const Turn::Held held = co_await entry->turn.take();
    if (entry->removed) {
        co_return no_such_source(name);
    }
    SourceSpec next = entry->spec;
    next.paused = change.paused.value_or(next.paused);
    next.interval_s = change.interval_s.value_or(next.interval_s);
    next.grace_s = change.grace_s.value_or(next.grace_s);
    next.selector = change.selector.value_or(next.selector);
    for (const auto& [key, value] : change.options) {
        next.options[key] = value;
        if (value.empty()) {
            next.options.erase(key);
        }
    }
    if (Result<void> fits = check_source(next, *rules_); fits.has_error()) {
        co_return fits.error();
    }
    if (next != entry->spec) {
        Result<void> kept = co_await keep(next);
        if (kept.has_error()) {
            co_return kept.error();
        }
        const bool pause = next.paused != entry->spec.paused;
        entry->spec = std::move(next);
        entry->failures = 0;
        tell(*entry, who, "", !pause ? "changed" : entry->spec.paused ? "paused" : "resumed");
    }
    if (change.look_now || !entry->spec.paused) {
        schedule(*entry, Duration::zero());
        arm();
    }
    co_return view(*entry);
}

Awaitable<std::vector<NodeSpec>> Sources::nodes_of(std::string source) {
    std::vector<NodeView> nodes = co_await fleet_.list();
    std::vector<NodeSpec> own;
    for (NodeView& node : nodes) {
        if (node.spec.source == source) {
            own.push_back(std::move(node.spec));
        }
    }
    co_return own;
}

Awaitable<Result<void>> Sources::remove(std::string name, bool remove_nodes, std::string who) {
    const auto found = find(name);
    if (found.has_error()) {
        co_return found.error();
    }
    const EntryPtr entry = *found;
    const Turn::Held held = co_await entry->turn.take();
    if (entry->removed) {
        co_return no_such_source(name);
    }
    if (!entry->unusable) { // a crash on the way must not find it registering anew
        SourceSpec paused = entry->spec;
        paused.paused = true;
        Result<void> kept = co_await keep(paused);
        if (kept.has_error()) {
            co_return kept;
        }
        entry->spec.paused = true;
    }
    const std::vector<NodeSpec> nodes = co_await nodes_of(name);
    for (const NodeSpec& node : nodes) {
        Result<void> done;
        if (remove_nodes) {
            done = co_await fleet_.remove(node.name, node.etag);
        } else {
            done = co_await fleet_.disown(node.name);
        }
        if (done.has_error() && done.error().code != ErrorCode::not_found) {
            co_return done;
        }
    }
    auto write = [this, name](store::Done done) { store_.remove_source(name, std::move(done)); };
    Result<void> forgotten = co_await stored(control_, std::move(write));
    if (forgotten.has_error() && forgotten.error().code != ErrorCode::not_found) {
        co_return forgotten;
    }
    entry->removed = true;
    all_.erase(name);
    tell(*entry, who, "", remove_nodes ? "removed with its nodes" : "removed");
    log(Level::info, "source.removed", {{"source", name}});
    co_return Result<void>();
}

void Sources::tell(
    const Entry& entry, const std::string& who, const std::string& node, std::string message
) {
    Event event;
    event.kind = Event::Kind::source;
    event.node = node;
    event.who = who;
    event.fields["source"] = entry.spec.name;
    event.message = "source " + entry.spec.name + ": " + std::move(message);
    fleet_.publish(std::move(event));
}

// The schedule: one timer for all, at most a few looks at a time.

u32 Sources::jitter(const Entry& entry, u32 below) {
    random_ = random_ * 1664525U + 1013904223U +
              static_cast<u32>(std::hash<std::string>()(entry.spec.name));
    return (random_ >> 8) % below;
}

void Sources::schedule(Entry& entry, Duration pause) {
    const Now now = net::now();
    entry.look_at = now.mono + pause;
    entry.status.next_look =
        now.wall + std::chrono::duration_cast<std::chrono::milliseconds>(pause);
}

void Sources::arm() {
    Mono next = never;
    for (const auto& [name, entry] : all_) {
        if (entry->may_look()) {
            next = std::min(next, entry->look_at);
        }
    }
    if (next == never || stopping_) {
        timer_.cancel();
        return;
    }
    timer_.expires_at(net::to_steady(next));
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
            on_time();
        }
    });
}

void Sources::on_time() {
    const Mono now = net::now().mono;
    for (const auto& [name, entry] : all_) {
        if (looking_ < looks_max && entry->may_look() && entry->look_at <= now) {
            entry->looking = true;
            ++looking_;
            boost::asio::co_spawn(control_.get_executor(), look(entry), boost::asio::detached);
        }
    }
    if (looking_ < looks_max) {
        arm();
    } // else the end of a look does
}

Awaitable<void> Sources::look(EntryPtr entry) {
    try {
        co_await look_in_turn(entry);
    } catch (const std::exception& error) {
        log(Level::error, "source.fault", {{"source", entry->spec.name}, {"error", error.what()}});
        failed(*entry, Error(ErrorCode::internal, "a bug in vbmcd, see its log"));
    }
    entry->looking = false;
    --looking_;
    ended_.cancel();
    arm();
}

} // namespace vbmc::fleet
