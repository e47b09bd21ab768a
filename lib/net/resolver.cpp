#include "net/resolver.h"

#include "net/sleep.h"
#include "net/thread.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <netdb.h>
#include <system_error>
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

Error no_thread(const std::string& host) {
    return Error(
               ErrorCode::unavailable,
               "NAME_NOT_RESOLVED",
               "the host name " + host + " cannot be looked up: no thread can be started"
    )
        .with_hint("raise the limit of threads (systemd: TasksMax), or give an address instead");
}

std::atomic<unsigned> under_way{0}; // lookups of the process

bool take_place() noexcept {
    if (under_way.fetch_add(1) < Resolver::lookups_max) {
        return true;
    }
    under_way.fetch_sub(1);
    return false;
}

/// Owned by whoever waits for it and by its thread: the last of them frees it.
class Lookup {
  public:
    explicit Lookup(std::string host) : host_(std::move(host)) {}

    ~Lookup() {
        if (found_ != nullptr) {
            ::freeaddrinfo(found_);
        }
    }

    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;

    /// Blocks. On a thread of its own.
    void run() noexcept {
        addrinfo hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = AI_ADDRCONFIG;
        code_ = ::getaddrinfo(host_.c_str(), nullptr, &hints, &found_);
        ended_.store(true, std::memory_order_release);
    }

    /// True: what it came to may be read.
    bool ended() const noexcept { return ended_.load(std::memory_order_acquire); }

    int code() const noexcept { return code_; }

    std::vector<tcp::endpoint> endpoints(u16 port) const {
        std::vector<tcp::endpoint> all;
        for (const addrinfo* at = found_; at != nullptr && all.size() < addresses_max;
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

  private:
    std::string host_;
    addrinfo* found_ = nullptr;
    int code_ = 0;
    std::atomic<bool> ended_{false};
};

/// With a place taken, which its thread gives back.
bool start(const std::shared_ptr<Lookup>& lookup) {
    try {
        NamedThread thread("resolve", [lookup] {
            lookup->run();
            under_way.fetch_sub(1);
        });
        thread.detach();
        return true;
    } catch (const std::system_error&) {
        under_way.fetch_sub(1);
        return false;
    }
}

} // namespace

Awaitable<Result<std::vector<tcp::endpoint>>>
Resolver::resolve(std::string host, u16 port, Mono deadline) {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(host, error);
    std::vector<tcp::endpoint> found;
    if (!error) {
        found.emplace_back(address, port);
        co_return found;
    }
    const auto lookup = std::make_shared<Lookup>(host);
    bool begun = false;
    for (Duration gap = first_gap; !lookup->ended(); gap = std::min(gap * 2, last_gap)) {
        if (!begun && take_place()) {
            begun = true;
            if (!start(lookup)) {
                co_return no_thread(host);
            }
        }
        const Mono now = clock_().mono;
        if (now >= deadline) {
            co_return resolve_timeout(host);
        }
        const Mono next = std::min(now + gap, deadline);
        co_await sleep_until(timers_, next);
    }
    if (lookup->code() != 0) {
        co_return resolve_error(host, lookup->code());
    }
    found = lookup->endpoints(port);
    if (found.empty()) {
        co_return resolve_error(host, EAI_NONAME);
    }
    co_return found;
}

} // namespace vbmc::net
