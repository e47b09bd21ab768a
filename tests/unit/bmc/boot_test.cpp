// The lasting choice behind a one-time one.

#include "bmc/bmc.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::bmc;

namespace {

const Now now{Mono(std::chrono::hours(1)), Wall(std::chrono::hours(500'000))};

constexpr BootRequest disk{.device = BootDevice::disk, .persistent = true, .efi = true};
constexpr BootRequest pxe_once{.device = BootDevice::pxe, .persistent = false, .efi = false};
constexpr BootRequest nothing{};

/// The same controller after the supervisor was started anew.
Bmc reborn(const Bmc& old) {
    Bmc fresh(Config{}, now);
    REQUIRE(fresh.load(Section::boot, old.save(Section::boot, now), now));
    return fresh;
}

} // namespace

TEST_CASE("a lasting boot device stands behind a one-time one, over a restart too", "[boot]") {
    Bmc bmc(Config{}, now);
    bmc.set_boot(now, disk);
    bmc.set_boot(now, pxe_once);
    CHECK(bmc.boot.request() == pxe_once);
    CHECK(bmc.boot.standing() == disk);

    Bmc fresh = reborn(bmc);
    CHECK(fresh.boot.request() == pxe_once);
    CHECK(fresh.boot.standing() == disk);

    fresh.boot.used_up();
    CHECK(fresh.boot.request() == nothing);
    CHECK(fresh.boot.standing() == disk);
    CHECK(reborn(fresh).boot.standing() == disk);
}

TEST_CASE("who takes the choice back takes the lasting one back", "[boot]") {
    Bmc bmc(Config{}, now);
    bmc.set_boot(now, disk);
    bmc.set_boot(now, pxe_once);
    bmc.set_boot(now, nothing);
    CHECK(bmc.boot.standing() == nothing);
    CHECK(reborn(bmc).boot.standing() == nothing);
}

TEST_CASE("flags that are marked invalid ask for nothing lasting either", "[boot]") {
    Bmc bmc(Config{}, now);
    bmc.set_boot(now, disk);
    bmc.boot.mark_invalid(BootParameter::flags, true);
    bmc.boot_changed();
    CHECK(bmc.boot.standing() == nothing);
    bmc.boot.mark_invalid(BootParameter::flags, false);
    bmc.boot_changed();
    CHECK(bmc.boot.standing() == disk);
}

TEST_CASE("a record of before there was a standing device is still read", "[boot]") {
    Bmc bmc(Config{}, now);
    bmc.set_boot(now, disk);
    std::vector<u8> saved = bmc.save(Section::boot, now);
    saved[0] = 1;                   // its version
    saved.resize(saved.size() - 2); // device and mode
    Bmc fresh(Config{}, now);
    REQUIRE(fresh.load(Section::boot, saved, now));
    CHECK(fresh.boot.standing() == disk);
}
