#include "bmc/bmc.h"
#include "bmc/sensors.h"
#include "support/sensors.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using bmc::SensorSpec;
using bmc::SensorState;

namespace {

bmc::Config config() {
    bmc::Config made;
    made.sensors = test::test_sensors();
    made.capabilities.sensors = true;
    return made;
}

struct World {
    Now now{Mono(std::chrono::hours(1)), Wall(std::chrono::seconds(1'700'000'000))};
    bmc::Bmc model{config(), now};

    void pass(Duration time) {
        now.mono += time;
        now.wall += std::chrono::duration_cast<std::chrono::milliseconds>(time);
    }

    void power(bmc::PowerState state) { model.observe(now, bmc::PowerSeen{.state = state}); }

    void see(u8 number, double value, bool available = true) {
        model.observe(now, bmc::SensorsSeen{{{number, available, value}}});
    }

    const SensorSpec& spec(u8 number) const {
        return *bmc::find_sensor(model.config.sensors.get(), number);
    }

    SensorState read(u8 number) const { return read_sensor(model, now, spec(number)); }

    /// The events since the last time: sensor, event type with direction, data.
    std::vector<std::vector<u8>> events() {
        std::vector<std::vector<u8>> all;
        for (const auto& record : model.sel.records()) {
            all.emplace_back(record.begin() + 11, record.end());
        }
        model.sel.clear(now);
        return all;
    }
};

using Events = std::vector<std::vector<u8>>;

} // namespace

TEST_CASE("a sensor has no reading until its backend told one") {
    World w;
    w.power(bmc::PowerState::on);
    CHECK_FALSE(w.read(test::cpu_temperature).available);
    w.see(test::cpu_temperature, 41.6);
    const SensorState state = w.read(test::cpu_temperature);
    CHECK(state.available);
    CHECK(state.raw == 42);
    CHECK(state.value == Approx(41.6));
    CHECK(state.compared == 0);
    w.see(test::cpu_temperature, 0, false);
    CHECK_FALSE(w.read(test::cpu_temperature).available);
}

TEST_CASE("a reading goes with the power and with time") {
    World w;
    w.power(bmc::PowerState::on);
    w.see(test::cpu_temperature, 42);
    w.see(test::inlet_temperature, 21);
    w.power(bmc::PowerState::off);
    CHECK_FALSE(w.read(test::cpu_temperature).available);
    CHECK(w.read(test::inlet_temperature).available);
    w.see(test::cpu_temperature, 42); // not while off
    w.power(bmc::PowerState::on);
    CHECK_FALSE(w.read(test::cpu_temperature).available);
    w.pass(w.model.config.stale_after);
    CHECK(w.read(test::inlet_temperature).available);
    w.pass(std::chrono::seconds(1));
    CHECK_FALSE(w.read(test::inlet_temperature).available);
}

TEST_CASE("a crossed threshold is an event, and leaving it takes the hysteresis") {
    World w;
    w.power(bmc::PowerState::on);
    w.events();
    w.see(test::cpu_temperature, 79);
    CHECK(w.events().empty());
    w.see(test::cpu_temperature, 80);
    // upper non-critical going high: reading 80, threshold 80
    CHECK(w.events() == Events{{0x10, 0x01, 0x57, 80, 80}});
    CHECK(w.read(test::cpu_temperature).asserted == 1U << 7);
    w.see(test::cpu_temperature, 79);
    CHECK(w.events().empty()); // within the hysteresis of 2
    CHECK(w.read(test::cpu_temperature).compared == 0);
    CHECK(w.read(test::cpu_temperature).asserted == 1U << 7);
    w.see(test::cpu_temperature, 77);
    CHECK(w.events() == Events{{0x10, 0x81, 0x57, 77, 80}});
    CHECK(w.read(test::cpu_temperature).asserted == 0);
}

TEST_CASE("one jump crosses several thresholds") {
    World w;
    w.power(bmc::PowerState::on);
    w.events();
    w.see(test::cpu_temperature, 120);
    CHECK(
        w.events() ==
        Events{
            {0x10, 0x01, 0x57, 120, 80}, {0x10, 0x01, 0x59, 120, 90}, {0x10, 0x01, 0x5b, 120, 100}}
    );
    CHECK(w.read(test::cpu_temperature).compared == 0x38);
    w.see(test::cpu_temperature, -20);
    CHECK(w.events().size() == 6); // three end, three begin
    CHECK(w.read(test::cpu_temperature).compared == 0x07);
    CHECK(w.read(test::cpu_temperature).asserted == 0x0015);
}

TEST_CASE("lower thresholds work on unsigned readings") {
    World w;
    w.power(bmc::PowerState::on);
    w.events();
    w.see(test::fan, 3000);
    CHECK(w.read(test::fan).raw == 60);
    w.see(test::fan, 500);
    CHECK(w.events() == Events{{0x11, 0x01, 0x52, 10, 10}});
    w.see(test::fan, 550);
    CHECK(w.events().empty()); // hysteresis of one count
    w.see(test::fan, 600);
    CHECK(w.events() == Events{{0x11, 0x81, 0x52, 12, 10}});
}

TEST_CASE("what users change counts at once") {
    World w;
    w.power(bmc::PowerState::on);
    w.events();
    bmc::SensorSettings settings = w.model.sensors.settings(w.spec(test::cpu_temperature));
    CHECK(settings.thresholds == ByteArray<6>{5, 0, 0xf6, 80, 90, 100});
    settings.thresholds[3] = 50;
    settings.hysteresis_up = 0;
    settings.deassertions = 0;
    w.model.sensors.change(settings);
    w.see(test::cpu_temperature, 55);
    CHECK(w.events() == Events{{0x10, 0x01, 0x57, 55, 50}});
    CHECK(w.read(test::cpu_temperature).compared == 0x08);
    w.see(test::cpu_temperature, 49);
    CHECK(w.events().empty()); // its end is not reported
    CHECK(w.read(test::cpu_temperature).asserted == 0);
    settings.event_messages = false;
    w.model.sensors.change(settings);
    w.see(test::cpu_temperature, 99);
    CHECK(w.events().empty());
    settings.scanning = false;
    w.model.sensors.change(settings);
    w.see(test::cpu_temperature, 20);
    CHECK(w.read(test::cpu_temperature).raw == 99);
}

TEST_CASE("a re-armed event is reported again") {
    World w;
    w.power(bmc::PowerState::on);
    w.events();
    w.see(test::cpu_temperature, 95);
    CHECK(w.events().size() == 2);
    w.see(test::cpu_temperature, 95);
    CHECK(w.events().empty());
    w.model.sensors.rearm(test::cpu_temperature, 1U << 9);
    w.see(test::cpu_temperature, 95);
    CHECK(w.events() == Events{{0x10, 0x01, 0x59, 95, 90}});
    w.model.sensors.rearm_all();
    w.see(test::cpu_temperature, 95);
    CHECK(w.events().size() == 2);
}

TEST_CASE("a discrete sensor reports changes, not its first state") {
    World w;
    w.see(test::health, 1);
    CHECK(w.events().empty());
    CHECK(w.read(test::health).states == 1);
    w.see(test::health, 4);
    CHECK(w.events() == Events{{0x13, 0x87, 0, 0xff, 0xff}, {0x13, 0x07, 2, 0xff, 0xff}});
    CHECK(w.read(test::health).states == 4);
    w.see(test::health, 0xff); // only states that it has
    CHECK(w.read(test::health).states == 7);
}

TEST_CASE("hostile readings are not readings") {
    World w;
    w.power(bmc::PowerState::on);
    w.events();
    w.see(0x77, 5);
    w.see(bmc::sensor_number::power_unit, 5);
    w.see(test::cpu_temperature, std::numeric_limits<double>::infinity());
    w.see(test::health, std::numeric_limits<double>::quiet_NaN());
    w.see(test::fan, -1e300);
    CHECK_FALSE(w.read(test::cpu_temperature).available);
    CHECK_FALSE(w.read(test::health).available);
    CHECK(w.read(test::fan).raw == 0);
    CHECK(w.read(bmc::sensor_number::power_supply).states == 1);
}

TEST_CASE("the sensors of the controller itself follow its parts") {
    World w;
    CHECK_FALSE(w.read(bmc::sensor_number::power_unit).available);
    w.power(bmc::PowerState::off);
    CHECK(w.read(bmc::sensor_number::power_unit).states == 0x0001);
    w.power(bmc::PowerState::on);
    CHECK(w.read(bmc::sensor_number::power_unit).states == 0x0000);
    CHECK(w.read(bmc::sensor_number::power_unit).available);
    CHECK(w.read(bmc::sensor_number::acpi).states == 0x0001);
    CHECK(w.read(bmc::sensor_number::event_log).states == 0);
    while (!w.model.sel.full()) {
        w.model.sel.add(w.now, bmc::SelEvent{});
    }
    CHECK(w.read(bmc::sensor_number::event_log).states == 0x0030);
    w.pass(w.model.config.stale_after + std::chrono::seconds(1));
    CHECK_FALSE(w.read(bmc::sensor_number::power_unit).available);
    CHECK(w.read(bmc::sensor_number::event_log).available);
    CHECK_FALSE(w.read(bmc::sensor_number::boot).available);
}

TEST_CASE("old readings are asked for anew, not too often") {
    World w;
    const auto asks = [&w] {
        w.model.outbox.clear();
        refresh_sensors(w.model, w.now);
        return w.model.outbox.size();
    };
    CHECK(asks() == 1);
    CHECK(asks() == 0);
    w.pass(std::chrono::seconds(5));
    CHECK(asks() == 1);
    w.see(test::fan, 100);
    w.pass(std::chrono::seconds(4));
    CHECK(asks() == 0);
    w.pass(std::chrono::seconds(1));
    CHECK(asks() == 1);
    w.pass(std::chrono::seconds(9));
    w.model.config.capabilities.sensors = false;
    CHECK(asks() == 0);
}

TEST_CASE("the controller's own events obey their sensor's enables") {
    World w;
    bmc::SensorSettings unit = w.model.sensors.settings(w.spec(bmc::sensor_number::power_unit));
    unit.assertions = 0;
    w.model.sensors.change(unit);
    w.power(bmc::PowerState::on);
    w.events();
    w.power(bmc::PowerState::off);
    CHECK(w.events().empty());
    bmc::SelEvent theirs;
    theirs.generator = 0x81;
    theirs.sensor_number = bmc::sensor_number::power_unit;
    log_event(w.model, w.now, theirs);
    CHECK(w.events().size() == 1);
    unit.event_messages = false;
    unit.deassertions = 0xffff;
    w.model.sensors.change(unit);
    w.power(bmc::PowerState::on);
    CHECK(
        w.events() == Events{{0x05, 0x6f, 0x00, 0xff, 0xff}}
    ); // the boot sensor's is not disabled
}

TEST_CASE("changed settings persist; cut ones are refused") {
    World w;
    bmc::SensorSettings fan = w.model.sensors.settings(w.spec(test::fan));
    fan.thresholds[1] = 20;
    w.model.sensors.change(fan);
    bmc::SensorSettings cpu = w.model.sensors.settings(w.spec(test::cpu_temperature));
    cpu.assertions = 0x0080;
    w.model.sensors.change(cpu);
    const auto saved = w.model.save(bmc::Section::sensors, w.now);
    World again;
    REQUIRE(again.model.load(bmc::Section::sensors, saved, again.now));
    CHECK(again.model.sensors.settings(again.spec(test::fan)) == fan);
    CHECK(again.model.sensors.settings(again.spec(test::cpu_temperature)) == cpu);
    CHECK(again.model.save(bmc::Section::sensors, again.now) == saved);
    for (std::size_t n = 0; n < saved.size(); ++n) {
        const bool whole = n == 1 || n == 16; // no settings, or one sensor's
        CHECK(again.model.sensors.load(Bytes(saved).first(n)) == whole);
    }
    auto wrong = saved;
    wrong[0] = 9;
    CHECK_FALSE(again.model.sensors.load(wrong));
}
