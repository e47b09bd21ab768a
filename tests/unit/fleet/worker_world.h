#pragma once
// A worker on a clock that the test moves, in front of a driver that does what the test says.

#include "fleet/worker.h"
#include "net/sleep.h"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace vbmc::fleet::test {

inline Mono clock_at{};

inline Now read_clock() {
    return {clock_at, {}};
}

using namespace std::chrono_literals;
using bmc::PowerAction;
using bmc::PowerState;

/// A serial line's far end: keeps what is typed.
class FakeConsole : public backend::Console {
  public:
    explicit FakeConsole(std::string& typed) : typed_(typed) {}

    Result<void> write(Bytes bytes) override {
        typed_.append(bytes.begin(), bytes.end());
        return {};
    }

    Result<void> send_break() override { return {}; }

  private:
    std::string& typed_;
};

/// Follows power actions after `follow`; calls take `latency`; errors and hangs on order.
class FakeDriver : public backend::Driver {
  public:
    explicit FakeDriver(net::TimerQueue& timers) : timers_(timers) {}

    bmc::Capabilities capabilities() const override {
        bmc::Capabilities c;
        c.pushes_power = pushes;
        c.sensors = true;
        return c;
    }

    std::string host() const override { return host_name; }

    net::Awaitable<Result<PowerState>> power_state(Mono deadline) override {
        if (throws == "before the look") {
            throw std::runtime_error("a bug before the look");
        }
        return look(deadline);
    }

    net::Awaitable<Result<PowerState>> look(Mono) {
        if (throws == "in the look") {
            throw std::runtime_error("a bug in the look");
        }
        ++looks;
        co_await spend();
        if (fail_looks) {
            co_return Error(look_error, "no answer");
        }
        co_return power();
    }

    net::Awaitable<Result<void>> set_power(PowerAction action, Mono) override {
        static constexpr const char* names[] = {"off", "on", "cycle", "reset", "diag", "soft"};
        calls.emplace_back(names[static_cast<int>(action)]);
        if (throws == "in the action") {
            throw std::runtime_error("a bug in the action");
        }
        co_await spend();
        if (fail_power > 0) {
            --fail_power;
            co_return Error(error, "refused as ordered");
        }
        const bool up = action == PowerAction::on || action == PowerAction::reset;
        next_state = action == PowerAction::diag ? power() : up ? PowerState::on : PowerState::off;
        changes_at = clock_at + (action == PowerAction::soft ? soft_follow : follow);
        co_return Result<void>();
    }

    net::Awaitable<Result<void>> set_boot(bmc::BootRequest boot, Mono) override {
        if (fail_boot > 0) {
            --fail_boot;
            calls.emplace_back("boot failed");
            co_return Error(ErrorCode::unavailable, "no answer");
        }
        calls.push_back(
            "boot " + std::to_string(static_cast<int>(boot.device)) + (boot.persistent ? "p" : "") +
            (boot.efi ? "e" : "")
        );
        co_return Result<void>();
    }

    bool one_time_boot_is_native() const override { return native_once; }

    bool boot_needs_power_cycle() const override { return needs_cycle; }

    bool boot_is_stale() const override { return stale_boot; }

    Duration soft_again_after() const override { return soft_again; }

    Duration boot_settle_time() const override {
        if (throws == "beside a call") {
            throw std::runtime_error("a bug beside a call");
        }
        return settle_time;
    }

    Duration follow_limit() const override { return patience; }

    net::Awaitable<Result<std::vector<bmc::SensorReading>>> sensors(Mono) override {
        ++sensor_reads;
        co_await spend();
        co_return std::vector<bmc::SensorReading>(3);
    }

    net::Awaitable<Result<std::unique_ptr<backend::Console>>>
    open_console(backend::ConsoleSink sink, Mono) override {
        co_await spend();
        if (console_error) {
            co_return Error(*console_error, "no console");
        }
        console = std::move(sink);
        std::unique_ptr<backend::Console> made = std::make_unique<FakeConsole>(typed);
        co_return made;
    }

    net::Awaitable<Result<backend::RawResponse>> raw(backend::RawRequest wanted, Mono) override {
        ++raws;
        last_raw = std::move(wanted);
        if (latency > Duration::zero()) {
            co_await net::sleep_until(timers_, clock_at + latency);
        }
        if (raw_error) {
            co_return Error(*raw_error, "as ordered");
        }
        co_return backend::RawResponse();
    }

    void on_change(std::function<void(const bmc::Observation&)> sink) override {
        push = std::move(sink);
    }

    /// What every call takes.
    net::Awaitable<void> spend() {
        ++running;
        running_max = std::max(running_max, running);
        if (hang) {
            co_await net::sleep_until(timers_, clock_at + 100h);
        }
        if (latency > Duration::zero()) {
            co_await net::sleep_until(timers_, clock_at + latency);
        }
        --running;
    }

    PowerState power() {
        if (clock_at >= changes_at) {
            state = next_state;
            changes_at = never;
        }
        return state;
    }

