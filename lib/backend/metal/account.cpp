#include "backend/metal/account.h"

#include "net/sleep.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <utility>

namespace vbmc::backend::metal {

namespace {

constexpr Duration read_gap = std::chrono::milliseconds(25); // between the starts of two reads
constexpr Duration shared_for = std::chrono::seconds(1);     // a listing that ended is as good
constexpr Duration listing_limit = std::chrono::seconds(60);
constexpr Duration page_limit = std::chrono::seconds(20);
constexpr Duration token_spare = std::chrono::seconds(30);
constexpr Duration wait_gap_max = std::chrono::milliseconds(50);
constexpr std::size_t pages_max = 200;
constexpr std::size_t machines_max = 20'000;
constexpr std::size_t reply_bytes_max = std::size_t{1} << 20;
constexpr std::size_t page_bytes_max = std::size_t{8} << 20;

/// The accounts of a shard: its io_context owns one of these.
class Accounts final : public boost::asio::execution_context::service {
  public:
    using key_type = Accounts;
    static inline boost::asio::execution_context::id id;

    explicit Accounts(boost::asio::execution_context& owner)
        : boost::asio::execution_context::service(owner) {}

    std::map<AccountKey, std::weak_ptr<Account>> all;

  private:
    void shutdown() override {}
};

/// Resets a flag also when the coroutine is destroyed.
class Flag {
  public:
    explicit Flag(bool& flag) : flag_(flag) { flag_ = true; }

    ~Flag() { flag_ = false; }

    Flag(const Flag&) = delete;
    Flag& operator=(const Flag&) = delete;

