// Every section comes back as it was; what cannot be read changes nothing.

#include "bmc/bmc.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::bmc;

namespace {

const Now now{Mono(std::chrono::hours(1)), Wall(std::chrono::hours(500'000))};

User user(u8 id, std::string_view name) {
    User made;
    made.id = id;
    made.name.assign(name);
    made.password = Key20(Bytes(ByteArray<5>{'p', 'a', 's', 's', id}));
    made.password_is_20 = id % 2 == 0;
    made.enabled = true;
    made.messaging = true;
    made.limit = Privilege::operator_;
    return made;
}

/// A controller in which every section differs from a new one's.
Bmc lived_in() {
    Bmc bmc(Config{}, now);
    REQUIRE(bmc.users.set(user(2, "alice")));
    REQUIRE(bmc.users.set(user(16, "0123456789abcdef")));
    bmc.users.set_kg(Key20(Bytes(ByteArray<3>{1, 2, 3})));
    bmc.users.lock_kg();
    bmc.power.policy = RestorePolicy::previous;
    bmc.power.cycle_interval_s = 9;
    bmc.power.disabled_buttons = 5;
    bmc.observe(now, PowerSeen{.state = PowerState::on, .restarted = false});
    bmc.observe(now, PowerSeen{.state = PowerState::off, .restarted = false});
    bmc.boot.set_keep_valid(now, Boot::keep_without_control);
    bmc.boot.set_flags(now, {0xe0, 0x04, 0x11, 0x22, 0x33});
    bmc.boot.set_mailbox(2, {9, 8, 7});
    bmc.boot.initiator_info = {1, 2, 3};
    bmc.boot.acknowledge = 0x1f;
    bmc.boot.mark_invalid(BootParameter::service_partition, true);
    bmc.channel.stored.limit = Privilege::operator_;
    bmc.sol.retry_count = 3;
    WatchdogSettings settings;
    settings.use = WatchdogUse::sms_os;
    settings.countdown_100ms = 600;
    bmc.watchdog.set(now, settings, false);
    bmc.system_info.set_text(SystemInfoParameter::system_name, "n1.example");
    bmc.messaging.enables = 0x0c;
    return bmc;
}

constexpr Section sections[] = {
    Section::users,
    Section::power,
    Section::boot,
    Section::sel,
    Section::fru,
    Section::sensors,
    Section::channel,
    Section::watchdog,
    Section::system,
};

} // namespace

TEST_CASE("all sections are saved, loaded, and saved again as the same bytes") {
    static_assert(std::size(sections) == section_count);
    const Bmc old = lived_in();
    Bmc fresh(Config{}, now);
    for (const Section section : sections) {
        INFO("section " << static_cast<int>(section));
        const auto saved = old.save(section, now);
        REQUIRE(fresh.load(section, saved, now));
        CHECK(fresh.save(section, now) == saved);
    }
    const User* alice = fresh.users.find_by_name(Bytes(ByteArray<5>{'a', 'l', 'i', 'c', 'e'}));
    REQUIRE(alice != nullptr);
    CHECK(alice->limit == Privilege::operator_);
    CHECK(alice->password == old.users.find(2)->password);
    CHECK(fresh.users.has_kg());
    CHECK(fresh.users.kg_locked());
    CHECK(fresh.boot.flags() == ByteArray<5>{0xe0, 0x04, 0x11, 0x22, 0x33});
    CHECK(fresh.boot.mailbox(2)[0] == 9);
    CHECK(fresh.boot.is_marked_invalid(BootParameter::service_partition));
    CHECK(fresh.channel.active.limit == Privilege::operator_);
    CHECK(fresh.sol.retry_count == 3);
    CHECK(fresh.watchdog.settings().countdown_100ms == 600);
    CHECK(fresh.messaging.enables == 0x0c);
    CHECK(fresh.sel.size() == 1);
}

TEST_CASE("a section cut off anywhere is refused and changes nothing") {
    const Bmc old = lived_in();
    for (const Section section : sections) {
        const auto saved = old.save(section, now);
        Bmc fresh(Config{}, now);
        const auto before = fresh.save(section, now);
        for (std::size_t size = 0; size < saved.size(); ++size) {
            INFO("section " << static_cast<int>(section) << " cut to " << size);
            const bool loaded = fresh.load(section, Bytes(saved).first(size), now);
            CHECK_FALSE(loaded);
            REQUIRE(fresh.save(section, now) == before);
        }
    }
}

TEST_CASE("a section with a byte too many, or of another version, is refused") {
    const Bmc old = lived_in();
    for (const Section section : sections) {
        INFO("section " << static_cast<int>(section));
        auto saved = old.save(section, now);
        Bmc fresh(Config{}, now);
        saved.push_back(0);
        CHECK_FALSE(fresh.load(section, saved, now));
        saved.pop_back();
        saved[0] = 0xee; // a version, or a part's length
        CHECK_FALSE(fresh.load(section, saved, now));
    }
}

TEST_CASE("whatever bit is flipped, loading ends, and either takes all or nothing") {
    const Bmc old = lived_in();
    for (const Section section : sections) {
        const auto saved = old.save(section, now);
        for (std::size_t bit = 0; bit < saved.size() * 8; ++bit) {
            auto broken = saved;
            broken[bit / 8] = static_cast<u8>(broken[bit / 8] ^ 1U << bit % 8);
            Bmc fresh(Config{}, now);
            const auto before = fresh.save(section, now);
            if (!fresh.load(section, broken, now)) {
                INFO("section " << static_cast<int>(section) << " bit " << bit);
                REQUIRE(fresh.save(section, now) == before);
            }
        }
    }
}

TEST_CASE("saved users are in order, once each, and in their slots") {
    Users users;
    REQUIRE(users.set(user(3, "b")));
    REQUIRE(users.set(user(2, "a")));
    CHECK_FALSE(users.set(user(1, "null")));
    CHECK_FALSE(users.set(user(17, "far")));
    std::vector<u8> saved;
    users.save(saved);
    std::vector<u8> again = saved;
    Users read;
    REQUIRE(read.load(saved));
    CHECK(read.list().size() == 2);
    CHECK(read.list().front().id == 2);
    constexpr std::size_t first_id_at = 1 + 20 + 1 + 1; // version, K_g, lock, count
    REQUIRE(again[first_id_at] == 2);
    for (const u8 id : {u8{0}, u8{1}, u8{3}, u8{17}}) {
        again[first_id_at] = id;
        CHECK_FALSE(read.load(again));
    }
}

TEST_CASE("one-time flags are armed again after a restart, persistent ones are left to the machine"
) {
    Bmc old(Config{}, now);
    old.set_boot(now, {.device = BootDevice::pxe, .persistent = false, .efi = true});
    Bmc fresh(Config{}, now);
    REQUIRE(fresh.load(Section::boot, old.save(Section::boot, now), now));
    REQUIRE(fresh.outbox.size() == 1);
    CHECK(std::get<SetBoot>(fresh.outbox[0]).boot.device == BootDevice::pxe);

    old.set_boot(now, {.device = BootDevice::disk, .persistent = true, .efi = false});
    Bmc other(Config{}, now);
    REQUIRE(other.load(Section::boot, old.save(Section::boot, now), now));
    CHECK(other.outbox.empty());
}
