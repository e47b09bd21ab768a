#pragma once
// A cloud account as all nodes of a shard share it: calls with its token, its rate limit, and one
// listing of machines for all who look at theirs. An account is its cloud, URL and token: a rotated
// token is another account. On its shard's thread; lives as long as a driver or a call holds it.
// Only the rate limit's pause is shared between shards.

#include "backend/driver.h"
#include "backend/metal/reply.h"
#include "net/http_client.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace vbmc::backend::metal {

/// What makes two nodes share an account.
struct AccountKey {
    const Provider* provider = nullptr;
    std::string url; // without a slash at the end
    std::string token_url;
    std::string client_id;
    std::string zone;
    net::TlsOptions tls;
    std::string token_digest;

    friend auto operator<=>(const AccountKey&, const AccountKey&) = default;
};

/// A machine as it was seen, and since when that holds.
struct Sighting {
    Record record;
    Mono asked_at{}; // the call that told it began then
};

class Account : public std::enable_shared_from_this<Account> {
  public:
    Account(const DriverContext& context, AccountKey key, Secret token);
    ~Account();
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;

    const Provider& provider() const noexcept { return *key_.provider; }

    /// One call; its reply when that is a success. `subject` must outlive the call.
    Awaitable<Result<net::HttpResponse>>
    call(Call what, Places places, const Subject& subject, Mono deadline);

    /// The machine as it is: from a listing that began after `since` when several nodes share one,
    /// or from a look of its own. An empty project: not known yet.
    Awaitable<Result<Sighting>>
    look(std::string id, std::string project, Mono since, Mono deadline);

    Awaitable<Result<std::vector<Record>>> list(std::string project, Mono deadline);

    /// Called with what a listing or a project's events say of the machine, until the handle goes.
    struct Watcher {
        std::function<void(const Sighting&)> seen;
        std::function<void(const CloudEvent&)> happened;
    };

    std::shared_ptr<void> watch(std::string id, std::string project, Watcher watcher);

    /// Reads the project's events when that is `gap` ago; the watchers hear of new ones.
    void look_at_events(const std::string& project, Duration gap);

  private:
    struct Watch {
        std::string id;
        Watcher watcher;
    };

    struct Listing {
        std::vector<std::weak_ptr<Watch>> watches;
        std::map<std::string, Record> records;
        Mono asked_at = Mono::min();
        Mono ended_at = Mono::min();
        Mono began_at = Mono::min(); // of the one under way
        std::size_t pages = 1;
        std::optional<Error> failure; // of the last one
        bool under_way = false;
        Mono events_at = Mono::min(); // read next
        bool events_read = false;
        std::set<std::string> events; // the latest ids; what was there at first is old
    };

    /// Until when the API allows no call: known to all shards as soon as one has learned it.
    struct Pause {
        std::atomic<Duration::rep> until = Mono::min().time_since_epoch().count();
    };

    Mono not_before() const noexcept { return Mono(Duration(pause_->until.load())); }

    void pause_until(Mono when) noexcept;
    Awaitable<Result<void>> wait_for_turn(bool reads, const Subject& subject, Mono deadline);
    Awaitable<Result<Secret>> bearer(const Subject& subject, Mono deadline);
    Awaitable<Result<Secret>> fetch_token(Mono deadline);
    Awaitable<Result<net::HttpResponse>> send(net::HttpRequest request, Mono deadline);
    Awaitable<Result<Sighting>> look_alone(std::string id, Mono deadline);
    Awaitable<void> refresh(std::shared_ptr<Account> self, std::string project);
    Awaitable<void> read_project_events(std::shared_ptr<Account> self, std::string project);
    bool shares(Listing& listing) const;
    static void tell(Listing& listing);

    Mono now() const { return context_.now().mono; }

    DriverContext context_;
    AccountKey key_;
    Secret token_;
    std::shared_ptr<net::HttpClient> http_;
    std::map<std::string, std::shared_ptr<Listing>> listings_; // by project
    std::shared_ptr<Pause> pause_;
    Mono next_read_ = Mono::min(); // reads are spread
    Secret bearer_;
    Mono bearer_until_ = Mono::min();
    bool fetching_token_ = false;
};

/// The shard's account for this key, made when there is none.
std::shared_ptr<Account>
shared_account(const DriverContext& context, const AccountKey& key, const Secret& token);

/// Tells tokens apart without keeping one.
std::string digest_of(const Secret& token);

} // namespace vbmc::backend::metal
