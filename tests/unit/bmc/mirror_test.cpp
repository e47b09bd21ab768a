#include "bmc/bmc.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using bmc::Sel;

namespace {

constexpr Now at(i64 seconds) {
    return {
        Mono(std::chrono::seconds(seconds)), Wall(std::chrono::seconds(1'700'000'000 + seconds))};
}

/// An upstream record of this second.
Sel::Record record(u8 id, i64 seconds, u8 sensor = 0x31) {
    const auto stamp = static_cast<u32>(1'700'000'000 + seconds);
    Sel::Record made{id, 0, 2};
    for (unsigned i = 0; i < 4; ++i) {
        made[3 + i] = static_cast<u8>(stamp >> 8 * i);
    }
    made[7] = 0x20;
    made[9] = 4;
    made[10] = 1;
    made[11] = sensor;
    made[12] = 1;
    return made;
}

} // namespace

TEST_CASE("another log's entries keep their time and get an id of ours") {
    bmc::Bmc bmc({}, at(0));
    bmc.sel.add(at(1), bmc::SelEvent());
    bmc.observe(at(50), bmc::SelSeen{{record(77, 40), record(78, 41)}, false});
    REQUIRE(bmc.sel.size() == 3);
    const Sel::Record& taken = bmc.sel.records()[1];
    CHECK(taken[0] == 2);
    CHECK(equal(Bytes(taken).subspan(2), Bytes(record(77, 40)).subspan(2)));
    CHECK(bmc.sel.added_at() == 1'700'000'050);
    CHECK(bmc.dirty.has(bmc::Section::sel));
}

TEST_CASE("history is taken over once, and not what was cleared") {
    bmc::Bmc bmc({}, at(0));
    const bmc::SelSeen history{{record(1, 10), record(2, 20)}, true};
    bmc.observe(at(30), history);
    CHECK(bmc.sel.size() == 2);
    bmc.observe(at(31), history); // after a restart of the daemon
    CHECK(bmc.sel.size() == 2);
    bmc.sel.clear(at(40));
    bmc.observe(at(41), bmc::SelSeen{{record(1, 10), record(2, 20), record(3, 50)}, true});
    REQUIRE(bmc.sel.size() == 1);
    CHECK(bmc.sel.records()[0][3] == static_cast<u8>(1'700'000'050 & 0xff));
}

TEST_CASE("entries of one second that say the same are as many as the other log has") {
    bmc::Bmc bmc({}, at(0));
    bmc.observe(at(30), bmc::SelSeen{{record(1, 10), record(2, 10)}, true});
    CHECK(bmc.sel.size() == 2);
    bmc.observe(at(31), bmc::SelSeen{{record(1, 10), record(2, 10), record(3, 10)}, true});
    CHECK(bmc.sel.size() == 3); // one came while the daemon was down
    bmc.observe(at(32), bmc::SelSeen{{record(1, 10), record(2, 10), record(3, 10)}, true});
    CHECK(bmc.sel.size() == 3);
}

TEST_CASE("what is new is taken over although it looks like an earlier one") {
    bmc::Bmc bmc({}, at(0));
    bmc.observe(at(30), bmc::SelSeen{{record(1, 10)}, false});
    bmc.observe(at(31), bmc::SelSeen{{record(2, 10)}, false});
    CHECK(bmc.sel.size() == 2);
}

TEST_CASE("another inventory counts until somebody writes") {
    bmc::Bmc bmc({}, at(0));
    bmc.observe(at(1), bmc::FruSeen{{1, 2, 3, 4}});
    ByteArray<6> seen{};
    bmc.fru.read(bmc.config, 0, seen);
    CHECK(seen == ByteArray<6>{1, 2, 3, 4, 0, 0});
    bmc.fru.write(bmc.config, 1, ByteArray<1>{9});
    bmc.observe(at(2), bmc::FruSeen{{7, 7, 7, 7}});
    bmc.fru.read(bmc.config, 0, seen);
    CHECK(seen == ByteArray<6>{1, 9, 3, 4, 0, 0});

    bmc::Bmc other({}, at(0));
    other.observe(at(1), bmc::FruSeen{std::vector<u8>(2000, 1)});
    other.fru.read(other.config, 0, seen);
    CHECK(seen[0] == 1);
    CHECK(seen[1] == 0); // its own
}