  private:
    bool& flag_;
};

} // namespace

Account::Account(const DriverContext& context, AccountKey key, Secret token)
    : context_(context), key_(std::move(key)), token_(std::move(token)),
      http_(net::shard_client(context.shard, context.timers, context.now)) {
    const std::function<std::shared_ptr<Pause>()> make = [] { return std::make_shared<Pause>(); };
    const std::string name = "metal " + key_.url + " " + key_.client_id + " " + key_.token_digest;
    pause_ = context.commons == nullptr ? make() : context.commons->share<Pause>(name, make);
}

void Account::pause_until(Mono when) noexcept {
    const auto wanted = when.time_since_epoch().count();
    auto now = pause_->until.load();
    while (now < wanted && !pause_->until.compare_exchange_weak(now, wanted)) {
    }
}

Account::~Account() = default;

Awaitable<Result<void>> Account::wait_for_turn(bool reads, const Subject& subject, Mono deadline) {
    Mono when = now();
    if (reads) {
        when = std::max(when, next_read_);
        next_read_ = when + read_gap;
    }
    when = std::max(when, not_before());
    if (when >= deadline) {
        const auto left = std::chrono::ceil<std::chrono::seconds>(when - now()).count();
        co_return Error(
            ErrorCode::resource_exhausted,
            "BACKEND_RATE_LIMIT",
            std::string(provider().title) + " allows no more calls for " + std::to_string(left) +
                " s, " + subject.doing + " was not tried"
        )
            .with_hint("it goes on by itself; fewer clients of this token make it rarer");
    }
    if (when > now()) {
        co_await net::sleep_until(context_.timers, when);
    }
    co_return Result<void>();
}

Awaitable<Result<net::HttpResponse>> Account::send(net::HttpRequest request, Mono deadline) {
    request.tls = key_.tls;
    request.fields.emplace_back("Accept", "application/json");
    Result<net::HttpResponse> response = co_await http_->request(std::move(request), deadline);
    if (response.has_value()) {
        const Now moment = context_.now();
        if (const auto pause = pause_of(provider(), *response, moment.wall)) {
            pause_until(moment.mono + *pause);
        }
    }
    co_return response;
}

Awaitable<Result<Secret>> Account::fetch_token(Mono deadline) {
    const Flag fetching(fetching_token_);
    net::HttpRequest request(net::HttpMethod::post, key_.token_url);
    request.fields.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    request.credentials.emplace_back(
        "Authorization", net::basic_authorization(Secret(key_.client_id), token_)
    );
    request.body = "grant_type=client_credentials";
    request.body_max = reply_bytes_max;
    Result<net::HttpResponse> response = co_await send(std::move(request), deadline);
    if (response.has_error()) {
        co_return std::move(response).error();
    }
    if (!response->is_success()) {
        const Subject subject{provider(), "", "asking for a token"};
        Error why = refusal(subject, *response);
        if (response->status == 400) { // RFC 6749 §5.2: invalid_client may come as 400
            why.code = ErrorCode::unauthenticated;
            why.hint = "check client-id and the token option (the client secret)";
        }
        co_return why;
    }
    Result<Token> token = read_token(response->body);
    if (token.has_error()) {
        co_return std::move(token).error();
    }
    bearer_ = token->value;
    const Duration usable = std::max<Duration>(token->lifetime - token_spare, token->lifetime / 2);
    bearer_until_ = now() + usable;
    co_return bearer_;
}

/// The value that proves who we are, fetched or renewed when the cloud wants that.
Awaitable<Result<Secret>> Account::bearer(const Subject& subject, Mono deadline) {
    if (provider().auth != Auth::oauth2) {
        co_return token_;
    }
    while (fetching_token_ && now() < deadline) { // somebody else of this account asks already
        const Mono next = now() + wait_gap_max;
        co_await net::sleep_until(context_.timers, next);
    }
    if (now() < bearer_until_) {
        co_return bearer_;
    }
    Result<void> turn = co_await wait_for_turn(false, subject, deadline);
    if (turn.has_error()) {
        co_return std::move(turn).error();
    }
    Result<Secret> fetched = co_await fetch_token(deadline);
    co_return fetched;
}

Awaitable<Result<net::HttpResponse>>
Account::call(Call what, Places places, const Subject& subject, Mono deadline) {
    const bool reads = what.method == net::HttpMethod::get;
    places.emplace("zone", key_.zone);
    for (int attempt = 0;; ++attempt) {
        Result<void> turn = co_await wait_for_turn(reads, subject, deadline);
        if (turn.has_error()) {
            co_return std::move(turn).error();
        }
        Result<Secret> token = co_await bearer(subject, deadline);
        if (token.has_error()) {
            co_return std::move(token).error();
        }
        net::HttpRequest request(what.method, key_.url + fill_path(what.path, places));
        request.body = fill_body(what.body, places);
        request.body_max = subject.device.empty() ? page_bytes_max : reply_bytes_max;
        if (!request.body.empty()) {
            request.fields.emplace_back("Content-Type", "application/json");
        }
        if (provider().auth == Auth::x_auth_token) {
            request.credentials.emplace_back("X-Auth-Token", std::move(*token));
        } else if (provider().auth == Auth::authorization) {
            request.credentials.emplace_back("Authorization", std::move(*token));
        } else {
            Secret value("Bearer " + std::string(token->reveal()));
            request.credentials.emplace_back("Authorization", std::move(value));
        }
        Result<net::HttpResponse> response = co_await send(std::move(request), deadline);
        if (response.has_error() || response->is_success()) {
            co_return response;
        }
        const bool stale = response->status == 401 && provider().auth == Auth::oauth2;
        if (stale && attempt == 0) { // revoked before its time
            bearer_until_ = Mono::min();
            continue;
        }
        co_return refusal(subject, *response);
    }
}

Awaitable<Result<std::vector<Record>>> Account::list(std::string project, Mono deadline) {
    const Subject subject{provider(), "", "listing machines"};
    std::vector<Record> all;
    Places places;
    places.emplace("project", std::move(project));
    places.emplace("cursor", "");
    for (std::size_t number = 1; number <= pages_max; ++number) {
        places["page"] = std::to_string(number);
        const Call what{net::HttpMethod::get, provider().list, {}};
        const Mono until = std::min(deadline, now() + page_limit);
        Result<net::HttpResponse> response = co_await call(what, places, subject, until);
        if (response.has_error()) {
            co_return std::move(response).error();
        }
        Result<Page> page = read_page(provider(), response->body);
        if (page.has_error()) {
            co_return std::move(page).error();
        }
        std::move(page->records.begin(), page->records.end(), std::back_inserter(all));
        const bool goes_on = !page->next.empty() && page->next != places["cursor"];
        const bool more = provider().paging == Paging::pages ? page->items >= provider().page_size
                          : provider().paging == Paging::cursor ? goes_on
                                                                : false;
        if (!more || all.size() >= machines_max) {
            break;
        }
        places["cursor"] = page->next;
    }
    co_return all;
}

std::shared_ptr<void> Account::watch(std::string id, std::string project, Watcher watcher) {
    auto& listing = listings_[project];
    if (!listing) {
        listing = std::make_shared<Listing>();
    }
    auto handle = std::make_shared<Watch>();
    handle->id = std::move(id);
    handle->watcher = std::move(watcher);
    listing->watches.push_back(handle);
    return handle;
}

/// A listing costs a call a page, looks of their own a call a node.
bool Account::shares(Listing& listing) const {
    std::erase_if(listing.watches, [](const auto& watch) { return watch.expired(); });
    return provider().list_tells_power && listing.watches.size() >= 3 &&
           listing.watches.size() >= 2 * listing.pages;
}

void Account::tell(Listing& listing) {
    const auto watches = listing.watches; // a watcher may come or go meanwhile
    for (const auto& weak : watches) {
        const auto watch = weak.lock();
        const auto at = watch ? listing.records.find(watch->id) : listing.records.end();
        if (at != listing.records.end()) {
            const Sighting seen{at->second, listing.asked_at};
            watch->watcher.seen(seen);
        }
    }
}

Awaitable<void> Account::refresh(std::shared_ptr<Account> self, std::string project) {
    static_cast<void>(self);
    const std::shared_ptr<Listing> listing = listings_[project];
    const Flag under_way(listing->under_way);
    listing->began_at = now();
    const Mono deadline = listing->began_at + listing_limit;
    Result<std::vector<Record>> all = co_await list(std::move(project), deadline);
    listing->ended_at = now();
    listing->failure.reset();
    if (all.has_error()) {
        listing->failure = all.error();
        co_return;
    }
    listing->asked_at = listing->began_at;
    const std::size_t page = std::max(1U, provider().page_size);
    listing->pages = 1 + all->size() / page;
    listing->records.clear();
    for (Record& record : *all) {
        std::string id = record.id;
        listing->records.emplace(std::move(id), std::move(record));
    }
    tell(*listing);
}

void Account::look_at_events(const std::string& project, Duration gap) {
    const auto at = listings_.find(project);
    if (provider().events.empty() || at == listings_.end() || now() < at->second->events_at) {
        return;
    }
    at->second->events_at = now() + gap;
    auto work = read_project_events(shared_from_this(), project);
    boost::asio::co_spawn(context_.shard.get_executor(), std::move(work), boost::asio::detached);
}

Awaitable<void> Account::read_project_events(std::shared_ptr<Account> self, std::string project) {
    static_cast<void>(self);
    const std::shared_ptr<Listing> listing = listings_[project];
    const Subject subject{provider(), "", "reading events"};
    Places places;
    places.emplace("project", std::move(project));
    const Call what{net::HttpMethod::get, provider().events, {}};
    const Mono deadline = now() + page_limit;
    Result<net::HttpResponse> response = co_await call(what, places, subject, deadline);
    if (response.has_error()) {
        co_return; // a look at the machine tells the same trouble, to who wants to know
    }
    std::vector<CloudEvent> events = read_events(response->body);
    std::set<std::string> known;
    for (const CloudEvent& event : events) {
        known.insert(event.id);
    }
    std::swap(known, listing->events);
    if (!std::exchange(listing->events_read, true)) {
        co_return;
    }
    const auto watches = listing->watches; // a watcher may come or go meanwhile
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
        for (const auto& weak : watches) {
            const auto watch = weak.lock();
            if (watch && watch->id == event->device && !known.contains(event->id)) {
                watch->watcher.happened(*event);
            }
        }
    }
}

