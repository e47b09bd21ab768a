#pragma once
// What all nodes of a shard share that go to one backend host: a cap on calls in flight and a
// breaker, so that one dead cloud cannot starve the rest. After some failures in a row calls fail
// at once for a growing while; then a single one tries.

#include "base/result.h"
#include "base/time.h"
#include "net/awaitable.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace vbmc::fleet {

class HostGate {
  public:
    explicit HostGate(std::string host) : host_(std::move(host)) {}

    HostGate(const HostGate&) = delete;
    HostGate& operator=(const HostGate&) = delete;

    /// A place for one call, or an error while the breaker is open. May wait; leave() afterwards.
    net::Awaitable<Result<void>> enter(Now (*clock)());

    /// `silence`: why the host did not answer; null: it said anything at all, be it an error.
    void leave(Mono now, const Error* silence);

    const std::string& host() const noexcept { return host_; }

    unsigned in_flight() const noexcept { return in_flight_; }

    bool is_open(Mono now) const noexcept { return now < open_until_; }

    static constexpr unsigned calls_max = 8;
    static constexpr unsigned failures_max = 5; // in a row, then the breaker opens
    static constexpr Duration open_min = std::chrono::seconds(1);
    static constexpr Duration open_max = std::chrono::seconds(30);

  private:
    Error refused(Mono now) const;

    std::string host_;
    unsigned in_flight_ = 0;
    unsigned failures_ = 0; // in a row
    Duration open_for_ = open_min;
    Mono open_until_ = Mono::min();
    bool trying_ = false;        // the one call after an open breaker
    std::unique_ptr<Error> why_; // it did not answer last
    std::deque<std::function<void()>> waiting_;
};

/// The gates of a shard by host. A gate lives as long as a node uses it.
class HostGates {
  public:
    /// nullptr for an empty host.
    std::shared_ptr<HostGate> get(const std::string& host);

  private:
    std::map<std::string, std::weak_ptr<HostGate>> gates_;
};

} // namespace vbmc::fleet