    PowerState state = PowerState::off;
    PowerState next_state = PowerState::off;
    Mono changes_at = never;
    Duration follow = 50ms;
    Duration soft_follow = 5s;
    Duration latency{};
    bool hang = false;
    bool pushes = false;
    bool fail_looks = false;
    ErrorCode look_error = ErrorCode::unavailable;
    bool native_once = false;
    bool needs_cycle = false;
    bool stale_boot = false;
    Duration soft_again = 10s;
    Duration settle_time{};
    Duration patience{};
    int fail_power = 0;
    int fail_boot = 0;
    ErrorCode error = ErrorCode::unavailable;
    std::string host_name;
    std::string throws; // where a bug of the driver is
    std::vector<std::string> calls;
    int looks = 0;
    int sensor_reads = 0;
    int running = 0;
    int running_max = 0;
    std::optional<ErrorCode> console_error;
    backend::ConsoleSink console; // of the stream that was opened last
    std::string typed;            // into it
    std::optional<ErrorCode> raw_error;
    backend::RawRequest last_raw;
    int raws = 0;
    std::function<void(const bmc::Observation&)> push;

  private:
    net::TimerQueue& timers_;
};

/// What the worker told, as words: "on", "off", "unknown", "done 7 ok", "failed cycle",
/// "unreachable".
class FakeHost : public WorkerHost {
  public:
    void observe(const bmc::Observation& seen) override {
        static constexpr const char* states[] = {"unknown", "off", "on", "changing"};
        static constexpr const char* outcomes[] = {
            "ok", "unsupported", "invalid", "busy", "failed", "unreachable"};
        static constexpr const char* actions[] = {"off", "on", "cycle", "reset", "diag", "soft"};
        if (const auto* power = std::get_if<bmc::PowerSeen>(&seen)) {
            told.emplace_back(states[static_cast<int>(power->state)]);
        } else if (const auto* done = std::get_if<bmc::Done>(&seen)) {
            told.push_back(
                "done " + std::to_string(done->ticket) + " " +
                outcomes[static_cast<int>(done->outcome)]
            );
        } else if (const auto* failed = std::get_if<bmc::PowerFailed>(&seen)) {
            told.push_back(std::string("failed ") + actions[static_cast<int>(failed->action)]);
        } else if (std::holds_alternative<bmc::Unreachable>(seen)) {
            told.emplace_back("unreachable");
        } else if (std::holds_alternative<bmc::BootTaken>(seen)) {
            told.emplace_back("boot taken");
        } else if (std::holds_alternative<bmc::SensorsSeen>(seen)) {
            told.emplace_back("sensors");
        } else if (std::holds_alternative<bmc::ConsoleOpened>(seen)) {
            told.emplace_back("console open");
        } else if (std::holds_alternative<bmc::ConsoleClosed>(seen)) {
            told.emplace_back("console closed");
        } else if (const auto* bytes = std::get_if<bmc::ConsoleBytes>(&seen)) {
            screen.append(bytes->bytes.begin(), bytes->bytes.end());
        } else if (const auto* raw = std::get_if<bmc::RawDone>(&seen)) {
            told.push_back(
                "raw " + std::to_string(raw->ticket) + " " + std::to_string(raw->completion)
            );
        }
    }

    void on_backend(bool reachable, const Error*) override {
        backend.emplace_back(reachable ? "up" : "down");
    }

    void on_action(PowerAction, const Error* why) override {
        ended.push_back(why == nullptr ? "" : why->message);
    }

    void on_trouble(std::string_view what, const Error&) override { trouble.emplace_back(what); }

    void on_console_refused(const Error& why) override { refused.push_back(why.message); }

    void on_look_refused(const Error& why) override { looks.push_back(describe(why)); }

    Duration cycle_pause() const override { return pause; }

    void on_fault(const char* what) noexcept override { faults.emplace_back(what); }

    bool was_told(const std::string& word) const {
        return std::find(told.begin(), told.end(), word) != told.end();
    }

    std::vector<std::string> told;
    std::vector<std::string> backend;
    std::vector<std::string> ended;
    std::vector<std::string> trouble;
    std::vector<std::string> faults;
    std::vector<std::string> looks;   // that failed, and somebody waited
    std::vector<std::string> refused; // attempts to open the console
    std::string screen;
    Duration pause{};
};

struct World {
    World() : driver(std::make_shared<FakeDriver>(timers)) { clock_at = Mono(1000s); }

    ~World() {
        if (worker) {
            worker->stop();
        }
        context.poll();
    }

    World(const World&) = delete;
    World& operator=(const World&) = delete;

    std::shared_ptr<const NodeWorker::Place> place() {
        const NodeWorker::Place here{context.get_executor(), timers, gates, read_clock};
        return std::make_shared<const NodeWorker::Place>(here);
    }

    /// Makes the worker and lets it look around.
    void begin(PowerState state = PowerState::off) {
        driver->state = state;
        Routes routes({driver}, {});
        worker = std::make_shared<NodeWorker>(
            place(), host, std::move(routes), std::make_shared<WorkerLimits>(limits), 1
        );
        worker->start({});
        pass(driver->latency);
        host.told.clear();
    }

    void settle() {
        context.restart();
        context.poll();
    }

    void pass(Duration time) {
        const Mono end = clock_at + time;
        settle();
        while (timers.next() <= end) {
            clock_at = std::max(clock_at, timers.next());
            timers.run(clock_at);
            settle();
        }
        clock_at = end;
    }

    void power(PowerAction action, bmc::Ticket ticket = 0) {
        worker->submit(bmc::SetPower{action, bmc::RestartCause::chassis_control, ticket});
    }

    boost::asio::io_context context{1};
    net::TimerQueue timers;
    HostGates gates;
    WorkerLimits limits;
    FakeHost host;
    std::shared_ptr<FakeDriver> driver;
    std::shared_ptr<NodeWorker> worker;
};

using Words = std::vector<std::string>;

} // namespace vbmc::fleet::test