Awaitable<Result<Sighting>> Account::look_alone(std::string id, Mono deadline) {
    const Subject subject{provider(), id, "the state"};
    Places places;
    places.emplace("id", id);
    Sighting seen;
    seen.asked_at = now();
    const Call what{net::HttpMethod::get, provider().get, {}};
    Result<net::HttpResponse> response = co_await call(what, places, subject, deadline);
    if (response.has_error()) {
        co_return std::move(response).error();
    }
    Result<Record> record = read_record(provider(), response->body);
    if (record.has_error()) {
        co_return std::move(record).error();
    }
    seen.record = std::move(*record);
    co_return seen;
}

Awaitable<Result<Sighting>>
Account::look(std::string id, std::string project, Mono since, Mono deadline) {
    const auto at = listings_.find(project);
    const std::shared_ptr<Listing> listing = at == listings_.end() ? nullptr : at->second;
    if (!listing || !shares(*listing)) {
        Result<Sighting> seen = co_await look_alone(std::move(id), deadline);
        co_return seen;
    }
    const Mono called = now();
    Duration gap = std::chrono::milliseconds(5);
    while (now() < deadline) {
        const bool recent =
            listing->ended_at != Mono::min() && listing->ended_at + shared_for >= called;
        if (recent && listing->failure && listing->ended_at >= called) {
            co_return *listing->failure;
        }
        if (recent && !listing->failure && listing->asked_at > since) {
            const auto found = listing->records.find(id);
            if (found == listing->records.end()) {
                Result<Sighting> alone = co_await look_alone(std::move(id), deadline);
                co_return alone;
            }
            Sighting seen{found->second, listing->asked_at};
            co_return seen;
        }
        if (!listing->under_way) {
            listing->under_way = true;
            auto work = refresh(shared_from_this(), project);
            boost::asio::co_spawn(
                context_.shard.get_executor(), std::move(work), boost::asio::detached
            );
        }
        const Mono next = now() + gap;
        co_await net::sleep_until(context_.timers, next);
        gap = std::min(gap * 2, wait_gap_max);
    }
    co_return Error(
        ErrorCode::deadline_exceeded,
        "HTTP_TIMEOUT",
        std::string(provider().title) + " did not list its machines in time"
    )
        .with_hint("check the way to it and whether the service is up");
}

std::shared_ptr<Account>
shared_account(const DriverContext& context, const AccountKey& key, const Secret& token) {
    auto& all = boost::asio::use_service<Accounts>(context.shard).all;
    auto account = all[key].lock();
    if (!account) {
        account = std::make_shared<Account>(context, key, token);
        all[key] = account;
        std::erase_if(all, [](const auto& entry) { return entry.second.expired(); });
    }
    return account;
}

std::string digest_of(const Secret& token) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    const Bytes bytes = token.reveal_bytes();
    if (EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr) != 1) {
        return {};
    }
    return {digest, digest + size};
}

} // namespace vbmc::backend::metal
