#pragma once
// Carries a node's intents out against its backend, one call a target at a time, and tells what was
// seen. Keeps the latest wanted state, not a queue. A coroutine exists only while a call runs;
// between calls there is at most one armed timer, and none when nothing is due. On the node's
// shard; outlives its node for as long as a call that was given up takes to end.

#include "backend/driver.h"
#include "bmc/intent.h"
#include "bmc/observation.h"
#include "fleet/host_gate.h"
#include "fleet/numbers.h"
#include "fleet/routes.h"
#include "net/deadline.h"
#include "net/exception_reason.h"
#include "net/timer_queue.h"

#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace vbmc::fleet {

/// Bounds and intervals; one shared by all nodes that do not differ.
struct WorkerLimits {
    Duration look_limit = std::chrono::seconds(10);           // one look at the machine
    Duration call_limit = std::chrono::seconds(30);           // any other call
    Duration confirm_window = std::chrono::milliseconds(700); // then the client was told "accepted"
    Duration follow_limit = std::chrono::seconds(60);  // the machine follows on and off within this
    Duration soft_limit = std::chrono::minutes(10);    // a guest shuts down within this
    Duration poll_interval = std::chrono::seconds(30); // of backends that do not push; zero: never
    Duration sensor_interval = std::chrono::seconds(2);
    Duration sensor_poll = Duration::zero(); // without anybody asking, while on; zero: never
    Duration backoff_min = std::chrono::milliseconds(500);
    Duration backoff_max = std::chrono::seconds(60);
    u8 tries = 3;         // of a power action that the backend did not take
    u8 tries_back_on = 8; // of the second half of a cycle: a machine is not left off lightly
};

/// The node, as its worker sees it. Calls come on the shard; never after stop().
class WorkerHost {
  public:
    virtual ~WorkerHost() = default;

    virtual void observe(const bmc::Observation& seen) = 0;

    /// The backend began or ceased to answer.
    virtual void on_backend(bool reachable, const Error* why) = 0;

    /// A power action ended: seen to have worked (null), or why not.
    virtual void on_action(bmc::PowerAction action, const Error* why) = 0;

    /// Something else could not be done: "boot", "media", "identify", "console", "sensors".
    virtual void on_trouble(std::string_view what, const Error& why) = 0;

    /// The console could not be opened, be it that the machine is off; it is tried again.
    virtual void on_console_refused(const Error& why) = 0;

    /// A look that somebody waits for failed; Done follows.
    virtual void on_look_refused(const Error& why) = 0;

    /// Between off and on of a power cycle (Set Power Cycle Interval).
    virtual Duration cycle_pause() const = 0;

    /// Something threw: the driver, or the worker itself. It goes on.
    virtual void on_fault(const char* what) noexcept = 0;
};

/// What a client may be told of an error.
bmc::Outcome outcome_of(const Error& error) noexcept;

/// True when the backend did not answer at all.
bool is_silence(const Error& error) noexcept;

class NodeWorker : public std::enable_shared_from_this<NodeWorker> {
  public:
    struct Place { // where a worker lives; one shared by those of a shard
        net::Executor executor;
        net::TimerQueue& timers;
        HostGates& gates;
        Now (*now)();
        BackendNumbers* numbers = nullptr; // where calls are counted, if anywhere
    };

    struct Stats {
        u32 calls = 0;
        u32 failures = 0;
    };

    NodeWorker(
        std::shared_ptr<const Place> place,
        WorkerHost& host,
        Routes routes,
        std::shared_ptr<const WorkerLimits> limits,
        u32 seed
    );
    ~NodeWorker();

    /// Looks at the machine for the first time. `standing` is the persistent boot device that the
    /// backend was told in an earlier life. `first_look`: not before then.
    void start(const bmc::BootRequest& standing, Mono first_look = Mono::min());

    /// Gives up what is in flight; the host is not called again.
    void stop();

    void submit(const bmc::Intent& intent);

    bool idle() const noexcept {
        return !lanes_[0].is_busy() && !lanes_[1].is_busy() && !timer_.armed();
    }

    bool reachable() const noexcept { return reachable_; }

    const Stats& stats() const noexcept { return stats_; }

    const Routes& routes() const noexcept { return routes_; }

  private:
    enum class Stage : u8 {
        turn_off,
        await_off,
        turn_on,
        await_on,
        press, // reset, diag or soft: one call
    };

    /// A power action on its way.
    struct Job {
        bmc::PowerAction action = bmc::PowerAction::off;
        Stage stage = Stage::turn_off;
        bool in_call = false;
        bool accepted = false; // the backend took it
        bool told = false;     // Done was sent
        u8 tries = 0;
        std::vector<bmc::Ticket> tickets;
        Mono asked_at{};
        Mono tell_at = never; // Done is due, also when the machine has not followed yet
        Mono act_at{};        // not before: backoff, cycle pause
        Mono give_up{};       // the machine does not follow
        Duration gap{};       // to the next look
        u8 presses = 0;       // of a soft off that the guest did not follow
        Mono press_again = never;
    };

