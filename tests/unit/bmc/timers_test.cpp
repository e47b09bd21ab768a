// The parts that count time: watchdog, identify light, and how Bmc drives them.

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

WatchdogSettings settings(u16 countdown_100ms) {
    WatchdogSettings made;
    made.use = WatchdogUse::sms_os;
    made.action = WatchdogAction::hard_reset;
    made.countdown_100ms = countdown_100ms;
    return made;
}

} // namespace

TEST_CASE("an idle controller has no deadline") {
    const Bmc bmc(Config{}, at(0s));
    CHECK(bmc.next_deadline() == never);
}

TEST_CASE("the watchdog's remaining time is rounded up and stops at zero") {
    Watchdog timer;
    timer.set(at(0s), settings(100), false);
    CHECK(timer.remaining(at(5s).mono) == 100); // not running
    REQUIRE(timer.start(at(0s)));
    CHECK(timer.remaining(at(0s).mono) == 100);
    CHECK(timer.remaining(at(1ms).mono) == 100);
    CHECK(timer.remaining(at(100ms).mono) == 99);
    CHECK(timer.remaining(at(9999ms).mono) == 1);
    CHECK(timer.remaining(at(20s).mono) == 0);
    CHECK(timer.next_deadline() == at(10s).mono);
}

TEST_CASE("a timer that is looked at late still interrupts before it expires") {
    Watchdog timer;
    WatchdogSettings with = settings(100);
    with.interrupt = WatchdogInterrupt::nmi;
    with.interrupt_ahead_s = 3;
    timer.set(at(0s), with, false);
    REQUIRE(timer.start(at(0s)));
    CHECK(timer.next_deadline() == at(7s).mono);
    CHECK(timer.on_deadline(at(6s)) == Watchdog::Event::nothing);
    CHECK(timer.on_deadline(at(60s)) == Watchdog::Event::interrupt);
    CHECK(timer.on_deadline(at(60s)) == Watchdog::Event::expired);
    CHECK(timer.on_deadline(at(60s)) == Watchdog::Event::nothing);
    CHECK(timer.settings().expired_uses == 0x10);
}

TEST_CASE("an interrupt longer ahead than the countdown comes at once") {
    Watchdog timer;
    WatchdogSettings with = settings(10);
    with.interrupt = WatchdogInterrupt::messaging;
    with.interrupt_ahead_s = 200;
    timer.set(at(0s), with, false);
    REQUIRE(timer.start(at(0s)));
    CHECK(timer.on_deadline(at(0s)) == Watchdog::Event::interrupt);
    CHECK(timer.next_deadline() == at(1s).mono);
}

TEST_CASE("the controller's deadline is its earliest part's") {
    Bmc bmc(Config{}, at(0s));
    bmc.identify_light.light(at(0s).mono, 15);
    CHECK(bmc.next_deadline() == at(15s).mono);
    bmc.watchdog.set(at(0s), settings(100), false);
    REQUIRE(bmc.watchdog.start(at(0s)));
    CHECK(bmc.next_deadline() == at(10s).mono);
    bmc.boot.set_flags(at(0s), {0x80, 0x04, 0, 0, 0});
    bmc.on_deadline(at(10s));
    CHECK(bmc.next_deadline() == at(15s).mono);
    bmc.on_deadline(at(15s));
    CHECK(bmc.identify_light.state(at(15s).mono) == IdentifyLight::State::off);
}

TEST_CASE("a clock that jumps far ahead ends everything once") {
    Bmc bmc(Config{}, at(0s));
    bmc.observe(at(0s), PowerSeen{.state = PowerState::on, .restarted = false});
    bmc.watchdog.set(at(0s), settings(100), false);
    REQUIRE(bmc.watchdog.start(at(0s)));
    bmc.boot.set_flags(at(0s), {0x80, 0x04, 0, 0, 0});
    bmc.boot_changed();
    bmc.outbox.clear();
    bmc.on_deadline(at(48h));
    std::size_t resets = 0;
    std::size_t disarmed = 0;
    for (const Intent& intent : bmc.outbox) {
        resets += std::holds_alternative<SetPower>(intent) ? 1 : 0;
        disarmed += std::holds_alternative<SetBoot>(intent) ? 1 : 0;
    }
    CHECK(resets == 1);
    CHECK(disarmed == 1);
    CHECK(bmc.next_deadline() > at(48h).mono);
}

TEST_CASE("tickets are never 0 and never the same soon") {
    Bmc bmc(Config{}, at(0s));
    const Ticket first = bmc.new_ticket();
    CHECK(first != 0);
    CHECK(bmc.new_ticket() != first);
}
