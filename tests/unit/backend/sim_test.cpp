#include "backend/driver.h"
#include "backend/sim/machine.h"
#include "backend/sim/sensors.h"
#include "net/deadline.h"
#include "net/run_on.h"

#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::backend;
using namespace std::chrono_literals;
using bmc::PowerAction;
using bmc::PowerState;

namespace {

using Options = std::map<std::string, std::string>;

Mono clock_at{};

Now test_now() {
    return {clock_at, {}};
}

/// A sim node on a clock that the test moves.
struct World {
    explicit World(const Options& options = {}) {
        clock_at = Mono(1000s);
        const DriverKind* kind = find_kind("sim");
        const auto config = DriverConfig::check(kind->schema, options);
        REQUIRE(config.has_value());
        auto made = kind->create({context, timers, "n1", test_now}, *config);
        REQUIRE(made.has_value());
        driver = std::move(*made);
        driver->on_change([this](const bmc::Observation& seen) {
            pushed.push_back(std::get<bmc::PowerSeen>(seen));
        });
    }

    void pass(Duration time) {
        const Mono end = clock_at + time;
        while (timers.next() <= end) {
            clock_at = timers.next();
            timers.run(clock_at);
            context.poll();
        }
        clock_at = end;
        context.poll();
    }

    template <class T>
    Result<T> finish(Awaitable<Result<T>> call, Duration limit = 10s) {
        std::optional<Result<T>> out;
        boost::asio::co_spawn(
            context.get_executor(),
            net::with_deadline(timers, clock_at + limit, std::move(call)),
            [&](const std::exception_ptr& failure, Result<T> value) {
                REQUIRE_FALSE(failure);
                out.emplace(std::move(value));
            }
        );
        context.restart();
        context.poll();
        for (int i = 0; i < 100 && !out; ++i) {
            context.restart();
            pass(200ms);
        }
        REQUIRE(out.has_value());
        return std::move(*out);
    }

    Result<void> power(PowerAction action) { return finish(driver->set_power(action, never)); }

    PowerState state() {
        const auto seen = finish(driver->power_state(never));
        REQUIRE(seen.has_value());
        return *seen;
    }

    boost::asio::io_context context{1};
    boost::asio::executor_work_guard<net::Executor> guard{context.get_executor()};
    net::TimerQueue timers;
    std::vector<bmc::PowerSeen> pushed;
    std::unique_ptr<Driver> driver;
};

struct Screen {
    explicit Screen(World& world_) : world(world_) {
        ConsoleSink sink;
        sink.bytes = [this](Bytes bytes) { text.append(bytes.begin(), bytes.end()); };
        auto opened = world.finish(world.driver->open_console(std::move(sink), never));
        REQUIRE(opened.has_value());
        console = std::move(*opened);
        world.pass(1ms);
    }

    void type(std::string_view keys) {
        const std::vector<u8> bytes(keys.begin(), keys.end());
        REQUIRE(console->write(bytes));
    }

    bool shows(std::string_view part) const { return text.find(part) != std::string::npos; }

    World& world;
    std::string text;
    std::unique_ptr<Console> console;
};

} // namespace

TEST_CASE("an idle simulated machine arms no timer", "[sim]") {
    World world;
    CHECK(world.timers.next() == never);
    CHECK(world.state() == PowerState::off);
    World on(Options{{"initial-power", "on"}});
    CHECK(on.state() == PowerState::on);
    CHECK(on.timers.next() == never);
}

TEST_CASE("power follows the buttons with believable timing", "[sim]") {
    World world;
    REQUIRE(world.power(PowerAction::on));
    CHECK(world.state() == PowerState::off); // the supply is still coming up
    world.pass(400ms);
    CHECK(world.state() == PowerState::on);
    world.pass(10s);
    CHECK(world.timers.next() == never);

    REQUIRE(world.power(PowerAction::soft));
    world.pass(3s);
    CHECK(world.state() == PowerState::on); // the guest takes its time
    world.pass(2s);
    CHECK(world.state() == PowerState::off);

    REQUIRE(world.power(PowerAction::on));
    world.pass(1s);
    REQUIRE(world.power(PowerAction::off)); // the hard way is immediate
    CHECK(world.state() == PowerState::off);

    const auto reset = world.power(PowerAction::reset);
    REQUIRE(reset.has_error());
    CHECK(reset.error().code == ErrorCode::failed_precondition);

    REQUIRE(world.pushed.size() == 4);
    const PowerState expected[] = {
        PowerState::on, PowerState::off, PowerState::on, PowerState::off};
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(world.pushed[i].state == expected[i]);
        CHECK_FALSE(world.pushed[i].restarted);
    }
}

TEST_CASE("a reset is pushed as a restart", "[sim]") {
    World world(Options{{"initial-power", "on"}});
    REQUIRE(world.power(PowerAction::reset));
    REQUIRE(world.pushed.size() == 1);
    CHECK(world.pushed[0].state == PowerState::on);
    CHECK(world.pushed[0].restarted);
}

TEST_CASE("speed divides every duration", "[sim]") {
    World world(Options{{"speed", "100"}});
    REQUIRE(world.power(PowerAction::on));
    world.pass(4ms);
    CHECK(world.state() == PowerState::on);
    world.pass(70ms);
    CHECK(world.timers.next() == never);
}