    struct Console {
        std::unique_ptr<backend::Console> stream; // null: to be opened
        Mono open_at{};
        u8 failures = 0;
        bool keeps = true;     // the first attempt since somebody came is still to end
        std::vector<u8> typed; // until then
    };

    /// A command for the backend's own controller.
    struct Raw {
        bmc::RawCommand command;
        Mono until{}; // the client waits no longer: it is not begun any more
    };

    struct MediaWish {
        std::optional<backend::Media> insert; // nullopt: eject
    };

    /// What was told of a backend that does not answer, or not what it is asked.
    struct Outage {
        std::set<std::string> reasons; // why it does not answer
        std::string refused_look;      // why the last look failed; empty: it did not
    };

    enum class Task : u8 {
        none,
        act,
        look,
        tell_boot,
        restore_boot,
        identify,
        media,
        open_console,
        sensors,
        identity,
        raw,
    };

    /// Calls run in two lanes, so that a target that is slow or dead holds up no other: what a
    /// client or the machine's power waits for, and what can wait.
    struct Lane {
        Task task = Task::none;       // under way
        u32 targets = 0;              // that it may call, a bit each
        std::function<void()> cancel; // of the call in flight

        bool is_busy() const noexcept { return task != Task::none; }
    };

    // The schedule (worker.cpp).
    void kick();
    void start_work();
    void pushed(const bmc::Observation& what);
    Task choose_urgent(Mono now, u32 taken) const;
    Task choose_patient(Mono now, u32 taken) const;
    Lane& lane_of(Task task) noexcept;
    u32 targets_of(Task task) const;
    u32 bit_of(Route route) const noexcept;
    Mono next_due(Mono now) const;
    net::Awaitable<void> run(std::shared_ptr<NodeWorker> self, Task task);
    net::Awaitable<void> perform(Task task);
    void contain(const char* what, Task task = Task::none) noexcept;
    void check_job(Mono now);
    net::Awaitable<void> look();
    void tell_look(const std::optional<Error>& why);
    Outage& outage();
    net::Awaitable<void> read_sensors();
    void schedule_sensor_poll();
    bool sensor_poll_due(Mono now) const noexcept;
    net::Awaitable<void> read_identity();
    void look_at_sensor_set(const backend::Driver& driver);
    void schedule_look(bool answered);
    Duration backoff(unsigned failures);

    Mono now() const { return place_->now().mono; }

    /// What is thrown here ends here: other nodes run on this thread.
    template <class F>
    void guarded(F&& call) noexcept {
        try {
            call();
        } catch (const std::exception& error) {
            contain(error.what());
        } catch (...) {
            contain("an exception of unknown type");
        }
    }

    void observe(const bmc::Observation& seen);
    void note(const backend::Driver& driver, const std::optional<Error>& why);
    void
    count(Task task, const backend::Driver& driver, Mono begun, const std::optional<Error>& why);
    static std::string_view name_of(Task task) noexcept;
    std::shared_ptr<HostGate> gate(const backend::Driver* driver) const;

    template <class T, class Make>
    net::Awaitable<Result<T>>
    call(Task task, std::shared_ptr<backend::Driver> driver, Duration limit, Make make);

    // Power (worker_power.cpp).
    void want(const bmc::SetPower& wish);
    std::unique_ptr<Job> make_job(const bmc::SetPower& wish) const;
    static bmc::PowerAction to_send(const Job& job) noexcept;
    u32 targets_of_act() const;
    void cut_short(const bmc::SetPower& wish);
    bool boot_is_pending() const;
    bool must_restore() const;
    void await_soft(Job& job);
    void follow_own_reset();
    void join(Job& job, bmc::Ticket ticket);
    net::Awaitable<void> act();
    void accepted();
    void refused(const Error& why);
    void fail(const Error& why, bmc::Outcome outcome);
    void end_job();
    void let_next_in();
    Duration follow_limit() const;
    void await(Stage stage, Duration limit);
    void follow();
    void seen(const bmc::PowerSeen& what);
    void tell(Job& job, bmc::Outcome outcome);

    // Boot, media, identify (worker_boot.cpp).
    void want_boot(const bmc::BootRequest& boot);
    net::Awaitable<Result<void>> set_boot(bmc::BootRequest boot);
    net::Awaitable<Result<void>> prepare_boot();
    net::Awaitable<void> tell_boot();
    net::Awaitable<void> restore_boot();
    void retry_boot(const Error& why);
    void start_seen();
    net::Awaitable<void> light_up();
    net::Awaitable<void> change_media();

