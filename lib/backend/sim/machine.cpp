#include "backend/sim/machine.h"

#include "backend/sim/sensors.h"

#include <cmath>
#include <functional>
#include <utility>

namespace vbmc::backend::sim {

namespace {

// How long a phase lasts at speed 1, in seconds.
constexpr double starting_s = 0.3; // from the button to the power supply's "good"
constexpr double post_s = 3.0;
constexpr double boot_s = 3.0;
constexpr double stopping_s = 4.0; // the operating system goes down in order
constexpr double warm_up_s = 60.0;

constexpr std::string_view prompt = "# ";

} // namespace

Machine::Machine(std::string name, double speed, bool on, Mono now)
    : name_(std::move(name)), since_(now), speed_(static_cast<float>(speed > 0 ? speed : 1)),
      heat_at_(now) {
    if (on) {
        phase_ = Phase::running;
        heat_ = 1;
        booted_ = bmc::BootDevice::disk;
    }
}

Machine::~Machine() = default;

bmc::PowerState Machine::power() const noexcept {
    const bool off = phase_ == Phase::off || phase_ == Phase::starting;
    return off ? bmc::PowerState::off : bmc::PowerState::on;
}

bool Machine::press(bmc::PowerAction action, Mono now) {
    advance(now);
    const bool is_on = power() == bmc::PowerState::on;
    switch (action) {
    case bmc::PowerAction::on:
        if (phase_ == Phase::off) {
            enter(Phase::starting, now);
        }
        return true;
    case bmc::PowerAction::off:
        if (phase_ != Phase::off) {
            print("\r\n");
            enter(Phase::off, now);
        }
        return true;
    case bmc::PowerAction::soft:
        if (phase_ == Phase::starting) {
            enter(Phase::off, now);
        } else if (is_on && phase_ != Phase::stopping) {
            print("\r\nThe system is going down for power-off\r\n");
            enter(Phase::stopping, now);
        }
        return true;
    case bmc::PowerAction::reset:
    case bmc::PowerAction::cycle:
        if (is_on) {
            start_over(now);
        }
        return is_on;
    case bmc::PowerAction::diag:
        if (is_on) {
            print("\r\nNMI received\r\n");
            print(phase_ == Phase::running ? prompt : "");
        }
        return is_on;
    }
    return false;
}

void Machine::set_boot(const bmc::BootRequest& boot) noexcept {
    if (boot.persistent || boot.device == bmc::BootDevice::none) {
        always_ = boot;
        once_ = {};
    } else {
        once_ = boot;
    }
}

bmc::BootDevice Machine::next_boot() const noexcept {
    if (once_.device != bmc::BootDevice::none) {
        return once_.device;
    }
    return always_.device != bmc::BootDevice::none ? always_.device : bmc::BootDevice::disk;
}

void Machine::set_medium(std::string image) {
    medium_ = image.empty() ? nullptr : std::make_unique<const std::string>(std::move(image));
}

Duration Machine::scaled(double seconds) const noexcept {
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(seconds / static_cast<double>(speed_))
    );
}

double Machine::heat(Mono now) const noexcept {
    const double target = power() == bmc::PowerState::on ? 1.0 : 0.0;
    const double passed = std::chrono::duration<double>(now - heat_at_).count();
    const double left = std::exp(-passed * static_cast<double>(speed_) / warm_up_s);
    return target + (static_cast<double>(heat_) - target) * left;
}

void Machine::enter(Phase phase, Mono now) {
    heat_ = static_cast<float>(heat(now));
    heat_at_ = now;
    phase_ = phase;
    since_ = now;
    switch (phase) {
    case Phase::off:
    case Phase::running:
        change_at_ = never;
        break;
    case Phase::starting:
        change_at_ = now + scaled(starting_s);
        break;
    case Phase::post:
        change_at_ = now + scaled(post_s);
        break;
    case Phase::boot:
        change_at_ = now + scaled(boot_s);
        break;
    case Phase::stopping:
        change_at_ = now + scaled(stopping_s);
        break;
    }
}

void Machine::start_over(Mono now) {
    ++starts_;
    const bmc::BootRequest asked = once_.device != bmc::BootDevice::none ? once_ : always_;
    booted_ = next_boot(); // the firmware reads its settings once
    efi_ = asked.efi;
    once_ = {};
    enter(Phase::post, now);
    print("\r\n\r\nvbmcd simulated machine " + name_ + "\r\nPOST: memory ok, 2 processors\r\n");
}

bool Machine::advance(Mono now) {
    bool told = false;
    while (change_at_ <= now) {
        const Mono at = change_at_;
        switch (phase_) {
        case Phase::starting:
            start_over(at);
            told = true;
            break;
        case Phase::post: {
            enter(Phase::boot, at);
            print("boot=" + std::string(boot_word(booted_)));
            print(efi_ ? " firmware=efi" : " firmware=bios");
            const bool removable = booted_ == bmc::BootDevice::cdrom;
            print(removable ? " medium=" + (medium_ ? *medium_ : "none") : "");
            print("\r\nLoading the operating system\r\n");
            break;
        }
        case Phase::boot:
            enter(Phase::running, at);
            print("\r\n" + name_ + " is up\r\n");
            print(prompt);
            break;
        case Phase::stopping:
            print("Power down\r\n");
            enter(Phase::off, at);
            told = true;
            break;
        case Phase::off:
        case Phase::running:
            change_at_ = never;
            break;
        }
    }
    return told;
}

double Machine::reading(u8 sensor, Mono now) const {
    const bool is_on = power() == bmc::PowerState::on;
    const double warm = heat(now);
    const double phase = static_cast<double>(std::hash<std::string>()(name_) % 628) / 100;
    const double seconds = std::chrono::duration<double>(now.time_since_epoch()).count();
    const double wave = std::sin(seconds / 37 + phase); // the load: each machine has its own rhythm
    const double load = is_on && phase_ != Phase::post ? 0.5 + 0.4 * wave : 0.0;
    switch (sensor) {
    case sensor_cpu_temp:
        return 22 + warm * (20 + 25 * load);
    case sensor_inlet_temp:
        return 21 + warm * 2 + wave;
    case sensor_fan_1:
        return is_on ? 3600 + 3000 * load : 0;
    case sensor_fan_2:
        return is_on ? 3700 + 3000 * load : 0;
    case sensor_volt_12:
        return is_on ? 12.06 - 0.12 * load : 0;
    case sensor_volt_5:
        return is_on ? 5.03 - 0.03 * load : 0;
    case sensor_volt_3:
        return 3.31; // standby rail
    case sensor_power:
        return is_on ? 90 + 160 * load : 8;
    default:
        return 0;
    }
}

} // namespace vbmc::backend::sim