TEST_CASE("a start boots from the device that was set", "[sim]") {
    struct Row {
        bmc::BootDevice device;
        bool efi;
        const char* shown;
    };

    for (const Row& row : {
             Row{bmc::BootDevice::none, false, "boot=disk firmware=bios"},
             Row{bmc::BootDevice::pxe, true, "boot=pxe firmware=efi"},
             Row{bmc::BootDevice::cdrom, false, "boot=cdrom firmware=bios medium=none"},
         }) {
        INFO(row.shown);
        World world;
        Screen screen(world);
        REQUIRE(world.finish(world.driver->set_boot({row.device, false, row.efi}, never)));
        for (int start = 0; start < 2; ++start) { // lasts until told otherwise
            screen.text.clear();
            REQUIRE(world.power(PowerAction::on));
            world.pass(10s);
            CHECK(screen.shows(row.shown));
            CHECK(screen.shows("n1 is up"));
            REQUIRE(world.power(PowerAction::off));
        }
    }
}

TEST_CASE("a machine with native one-time boot forgets it after a start", "[sim]") {
    World world(Options{{"native-boot-once", "true"}});
    CHECK(world.driver->one_time_boot_is_native());
    Screen screen(world);
    REQUIRE(world.finish(world.driver->set_boot({bmc::BootDevice::disk, true, false}, never)));
    REQUIRE(world.finish(world.driver->set_boot({bmc::BootDevice::pxe, false, false}, never)));
    REQUIRE(world.power(PowerAction::on));
    world.pass(10s);
    CHECK(screen.shows("boot=pxe"));
    screen.text.clear();
    REQUIRE(world.power(PowerAction::reset));
    world.pass(10s);
    CHECK(screen.shows("boot=disk"));
}

TEST_CASE("the console echoes, answers and notes an NMI", "[sim]") {
    World world(Options{{"initial-power", "on"}});
    Screen screen(world);
    CHECK(screen.text == "# ");
    screen.text.clear();
    screen.type("echo x-$((6*7))\r");
    CHECK(screen.text == "echo x-$((6*7))\r\nx-42\r\n# ");
    screen.type("nonsense\r");
    CHECK(screen.shows("nonsense: not found"));
    REQUIRE(world.power(PowerAction::diag));
    CHECK(screen.shows("NMI received"));
    screen.type("poweroff\r");
    world.pass(5s);
    CHECK(world.state() == PowerState::off);
    CHECK(screen.shows("Power down"));
    screen.console.reset();
    CHECK(world.timers.next() == never);
}

TEST_CASE("shell arithmetic", "[sim]") {
    CHECK(sim::shell_answer("echo a-$((40+2))-b") == "a-42-b");
    CHECK(sim::shell_answer("echo $((44-2)) $((7))") == "42 7");
    CHECK(sim::shell_answer("echo $((x))") == "0");
    CHECK(sim::shell_answer("echo $((1") == "$((1");
    CHECK(sim::shell_answer("").empty());
}

TEST_CASE("sensors follow power and load, and match the shared set", "[sim]") {
    World world;
    const auto set = sim::sensor_set();
    CHECK(find_kind("sim")->sensors() == set);
    const auto cold = world.finish(world.driver->sensors(never));
    REQUIRE(cold.has_value());
    REQUIRE(cold->size() == set->sensors.size());
    for (std::size_t i = 0; i < cold->size(); ++i) {
        CHECK((*cold)[i].number == set->sensors[i].number);
    }
    REQUIRE(world.power(PowerAction::on));
    world.pass(300s);
    const auto warm = world.finish(world.driver->sensors(never));
    REQUIRE(warm.has_value());
    CHECK((*cold)[0].value < 25); // CPU temperature
    CHECK((*warm)[0].value > 40);
    CHECK((*cold)[2].value == 0); // fan
    CHECK((*warm)[2].value > 3000);
    CHECK((*warm)[7].value > 80);                    // watts
    for (std::size_t i = 0; i < warm->size(); ++i) { // a healthy machine raises no alarm
        const bmc::SensorSpec& spec = set->sensors[i];
        INFO(spec.name);
        const auto& limits = spec.thresholds;
        for (std::size_t t = 0; t < limits.size(); ++t) {
            CHECK((!limits[t] || (t < 3) == ((*warm)[i].value > *limits[t])));
        }
        const double shown = spec.linear.to_value(spec.linear.to_raw((*warm)[i].value));
        CHECK(shown == Approx((*warm)[i].value).margin(std::abs(shown) * 0.02 + 1));
    }
}

TEST_CASE("faults come as ordered", "[sim]") {
    SECTION("slow") {
        World world(Options{{"latency", "2s"}});
        const Mono before = clock_at;
        REQUIRE(world.power(PowerAction::on));
        CHECK(clock_at - before >= 2s);
    }
    SECTION("failing power only") {
        World world(Options{{"fail", "power"}});
        CHECK(world.state() == PowerState::off);
        const auto refused = world.power(PowerAction::on);
        REQUIRE(refused.has_error());
        CHECK(refused.error().code == ErrorCode::unavailable);
        CHECK(world.finish(world.driver->set_boot({}, never)));
    }
    SECTION("hanging") {
        World world(Options{{"hang", "all"}});
        CHECK_FALSE(world.driver->capabilities().pushes_power);
        const auto seen = world.finish(world.driver->power_state(never), 3s);
        REQUIRE(seen.has_error());
        CHECK(seen.error().code == ErrorCode::deadline_exceeded);
    }
    SECTION("flapping") {
        World world(Options{{"flap", "10s"}});
        world.pass(35s);
        CHECK(world.pushed.size() == 3);
    }
    SECTION("random") {
        World world(Options{{"error-rate", "50"}});
        int failed = 0;
        for (int i = 0; i < 200; ++i) {
            failed += world.finish(world.driver->power_state(never)).has_error() ? 1 : 0;
        }
        CHECK(failed > 60);
        CHECK(failed < 140);
    }
    SECTION("a guest that ignores the button") {
        World world(Options{{"initial-power", "on"}, {"ignore-soft", "true"}});
        REQUIRE(world.power(PowerAction::soft));
        world.pass(60s);
        CHECK(world.state() == PowerState::on);
    }
}
