#include "backend/sim/sim.h"

#include "backend/sim/discover.h"
#include "backend/sim/machine.h"
#include "backend/sim/sensors.h"
#include "net/sleep.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <utility>

namespace vbmc::backend::sim {

namespace {

/// What a fault can be ordered for.
enum class Call : u8 { none, power, boot, state, all, create };

Call call_from(const std::string& word) {
    if (word == "power") {
        return Call::power;
    }
    if (word == "boot") {
        return Call::boot;
    }
    if (word == "state") {
        return Call::state;
    }
    if (word == "create") {
        return Call::create;
    }
    return word == "all" ? Call::all : Call::none;
}

const ConfigSchema& schema() {
    static const ConfigSchema instance = {{
        {"initial-power", OptionType::text, false, "off", "power when the node is made", "off|on"},
        {"speed", OptionType::number, false, "1", "how many times faster than a real machine"},
        {"latency", OptionType::duration, false, "0s", "every call takes this long"},
        {"fail", OptionType::text, false, "none", "calls that fail", "none|power|boot|state|all"},
        {"hang",
         OptionType::text,
         false,
         "none",
         "calls that never end",
         "none|power|boot|state|all"},
        {"throw",
         OptionType::text,
         false,
         "none",
         "calls that meet a bug: what vbmcd does about those of backends",
         "none|power|boot|state|all|create"},
        {"error-rate", OptionType::number, false, "0", "percent of calls that fail at random"},
        {"flap", OptionType::duration, false, "0s", "power changes by itself this often"},
        {"native-boot-once",
         OptionType::boolean,
         false,
         "false",
         "the machine does one-time boot itself"},
        {"ignore-soft", OptionType::boolean, false, "false", "the guest ignores the power button"},
        {"machine", OptionType::text, false, "", "which of an inventory's machines it is"},
    }};
    return instance;
}

[[noreturn]] void throw_as_ordered() {
    throw std::runtime_error("the simulated backend throws as ordered");
}

struct Faults {
    Duration latency{};
    Duration flap{};
    Call fail = Call::none;
    Call hang = Call::none;
    Call thrown = Call::none;
    u8 error_percent = 0;
    bool native_once = false;
    bool ignore_soft = false;

    bool any() const noexcept {
        return latency.count() != 0 || fail != Call::none || hang != Call::none ||
               thrown != Call::none || error_percent != 0;
    }
};

Duration duration_of(const DriverConfig& config, std::string_view name) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(config.seconds(name))
    );
}

class SimDriver;

class SimConsole final : public Console {
  public:
    explicit SimConsole(std::shared_ptr<SimDriver*> driver) : driver_(std::move(driver)) {}

    ~SimConsole() override;
    SimConsole(const SimConsole&) = delete;
    SimConsole& operator=(const SimConsole&) = delete;
    Result<void> write(Bytes bytes) override;
    Result<void> send_break() override;

  private:
    std::shared_ptr<SimDriver*> driver_; // to null when the driver went first
};

class SimDriver final : public Driver {
  public:
    SimDriver(const DriverContext& context, const DriverConfig& config)
        : timers_(context.timers), now_(context.now),
          machine_(
              context.node,
              static_cast<double>(config.number("speed")),
              config.text("initial-power") == "on",
              context.now().mono
          ),
          wake_(
              context.timers, [](void* self) { static_cast<SimDriver*>(self)->on_time(); }, this
          ),
          random_(static_cast<u32>(std::hash<std::string>()(context.node)) | 1) {
        faults_.latency = duration_of(config, "latency");
        faults_.flap = duration_of(config, "flap");
        faults_.fail = call_from(config.text("fail"));
        faults_.hang = call_from(config.text("hang"));
        faults_.thrown = call_from(config.text("throw"));
        if (faults_.thrown == Call::create) {
            throw_as_ordered();
        }
        faults_.error_percent =
            static_cast<u8>(std::clamp<long long>(config.number("error-rate"), 0, 100));
        faults_.native_once = config.boolean("native-boot-once");
        faults_.ignore_soft = config.boolean("ignore-soft");
        flap_at_ = faults_.flap.count() > 0 ? now() + faults_.flap : never;
        rearm();
    }