    // Console (worker_console.cpp).
    void want_console(bool open);
    void feed_console(const std::vector<u8>& bytes);
    void break_console();
    net::Awaitable<void> open_console();
    void on_console_closed(u32 serial);
    void drop_stream();

    // Raw commands (worker_raw.cpp).
    void want_raw(const bmc::RawCommand& command);
    net::Awaitable<void> pass_on();

    static bool joins(const Job& job, bmc::PowerAction action) noexcept;
    static bool must_wait(const Job& job, bmc::PowerAction action) noexcept;

    std::shared_ptr<const Place> place_;
    WorkerHost* host_; // null after stop()
    Routes routes_;
    std::vector<std::shared_ptr<HostGate>> gates_; // of the drivers; null: not gated
    std::shared_ptr<const WorkerLimits> limits_;
    net::Timer timer_;
    std::array<Lane, 2> lanes_;     // urgent, patient
    Mono rest_until_ = Mono::min(); // after a fault nothing is begun
    bool kicked_ = false;
    bool reachable_ = true;
    std::unique_ptr<Outage> outage_; // null: nothing is wrong
    bool pushes_ = false;
    u32 random_;
    Stats stats_;

    std::unique_ptr<Job> job_;
    std::unique_ptr<Job> next_;
    bmc::PowerState power_ = bmc::PowerState::unknown;
    bmc::PowerState settled_ = bmc::PowerState::unknown; // the last that was on or off
    Mono look_at_ = never;
    std::vector<bmc::Ticket> looks_; // who waits for the next look
    u8 look_failures_ = 0;

    bmc::BootRequest standing_;                 // what the backend starts from otherwise
    bmc::BootRequest once_;                     // armed for the next start; none: nothing is
    std::optional<bmc::BootRequest> tell_boot_; // to be told to the backend
    bool once_applied_ = false;                 // the backend has `once_` now
    u8 boot_failures_ = 0;
    Mono boot_at_ = Mono::min(); // tell or restore not before
    Mono restore_at_ = never;

    std::optional<bmc::Identify> identify_;
    std::unique_ptr<MediaWish> media_;
    std::unique_ptr<Console> console_; // null: nobody wants it
    u32 console_serial_ = 0;           // of the stream: an old one's callbacks are not ours
    std::vector<Raw> raws_;            // oldest first
    bool sensors_wanted_ = false;
    std::shared_ptr<const bmc::SensorSet> sensor_set_; // as the driver told last
    bool identity_wanted_ = true;
    Mono sensors_at_ = Mono::min();
    Mono sensor_poll_at_ = never;
};

/// Keeps the driver for as long as a call of it runs.
template <class T>
net::Awaitable<Result<T>>
hold_driver(std::shared_ptr<backend::Driver> driver, net::Awaitable<Result<T>> work) {
    static_cast<void>(driver);
    co_return co_await std::move(work);
}

/// As above, of a call that is still to be begun: what beginning it throws is the call's, too.
template <class T, class Make>
net::Awaitable<Result<T>>
begin_call(std::shared_ptr<backend::Driver> driver, Mono deadline, Make make) {
    auto work = make(*driver, deadline);
    co_return co_await std::move(work);
}

/// One call with its gate, its deadline and its place in the statistics. `make` gets the driver and
/// the deadline.
template <class T, class Make>
net::Awaitable<Result<T>>
NodeWorker::call(Task task, std::shared_ptr<backend::Driver> driver, Duration limit, Make make) {
    const std::shared_ptr<HostGate> host_gate = gate(driver.get());
    if (host_gate) {
        Result<void> entered = co_await host_gate->enter(place_->now);
        if (entered.has_error()) {
            const std::optional<Error> why = entered.error();
            note(*driver, why);
            co_return *why;
        }
        if (host_ == nullptr) {
            host_gate->leave(never, nullptr);
            co_return Error(ErrorCode::aborted, "the node is gone");
        }
    }
    ++stats_.calls;
    const Mono begun = now();
    const Mono deadline = begun + limit;
    std::function<void()>& cancel = lane_of(task).cancel;
    auto work = begin_call<T>(driver, deadline, std::move(make));
    Result<T> result =
        co_await net::with_deadline<T>(place_->timers, deadline, std::move(work), &cancel);
    std::optional<Error> why;
    if (result.has_error()) {
        why = result.error();
    }
    if (host_gate) {
        host_gate->leave(now(), why && is_silence(*why) ? &*why : nullptr);
    }
    count(task, *driver, begun, why);
    // The client of a raw command has little patience: whether anybody is there, a look tells.
    const bool cut_off = task == Task::raw && why && why->code == ErrorCode::deadline_exceeded;
    if (!cut_off) {
        note(*driver, why);
    }
    if (host_ != nullptr && why && why->reason == net::exception_reason) {
        host_->on_fault(why->message.c_str());
    }
    co_return result;
}

} // namespace vbmc::fleet
