#include "bmc/bmc.h"
#include "bmc/sel.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using bmc::Sel;

namespace {

constexpr Now at(i64 seconds) {
    return {
        Mono(std::chrono::seconds(seconds)), Wall(std::chrono::seconds(1'700'000'000 + seconds))};
}

bmc::SelEvent power_off() {
    bmc::SelEvent event;
    event.sensor_type = 0x09;
    event.sensor_number = 0x01;
    event.data = {0x00, 0xff, 0xff};
    return event;
}

u16 id_of(const Sel::Record& record) {
    return static_cast<u16>(record[0] | record[1] << 8);
}

std::vector<u16> walk(const Sel& sel) {
    std::vector<u16> ids;
    for (auto found = sel.find(Sel::first_id); found; found = sel.find(found->next)) {
        ids.push_back(id_of(*found->record));
        if (found->next == Sel::last_id) {
            break;
        }
    }
    return ids;
}

std::vector<u8> saved(const Sel& sel) {
    std::vector<u8> bytes;
    sel.save(bytes);
    return bytes;
}

} // namespace

TEST_CASE("an event becomes a system event record") {
    Sel sel;
    CHECK(sel.add(at(1), power_off()) == 1);
    // 1'700'000'001 = 6553f101h
    CHECK(
        sel.records().front() ==
        Sel::Record{1, 0, 2, 0x01, 0xf1, 0x53, 0x65, 0x20, 0, 4, 0x09, 1, 0x6f, 0, 0xff, 0xff}
    );
    bmc::SelEvent on = power_off();
    on.asserted = false;
    sel.add(at(2), on);
    CHECK(sel.records().back()[12] == 0xef);
    CHECK(sel.added_at() == 1'700'000'002);
    CHECK(sel.erased_at() == 0xffffffff);
}

TEST_CASE("a client's record keeps its content; the time stamp of timeless types too") {
    Sel sel;
    Sel::Record record{0xaa, 0xbb, 0xc5, 9, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    sel.add(at(0), record);
    CHECK(id_of(sel.records()[0]) == 1);
    CHECK(sel.records()[0][3] == 0x00);
    CHECK(sel.records()[0][15] == 9);
    record[2] = 0xe1;
    sel.add(at(0), record);
    CHECK(sel.records()[1][3] == 9);
}

TEST_CASE("first, last and next ids") {
    Sel sel;
    CHECK_FALSE(sel.find(Sel::first_id));
    CHECK_FALSE(sel.find(Sel::last_id));
    for (int i = 0; i < 3; ++i) {
        sel.add(at(i), power_off());
    }
    CHECK(walk(sel) == std::vector<u16>{1, 2, 3});
    CHECK(sel.find(Sel::last_id)->next == Sel::last_id);
    CHECK(id_of(*sel.find(Sel::last_id)->record) == 3);
    CHECK(sel.find(1)->next == 2);
    CHECK_FALSE(sel.find(4));
}

TEST_CASE("ids stay when an entry in the middle goes") {
    Sel sel;
    for (int i = 0; i < 3; ++i) {
        sel.add(at(i), power_off());
    }
    CHECK(sel.erase(2, at(10)) == 2);
    CHECK_FALSE(sel.erase(2, at(10)));
    CHECK(walk(sel) == std::vector<u16>{1, 3});
    CHECK(sel.erased_at() == 1'700'000'010);
    CHECK(sel.add(at(11), power_off()) == 4);
    CHECK(sel.erase(Sel::first_id, at(12)) == 1);
    CHECK(sel.erase(Sel::last_id, at(12)) == 4);
    CHECK(walk(sel) == std::vector<u16>{3});
}

TEST_CASE("a full log drops its oldest and says so") {
    Sel sel;
    for (std::size_t i = 0; i < Sel::capacity; ++i) {
        sel.add(at(0), power_off());
    }
    CHECK(sel.full());
    CHECK_FALSE(sel.overflowed());
    CHECK(sel.add(at(1), power_off()) == 513);
    CHECK(sel.size() == Sel::capacity);
    CHECK(sel.overflowed());
    CHECK_FALSE(sel.find(1));
    CHECK(id_of(*sel.find(Sel::first_id)->record) == 2);
    sel.clear(at(2));
    CHECK(sel.size() == 0);
    CHECK_FALSE(sel.overflowed());
}

TEST_CASE("ids wrap past the reserved ones and past those in use") {
    Sel sel;
    sel.add(at(0), power_off());
    for (int i = 0; i < 0xfffe; ++i) {
        const u16 id = sel.add(at(0), power_off());
        REQUIRE(id != Sel::first_id);
        REQUIRE(id != Sel::last_id);
        REQUIRE(id != 1);
        sel.erase(id, at(0));
    }
    CHECK(walk(sel) == std::vector<u16>{1});
}

TEST_CASE("every change of the log ends a reservation") {
    Sel sel;
    u16 held = sel.reservation.renew();
    CHECK(sel.reservation.holds(held));
    const u16 newer = sel.reservation.renew();
    CHECK_FALSE(sel.reservation.holds(held));
    CHECK(sel.reservation.holds(newer));
    sel.add(at(0), power_off());
    CHECK_FALSE(sel.reservation.holds(newer));
    held = sel.reservation.renew();
    sel.erase(Sel::first_id, at(0));
    CHECK_FALSE(sel.reservation.holds(held));
    held = sel.reservation.renew();
    sel.clear(at(0));
    CHECK_FALSE(sel.reservation.holds(held));
    CHECK_FALSE(sel.reservation.holds(0));
}

TEST_CASE("the log's clock runs from where it was set") {
    Sel sel;
    CHECK(sel.clock(at(5)) == 1'700'000'005);
    sel.set_clock(at(5), 1000);
    CHECK(sel.clock(at(65)) == 1060);
    sel.add(at(65), power_off());
    CHECK(sel.added_at() == 1060);
}

TEST_CASE("a log comes back as it was saved") {
    Sel sel;
    sel.set_clock(at(0), 500);
    sel.set_utc_offset(-120);
    for (std::size_t i = 0; i < Sel::capacity + 3; ++i) {
        sel.add(at(1), power_off());
    }
    sel.erase(100, at(2));
    Sel again;
    REQUIRE(again.load(saved(sel)));
    CHECK(saved(again) == saved(sel));
    CHECK(again.records() == sel.records());
    CHECK(again.overflowed());
    CHECK(again.utc_offset() == -120);
    CHECK(again.clock(at(10)) == 510);
    CHECK(again.add(at(3), power_off()) == sel.add(at(3), power_off()));
}

TEST_CASE("saved bytes that are not whole are refused and change nothing") {
    Sel sel;
    sel.add(at(0), power_off());
    sel.add(at(1), power_off());
    const std::vector<u8> whole = saved(sel);
    Sel other;
    other.add(at(9), power_off());
    const std::vector<u8> before = saved(other);
    for (std::size_t n = 0; n < whole.size(); ++n) {
        INFO("cut to " << n);
        CHECK_FALSE(other.load(Bytes(whole).first(n)));
    }
    std::vector<u8> longer = whole;
    longer.push_back(0);
    CHECK_FALSE(other.load(longer));
    std::vector<u8> newer = whole;
    newer[0] = 99;
    CHECK_FALSE(other.load(newer));
    CHECK(saved(other) == before);
}

TEST_CASE("an event is logged, kept and offered to the event buffer unless logging is off") {
    bmc::Bmc model(bmc::Config{}, at(0));
    model.messaging.enables = bmc::Messaging::event_log | bmc::Messaging::event_buffer;
    log_event(model, at(0), power_off());
    CHECK(model.sel.size() == 1);
    CHECK(model.dirty.has(bmc::Section::sel));
    CHECK(model.messaging.take_event() == model.sel.records().front());
    model.messaging.enables = 0;
    log_event(model, at(0), power_off());
    CHECK(model.sel.size() == 1);
}