    ~SimDriver() override {
        if (self_) {
            *self_ = nullptr;
        }
    }

    SimDriver(const SimDriver&) = delete;
    SimDriver& operator=(const SimDriver&) = delete;

    bmc::Capabilities capabilities() const override {
        bmc::Capabilities c;
        c.media = true;
        c.console = true;
        c.sensors = true;
        c.identify = true;
        c.pushes_power = faults_.hang != Call::state && faults_.hang != Call::all &&
                         faults_.fail != Call::state && faults_.fail != Call::all;
        return c;
    }

    Awaitable<Result<bmc::PowerState>> power_state(Mono deadline) override {
        if (faults_.any()) {
            Result<void> fate = co_await suffer(Call::state, deadline);
            if (fate.has_error()) {
                co_return std::move(fate).error();
            }
        }
        settle();
        co_return machine_.power();
    }

    Awaitable<Result<void>> set_power(bmc::PowerAction action, Mono deadline) override {
        if (faults_.any()) {
            Result<void> fate = co_await suffer(Call::power, deadline);
            if (fate.has_error()) {
                co_return fate;
            }
        }
        settle();
        if (action == bmc::PowerAction::soft && faults_.ignore_soft) {
            co_return Result<void>();
        }
        if (!machine_.press(action, now())) {
            co_return Error(ErrorCode::failed_precondition, "the machine is off");
        }
        tell();
        co_return Result<void>();
    }

    Awaitable<Result<void>> set_boot(bmc::BootRequest boot, Mono deadline) override {
        if (faults_.any()) {
            Result<void> fate = co_await suffer(Call::boot, deadline);
            if (fate.has_error()) {
                co_return fate;
            }
        }
        settle();
        if (!faults_.native_once) {
            boot.persistent = true; // until told otherwise: one-time boot is the worker's
        }
        machine_.set_boot(boot);
        co_return Result<void>();
    }

    bool keeps_boot_device() const override { return false; }

    bool one_time_boot_is_native() const override { return faults_.native_once; }

    Awaitable<Result<std::vector<bmc::SensorReading>>> sensors(Mono deadline) override {
        if (faults_.any()) {
            Result<void> fate = co_await suffer(Call::all, deadline);
            if (fate.has_error()) {
                co_return std::move(fate).error();
            }
        }
        settle();
        std::vector<bmc::SensorReading> all;
        for (u8 number = sensor_cpu_temp; number <= sensor_last; ++number) {
            all.push_back({number, true, machine_.reading(number, now())});
        }
        co_return all;
    }

    Awaitable<Result<bmc::IdentitySeen>> identity(Mono) override {
        bmc::IdentitySeen seen;
        seen.manufacturer = "vbmcd";
        seen.product = "Sim machine";
        co_return seen;
    }

    Awaitable<Result<void>> identify(bmc::Identify, Mono) override { co_return Result<void>(); }

    Awaitable<Result<void>> insert_media(Media media, Mono) override {
        machine_.set_medium(std::move(media.image));
        co_return Result<void>();
    }

    Awaitable<Result<void>> eject_media(Mono) override {
        machine_.set_medium({});
        co_return Result<void>();
    }

    Awaitable<Result<std::unique_ptr<Console>>> open_console(ConsoleSink sink, Mono) override {
        settle();
        sink_ = std::make_unique<ConsoleSink>(std::move(sink));
        machine_.open_console(now());
        if (!self_) {
            self_ = std::make_shared<SimDriver*>(this);
        }
        std::unique_ptr<Console> console = std::make_unique<SimConsole>(self_);
        wake_.arm(now()); // what is on the screen follows the opening
        co_return console;
    }

    void on_change(std::function<void(const bmc::Observation&)> sink) override {
        change_ = std::move(sink);
    }

    // The console's side.

    void type(Bytes keys) {
        machine_.type(keys, now());
        tell();
    }

    void send_break() {
        machine_.send_break();
        tell();
    }

