#include "bmc/bmc.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::bmc;
using namespace std::chrono_literals;

namespace {

Now at(Duration since_start) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since_start);
    return {Mono(1h) + since_start, Wall(std::chrono::hours(500'000)) + ms};
}

PowerSeen seen(PowerState state, bool restarted = false) {
    return {.state = state, .restarted = restarted};
}

std::vector<SetPower> power_intents(const Bmc& bmc) {
    std::vector<SetPower> found;
    for (const Intent& intent : bmc.outbox) {
        if (const auto* one = std::get_if<SetPower>(&intent)) {
            found.push_back(*one);
        }
    }
    return found;
}

/// A new controller that has loaded what another one kept.
Bmc reborn(const Bmc& old, Now now) {
    Bmc bmc(Config{}, now);
    REQUIRE(bmc.load(Section::power, old.save(Section::power, now), now));
    return bmc;
}

} // namespace

TEST_CASE("freshness by age, by action, by what pushes") {
    const Config config;
    Power power;
    CHECK(power.freshness(config, at(0s).mono) == Freshness::stale);
    power.observe(at(0s), seen(PowerState::on));
    CHECK(power.freshness(config, at(2s).mono) == Freshness::fresh);
    CHECK(power.freshness(config, at(2001ms).mono) == Freshness::usable);
    CHECK(power.freshness(config, at(60s).mono) == Freshness::usable);
    CHECK(power.freshness(config, at(60001ms).mono) == Freshness::stale);
    power.observe(at(61s), seen(PowerState::unknown));
    CHECK(power.freshness(config, at(61s).mono) == Freshness::stale);
}

TEST_CASE("an action is in flight until its Done, or until it was forgotten") {
    Power power;
    power.begin(at(0s), PowerAction::off, RestartCause::chassis_control, 5, 1, 1);
    CHECK(power.in_flight(at(10s).mono));
    CHECK_FALSE(power.end(at(10s), Done{.ticket = 4, .outcome = Outcome::ok}).mine);
    CHECK(power.end(at(10s), Done{.ticket = 5, .outcome = Outcome::ok}).mine);
    CHECK_FALSE(power.in_flight(at(10s).mono));
    CHECK_FALSE(power.end(at(11s), Done{.ticket = 5, .outcome = Outcome::ok}).mine);
    power.begin(at(20s), PowerAction::off, RestartCause::chassis_control, 6, 1, 1);
    CHECK(power.in_flight(at(20s + 5min).mono));
    CHECK_FALSE(power.in_flight(at(21s + 5min).mono));
}

TEST_CASE("only actions that do more when done twice are guarded after their end") {
    Power power;
    power.begin(at(0s), PowerAction::on, RestartCause::chassis_control, 1, 7, 1);
    power.end(at(1s), Done{.ticket = 1, .outcome = Outcome::ok});
    CHECK_FALSE(power.is_repeat(at(2s).mono, PowerAction::on, 7));
    power.begin(at(2s), PowerAction::cycle, RestartCause::chassis_control, 2, 7, 1);
    CHECK(power.is_repeat(at(2s).mono, PowerAction::cycle, 8)); // in flight: whoever asks
    CHECK_FALSE(power.is_repeat(at(2s).mono, PowerAction::reset, 7));
    power.end(at(3s), Done{.ticket = 2, .outcome = Outcome::ok});
    CHECK(power.is_repeat(at(8s).mono, PowerAction::cycle, 7));
    CHECK_FALSE(power.is_repeat(at(8s).mono, PowerAction::cycle, 8));
    CHECK_FALSE(power.is_repeat(at(9s).mono, PowerAction::cycle, 7));
}

TEST_CASE("a cycle is one start, a reset is one start, however often it shows") {
    Power power;
    power.observe(at(0s), seen(PowerState::on));
    power.begin(at(1s), PowerAction::cycle, RestartCause::chassis_control, 1, 7, 1);
    CHECK(power.observe(at(2s), seen(PowerState::off)).turned_off);
    const PowerChange on = power.observe(at(5s), seen(PowerState::on));
    CHECK(on.started);
    CHECK(on.cause == RestartCause::chassis_control);
    CHECK_FALSE(power.end(at(6s), Done{.ticket = 1, .outcome = Outcome::ok}).started);

    power.begin(at(100s), PowerAction::reset, RestartCause::watchdog, 2, 0, 0);
    CHECK(power.end(at(101s), Done{.ticket = 2, .outcome = Outcome::ok}).started);
    CHECK(power.restart_cause() == RestartCause::watchdog);
    CHECK_FALSE(power.observe(at(102s), seen(PowerState::on, true)).started);
    const PowerChange again = power.observe(at(1000s), seen(PowerState::on, true));
    CHECK(again.started);
    CHECK(again.cause == RestartCause::unknown);
}

TEST_CASE("every power change is in the log, a look that shows nothing new is not") {
    Bmc bmc(Config{}, at(0s));
    bmc.observe(at(0s), seen(PowerState::on));
    bmc.observe(at(1s), seen(PowerState::on));
    CHECK(bmc.sel.size() == 0);
    bmc.observe(at(2s), seen(PowerState::off));
    CHECK(bmc.sel.size() == 1);
    bmc.observe(at(3s), seen(PowerState::off));
    CHECK(bmc.sel.size() == 1);
    bmc.observe(at(4s), seen(PowerState::on)); // the power unit, and a boot
    CHECK(bmc.sel.size() == 3);
    bmc.observe(at(5s), seen(PowerState::on, true));
    CHECK(bmc.sel.size() == 4);
    CHECK(bmc.dirty.has(Section::sel));
    CHECK(bmc.dirty.has(Section::power));
}

TEST_CASE("restore policy: what happens when the supervisor starts") {
    struct Row {
        const char* name;
        RestorePolicy policy;
        PowerState last;
        PowerState first_seen;
        bool turns_on;
        RestartCause cause;
    };

    const auto none = RestartCause::unknown;
    const Row row = GENERATE_COPY(values<Row>({
        {"always on",
         RestorePolicy::always_on,
         PowerState::off,
         PowerState::off,
         true,
         RestartCause::policy_always_on},
        {"always on, is on",
         RestorePolicy::always_on,
         PowerState::off,
         PowerState::on,
         false,
         none},
        {"always off, was on",
         RestorePolicy::always_off,
         PowerState::on,
         PowerState::off,
         false,
         none},
        {"always off, is on",
         RestorePolicy::always_off,
         PowerState::on,
         PowerState::on,
         false,
         none},
        {"previous, was on",
         RestorePolicy::previous,
         PowerState::on,
         PowerState::off,
         true,
         RestartCause::policy_restore_previous},
        {"previous, was off",
         RestorePolicy::previous,
         PowerState::off,
         PowerState::off,
         false,
         none},
        {"previous, was off, is on",
         RestorePolicy::previous,
         PowerState::off,
         PowerState::on,
         false,
         none},
    }));
    INFO(row.name);
    Bmc old(Config{}, at(0s));
    old.power.policy = row.policy;
    old.observe(at(0s), seen(row.last));
    REQUIRE(
        power_intents(old).size() ==
        (row.policy == RestorePolicy::always_on && row.last == PowerState::off ? 1 : 0)
    );

    Bmc bmc = reborn(old, at(10s));
    bmc.observe(at(11s), seen(PowerState::unknown)); // says nothing yet
    CHECK(power_intents(bmc).empty());
    bmc.observe(at(12s), seen(row.first_seen));
    const auto intents = power_intents(bmc);
    REQUIRE(intents.size() == (row.turns_on ? 1 : 0));
    if (row.turns_on) {
        CHECK(intents[0].action == PowerAction::on);
        CHECK(intents[0].cause == row.cause);
        bmc.outbox.clear();
        bmc.observe(at(20s), seen(PowerState::on));
        CHECK(bmc.power.restart_cause() == row.cause);
        CHECK_FALSE(bmc.power.on_by_ipmi());
    }
    bmc.outbox.clear();
    bmc.observe(at(30s), seen(PowerState::off)); // later looks do not restore
    CHECK(power_intents(bmc).empty());
}

TEST_CASE("an endpoint made anew within the same supervisor restores nothing") {
    Bmc old(Config{}, at(0s));
    old.power.policy = RestorePolicy::always_on;
    Bmc bmc = reborn(old, at(10s));
    bmc.power.skip_restore();
    bmc.observe(at(11s), seen(PowerState::off));
    CHECK(bmc.outbox.empty());
}

TEST_CASE("what changed while nobody looked is a change") {
    Bmc old(Config{}, at(0s));
    old.observe(at(0s), seen(PowerState::on));
    Bmc bmc = reborn(old, at(10s));
    bmc.observe(at(11s), seen(PowerState::off));
    CHECK(bmc.sel.size() == 1);
}

TEST_CASE("power-on hours go on over restarts and are saved now and then") {
    Bmc bmc(Config{}, at(0s));
    CHECK(bmc.next_deadline() == never);
    bmc.observe(at(0s), seen(PowerState::on));
    bmc.dirty.clear();
    CHECK(bmc.next_deadline() == at(15min).mono);
    bmc.on_deadline(at(15min));
    CHECK(bmc.dirty.has(Section::power));
    CHECK(bmc.next_deadline() == at(30min).mono);
    Bmc next = reborn(bmc, at(20min));
    CHECK(next.power.time_on(at(10h).mono) == 20min); // not seen on yet
    next.observe(at(10h), seen(PowerState::on));
    CHECK(next.power.time_on(at(11h).mono) == 80min);
    next.observe(at(11h), seen(PowerState::off));
    CHECK(next.next_deadline() == never);
    CHECK(next.power.time_on(at(20h).mono) == 80min);
}
