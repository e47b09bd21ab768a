#include "net/resolver.h"

#include "net/sleep.h"

#include <algorithm>
#include <netdb.h>
#include <utility>

namespace vbmc::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr Duration first_gap = std::chrono::milliseconds(1);
constexpr Duration last_gap = std::chrono::milliseconds(50);
constexpr std::size_t addresses_max = 16;

Error resolve_error(const std::string& host, int code) {
    const bool passing = code == EAI_AGAIN;
    return Error(
               ErrorCode::unavailable,
               "NAME_NOT_RESOLVED",
               "the host name " + host + " cannot be resolved: " + ::gai_strerror(code)
    )
        .with_hint(
            passing ? "check this machine's name server, or give an address instead of the name"
                    : "check the name's spelling, or give an address instead of it"
        );
}

Error resolve_timeout(const std::string& host) {
    return Error(
               ErrorCode::deadline_exceeded,
               "NAME_NOT_RESOLVED",
               "the host name " + host + " was not resolved in time"
    )
        .with_hint("check this machine's name server, or give an address instead of the name");
}

} // namespace

struct Resolver::Lookup {
    explicit Lookup(std::string host_) : host(std::move(host_)) {
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = AI_ADDRCONFIG;
        block.ar_name = host.c_str();
        block.ar_request = &hints;
    }

    ~Lookup() {
        if (block.ar_result != nullptr) {
            ::freeaddrinfo(block.ar_result);
        }
    }

    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;

    int start() {
        gaicb* list[] = {&block};
        return ::getaddrinfo_a(GAI_NOWAIT, list, 1, nullptr);
    }

    int state() noexcept { return ::gai_error(&block); }

    std::vector<tcp::endpoint> endpoints(u16 port) const {
        std::vector<tcp::endpoint> all;
        for (const addrinfo* at = block.ar_result; at != nullptr && all.size() < addresses_max;
             at = at->ai_next) {
            tcp::endpoint endpoint;
            if (at->ai_addrlen <= endpoint.capacity()) {
                const auto* bytes = reinterpret_cast<const u8*>(at->ai_addr);
                std::copy_n(bytes, at->ai_addrlen, reinterpret_cast<u8*>(endpoint.data()));
                endpoint.resize(at->ai_addrlen);
                endpoint.port(port);
                all.push_back(endpoint);
            }
        }
        return all;
    }

    std::string host;
    addrinfo hints{};
    gaicb block{};
};

class Resolver::Holder {
  public:
    Holder(std::shared_ptr<Resolver> resolver, std::unique_ptr<Lookup> lookup)
        : resolver_(std::move(resolver)), lookup_(std::move(lookup)) {}

    ~Holder() {
        if (lookup_->state() == EAI_INPROGRESS) {
            ::gai_cancel(&lookup_->block);
        }
        if (lookup_->state() == EAI_INPROGRESS) {
            resolver_->given_up_.push_back(std::move(lookup_));
        }
    }

    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;

    Lookup& operator*() noexcept { return *lookup_; }

  private:
    std::shared_ptr<Resolver> resolver_;
    std::unique_ptr<Lookup> lookup_;
};

Resolver::Resolver(TimerQueue& timers, Now (*clock)()) : timers_(timers), clock_(clock) {}

Resolver::~Resolver() {
    sweep();
    for (auto& lookup : given_up_) {
        // The C library writes to it when it is done, also after us. At most a few, at the end.
        static_cast<void>(lookup.release());
    }
}

void Resolver::sweep() {
    std::erase_if(given_up_, [](const auto& lookup) { return lookup->state() != EAI_INPROGRESS; });
}

Awaitable<Result<std::vector<tcp::endpoint>>>
Resolver::resolve(std::string host, u16 port, Mono deadline) {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(host, error);
    std::vector<tcp::endpoint> found;
    if (!error) {
        found.emplace_back(address, port);
        co_return found;
    }
    sweep();
    Holder lookup(shared_from_this(), std::make_unique<Lookup>(host));
    int state = (*lookup).start();
    state = state == 0 ? (*lookup).state() : state;
    Duration gap = first_gap;
    while (state == EAI_INPROGRESS) {
        const Mono now = clock_().mono;
        if (now >= deadline) {
            co_return resolve_timeout(host);
        }
        const Mono next = std::min(now + gap, deadline);
        co_await sleep_until(timers_, next);
        gap = std::min(gap * 2, last_gap);
        state = (*lookup).state();
    }
    if (state != 0) {
        co_return resolve_error(host, state);
    }
    found = (*lookup).endpoints(port);
    if (found.empty()) {
        co_return resolve_error(host, EAI_NONAME);
    }
    co_return found;
}

} // namespace vbmc::net