    void close_console() {
        sink_.reset();
        machine_.close_console();
    }

  private:
    Mono now() const { return now_().mono; }

    /// The ordered fault of this call: a wait, an error, or for ever.
    Awaitable<Result<void>> suffer(Call call, Mono) {
        if (faults_.hang == call || faults_.hang == Call::all) {
            co_await net::sleep_until(timers_, Mono::max() - std::chrono::hours(1));
        }
        if (faults_.latency.count() > 0) {
            co_await net::sleep_until(timers_, now() + faults_.latency);
        }
        if (faults_.thrown == call || faults_.thrown == Call::all) {
            throw_as_ordered();
        }
        if (faults_.fail == call || faults_.fail == Call::all) {
            co_return Error(ErrorCode::unavailable, "the simulated backend fails as ordered");
        }
        if (next_random() % 100 < faults_.error_percent) {
            co_return Error(
                ErrorCode::unavailable, "the simulated backend fails at random as ordered"
            );
        }
        co_return Result<void>();
    }

    u32 next_random() noexcept { // xorshift: the same node fails in the same order
        random_ ^= random_ << 13;
        random_ ^= random_ >> 17;
        random_ ^= random_ << 5;
        return random_;
    }

    /// Brings the machine up to now, and tells what happened meanwhile.
    void settle() {
        machine_.advance(now());
        tell();
    }

    void tell() {
        rearm();
        const bmc::PowerState power = machine_.power();
        const u32 starts = machine_.starts();
        if (change_ && (power != told_power_ || starts != told_starts_)) {
            const bool restarted = power == told_power_ && starts != told_starts_;
            told_power_ = power;
            told_starts_ = starts;
            const bmc::Observation seen = bmc::PowerSeen{power, restarted};
            const auto sink = change_; // may be replaced from within
            sink(seen);
        }
        if (sink_ && sink_->bytes) {
            const std::string output = machine_.take_output();
            if (!output.empty()) {
                const std::vector<u8> bytes(output.begin(), output.end());
                const auto sink = sink_->bytes; // the console may be closed from within
                sink(bytes);
            }
        }
    }

    void on_time() {
        const Mono moment = now();
        if (moment >= flap_at_) {
            flap_at_ = moment + faults_.flap;
            const bool is_on = machine_.power() == bmc::PowerState::on;
            machine_.press(is_on ? bmc::PowerAction::off : bmc::PowerAction::on, moment);
        }
        settle();
    }

    void rearm() { wake_.arm(std::min(machine_.next_change(), flap_at_)); }

    net::TimerQueue& timers_;
    Now (*now_)();
    Machine machine_;
    net::Timer wake_; // armed only while the machine changes
    Faults faults_;
    Mono flap_at_ = never;
    u32 random_;
    u32 told_starts_ = 0;
    bmc::PowerState told_power_ = machine_.power();
    std::function<void(const bmc::Observation&)> change_;
    std::unique_ptr<ConsoleSink> sink_; // null: no console is open
    std::shared_ptr<SimDriver*> self_;  // made with the first console
};

SimConsole::~SimConsole() {
    if (*driver_ != nullptr) {
        (*driver_)->close_console();
    }
}

Result<void> SimConsole::write(Bytes bytes) {
    if (*driver_ != nullptr) {
        (*driver_)->type(bytes);
    }
    return {};
}

Result<void> SimConsole::send_break() {
    if (*driver_ != nullptr) {
        (*driver_)->send_break();
    }
    return {};
}

Result<std::unique_ptr<Driver>> create(const DriverContext& context, const DriverConfig& config) {
    if (config.number("speed") < 1 || config.number("speed") > 10'000) {
        return Error(ErrorCode::invalid_argument, "option 'speed' must be from 1 to 10000")
            .with_field("backend.options.speed");
    }
    return std::unique_ptr<Driver>(std::make_unique<SimDriver>(context, config));
}

} // namespace

const DriverKind kind = {
    "sim",
    "a simulated machine, for first steps and tests",
    schema(),
    create,
    sensor_set,
    discover,
    &discover_schema(),
};

} // namespace vbmc::backend::sim
