#pragma once
// What a backend is: a Driver, made by a DriverKind. One object a node's target; its calls run as
// coroutines on the node's shard, one at a time, each with a deadline. A driver blocks nothing:
// what only has a blocking SDK goes through net::OffloadPool.

#include "backend/config_schema.h"
#include "base/commons.h"
#include "base/result.h"
#include "base/time.h"
#include "bmc/config.h"
#include "bmc/observation.h"
#include "bmc/power_types.h"
#include "net/awaitable.h"
#include "net/clock.h"
#include "net/timer_queue.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace vbmc::backend {

using net::Awaitable;

/// A serial console's stream as the driver gives it. Bytes it reads are pushed to the sink.
class Console {
  public:
    virtual ~Console() = default;
    virtual Result<void> write(Bytes bytes) = 0;
    virtual Result<void> send_break() = 0;
    // The destructor closes the stream; the sink is not called afterwards.
};

struct ConsoleSink {
    std::function<void(Bytes)> bytes;
    std::function<void()> closed; // the stream ended: the worker opens it again later
};

struct Media {
    std::string image; // a path or URL that the backend can reach
    bool writable = false;
};

/// An IPMI request that the emulated controller does not know, for a backend that is a controller
/// itself.
struct RawRequest {
    u8 netfn = 0; // even: a request's
    u8 lun = 0;
    u8 command = 0;
    std::vector<u8> data;
};

struct RawResponse {
    u8 completion = 0; // as the backend's controller gave it
    std::vector<u8> data;
};

class Driver {
  public:
    virtual ~Driver() = default;

    virtual bmc::Capabilities capabilities() const = 0;

    /// The machine that all calls go to ("kvm7", "vcenter.example:443"): calls to one host share a
    /// cap and a breaker. Empty: none, the backend is in this process.
    virtual std::string host() const { return {}; }

    /// Looks at the machine. `unknown` is an answer; an error means that the backend did not tell.
    virtual Awaitable<Result<bmc::PowerState>> power_state(Mono deadline) = 0;

    /// Returns when the backend has accepted (not when the machine has followed): the worker
    /// watches power_state() for that. `cycle` never arrives: the worker makes it of off and on.
    virtual Awaitable<Result<void>> set_power(bmc::PowerAction action, Mono deadline) = 0;

    /// Makes the backend boot from there until told otherwise. One-time boot is the worker's: it
    /// sets, waits for the start, and restores. A driver with native one-time boot says so.
    virtual Awaitable<Result<void>> set_boot(bmc::BootRequest boot, Mono deadline);

    /// True when set_boot() of a one-time request lasts for one start by itself.
    virtual bool one_time_boot_is_native() const { return false; }

    /// True when a reset does not take up a new boot device (libvirt): the worker does off and on.
    virtual bool boot_needs_power_cycle() const { return false; }

    /// True when the machine runs with another boot device than it was told, and would keep that
    /// one through a reset: then a reset, also one of its own, is made an off and on.
    virtual bool boot_is_stale() const { return false; }

    /// How long after a soft off that the machine did not follow it is told again (a guest that
    /// boots misses it). Zero: never, for a button that might turn it on again.
    virtual Duration soft_again_after() const { return std::chrono::seconds(10); }

    /// False when power_state() never says more than `unknown`: a power action ends when it was
    /// taken, and there is no cycle, which needs an off that was seen.
    virtual bool tells_power() const { return true; }

    /// How long the machine may take to be on or off after it was told, where that can be longer
    /// than the worker's own patience.
    virtual Duration follow_limit() const { return Duration::zero(); }

    /// False when the boot device is forgotten with this process: it is told again at the next
    /// start.
    virtual bool keeps_boot_device() const { return true; }

    /// How long after a start the machine may still look at the boot device: a one-time choice is
    /// put back only then.
    virtual Duration boot_settle_time() const { return Duration::zero(); }

    virtual Awaitable<Result<std::vector<bmc::SensorReading>>> sensors(Mono deadline);

    /// What sensors() reads, where each machine has its own: asked after every successful sensors()
    /// or identity(); another pointer is another set. Null: the set of the kind.
    virtual std::shared_ptr<const bmc::SensorSet> sensor_set() const { return nullptr; }

    virtual Awaitable<Result<bmc::IdentitySeen>> identity(Mono deadline);

    virtual Awaitable<Result<void>> identify(bmc::Identify request, Mono deadline);

    virtual Awaitable<Result<void>> insert_media(Media media, Mono deadline);

    virtual Awaitable<Result<void>> eject_media(Mono deadline);

    virtual Awaitable<Result<std::unique_ptr<Console>>>
    open_console(ConsoleSink sink, Mono deadline);

    virtual Awaitable<Result<RawResponse>> raw(RawRequest request, Mono deadline);

    /// For backends that push: called on the shard whenever the machine changed by itself, also
    /// when it went through a start while on (PowerSeen::restarted). An empty function
    /// unsubscribes.
    virtual void on_change(std::function<void(const bmc::Observation&)> sink);

    /// Whose driver it is, for metrics; told by who made it.
    std::string_view kind() const noexcept { return kind_; }

    void set_kind(std::string_view kind) noexcept { kind_ = kind; }

  private:
    std::string_view kind_ = "unknown";
};

/// Where a driver lives and what it may use.
struct DriverContext {
    boost::asio::io_context& shard;
    net::TimerQueue& timers;
    std::string node;
    Now (*now)() = net::now;    // a test's clock, or the real one
    Commons* commons = nullptr; // of the process; null: a driver shares nothing
};

/// A machine that a backend offers: what `vbmcctl discover` lists and a source registers.
struct Found {
    std::string id;   // the backend's own, never changes: a UUID, a project's instance id
    std::string name; // as the backend calls it
    std::map<std::string, std::string> labels;  // tags and metadata, for selectors
    std::map<std::string, std::string> options; // what a node of this kind needs besides the
                                                // source's own options ("uuid" -> "...")
    bmc::PowerState power = bmc::PowerState::unknown;
};

/// One line in kinds.cpp.
struct DriverKind {
    std::string_view name;
    std::string_view help; // one line
    const ConfigSchema& schema;
    Result<std::unique_ptr<Driver>> (*create
    )(const DriverContext& context, const DriverConfig& config);

    /// What all its nodes have. Null: each has its own, if any (Driver::sensor_set()).
    std::shared_ptr<const bmc::SensorSet> (*sensors)();

    /// Lists the machines behind these options (those of discover_schema). Null: this kind cannot.
    Awaitable<Result<std::vector<Found>>> (*discover
    )(const DriverContext& context, DriverConfig config, Mono deadline) = nullptr;
    const ConfigSchema* discover_schema = nullptr; // where to look and how to log in
};

/// All kinds, in the order that `vbmcctl backend list` shows.
const std::vector<const DriverKind*>& kinds();

/// nullptr when there is none.
const DriverKind* find_kind(std::string_view name);

} // namespace vbmc::backend
