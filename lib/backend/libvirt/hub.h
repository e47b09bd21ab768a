#pragma once
// One connection to a libvirt host, shared by all nodes of that URI. Blocking calls run on a few
// threads of its own; its state lives on the desk. It connects when somebody needs it, again when
// it was lost, and tells every listener what happened to its domain. Hub is the handle that drivers
// hold; the connection ends with the last of them.

#include "backend/libvirt/fault.h"
#include "backend/libvirt/library.h"
#include "base/secret.h"
#include "bmc/power_types.h"
#include "net/awaitable.h"
#include "net/clock.h"

#include <functional>
#include <libvirt/libvirt.h>
#include <memory>
#include <optional>
#include <string>

namespace vbmc::backend::libvirt {

/// Where, and how to log in there.
struct Access {
    std::string uri;
    std::string username;                     // empty: libvirt is not told any
    std::function<Result<Secret>()> password; // asked at each log-in
};

/// What a listener hears of its domain.
struct Notice {
    enum class What : u8 {
        power,     // it is in `state`
        started,   // the same, and it went through a cold start
        restarted, // it was reset, by whomever
        lost,      // the host does not answer, or no longer knows the domain: look at it
    };

    What what = What::power;
    bmc::PowerState state = bmc::PowerState::unknown;
};

/// Whoever wants to hear: owned by a driver, called on its shard.
struct Listener {
    explicit Listener(boost::asio::io_context& shard_) : shard(shard_) {}

    boost::asio::io_context& shard;
    std::string domain; // its name or, in lower case, its UUID
    std::function<void(const Notice&)> hear;
};

/// A call that waits for its result, on a shard. Ends once: done, or given up.
struct Wait {
    void finish(bool done);

    std::function<void(bool)> resume;
    std::shared_ptr<Wait> self; // alive until it has ended
    std::shared_ptr<std::atomic<bool>> given_up = std::make_shared<std::atomic<bool>>(false);
};

/// One blocking call. Those of one lane run one after the other: what hangs holds up its own
/// successors and never takes a second thread. Other lanes overtake it.
struct Job {
    std::string lane;
    Mono deadline{};
    std::function<void(virConnectPtr)> run;   // on a thread of the pool
    std::function<void(const Error&)> refuse; // instead of it
    std::function<void()> done;               // on the desk, after either
    std::shared_ptr<std::atomic<bool>> given_up;
};

class HubCore;

class Hub {
  public:
    /// `own`: kept for as long as this hub, when no Commons keeps it.
    Hub(std::shared_ptr<Desk> desk, Access access, std::shared_ptr<Library> own);
    ~Hub();
    Hub(const Hub&) = delete;
    Hub& operator=(const Hub&) = delete;

    /// The one for this access, shared through `commons` (may be null).
    static std::shared_ptr<Hub> get(Commons* commons, Access access);

    void listen(std::weak_ptr<Listener> listener);

    /// For what goes on beside calls: consoles.
    const std::shared_ptr<Desk>& desk() const noexcept { return desk_; }

    const std::shared_ptr<boost::asio::io_context>& pool() const noexcept { return pool_; }

    /// False: given up (at the deadline, or the node is gone); the job may still run.
    net::Awaitable<bool> carry_out(boost::asio::io_context& shard, Job job);

  private:
    std::shared_ptr<Library> own_;
    std::shared_ptr<Desk> desk_;
    std::shared_ptr<boost::asio::io_context> pool_;
    std::shared_ptr<HubCore> core_;
};

/// Whom a call is about, for texts, and which lane it takes.
struct Place {
    Whom whom;
    std::string lane;
};

/// Calls `work` on a thread of the hub's with its connection; resumes on the shard.
template <class T>
net::Awaitable<Result<T>> call(
    std::shared_ptr<Hub> hub,
    boost::asio::io_context& shard,
    Place place,
    Mono deadline,
    std::function<Result<T>(virConnectPtr)> work
) {
    auto answer = std::make_shared<std::optional<Result<T>>>();
    Job job;
    job.lane = place.lane;
    job.deadline = deadline;
    job.run = [answer, work = std::move(work)](virConnectPtr connection) {
        answer->emplace(work(connection));
    };
    job.refuse = [answer](const Error& why) { answer->emplace(why); };
    const bool done = co_await hub->carry_out(shard, std::move(job));
    if (!done) { // the answer may be written this moment
        co_return trouble(
            place.whom, ErrorCode::deadline_exceeded, "libvirt did not answer in time"
        );
    }
    co_return std::move(**answer);
}

} // namespace vbmc::backend::libvirt
