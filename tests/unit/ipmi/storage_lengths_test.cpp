// Sensor, Storage, Transport and DCMI commands: lengths (C7h) and privileges (IPMI 2.0 appendix G).

#include "support/sensors.h"
#include "unit/ipmi/rig.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using bmc::Privilege;
using test::Rig;

namespace {

struct Row {
    const char* request; // a good one
    Privilege privilege;
    std::size_t shortest; // of the data
    std::size_t longest;
};

constexpr auto user = Privilege::user;
constexpr auto operator_ = Privilege::operator_;
constexpr auto admin = Privilege::administrator;
constexpr std::size_t any = 60;

constexpr Row rows[] = {
    {"04 00 20 00", admin, 2, 2},
    {"04 01", user, 0, 0},
    {"04 02 04 01 10 01 57 50 50", operator_, 7, 7},
    {"04 10", user, 0, 0},
    {"04 11 00", admin, 1, 1},
    {"04 12 01 00", admin, 1, any},
    {"04 13 01 00 00", operator_, 3, 3},
    {"04 14 00 01 00", admin, 3, 3},
    {"04 15", admin, 0, 0},
    {"04 16 01 40 00", admin, 3, any},
    {"04 17 01 00 00 00 00 00 00 00 00 00 00 00", user, 12, 12},
    {"04 20", user, 0, 1},
    {"04 21 00 00 00 00 00 05", user, 6, 6},
    {"04 22", user, 0, 0},
    {"04 23 10 00", user, 2, 2},
    {"04 24 10 ff 01 01", operator_, 4, 4},
    {"04 25 10 ff", user, 2, 2},
    {"04 26 10 00 00 00 00 00 00 00", operator_, 8, 8},
    {"04 27 10", user, 1, 1},
    {"04 28 10 c0", operator_, 2, 6},
    {"04 29 10", user, 1, 1},
    {"04 2a 10 00", operator_, 2, 6},
    {"04 2b 10", user, 1, 1},
    {"04 2d 10", user, 1, 1},
    {"04 2e 10 01 01", operator_, 3, 3},
    {"04 2f 10", user, 1, 1},
    {"04 30 10 00", operator_, 2, 10},
    {"0a 10 00", user, 1, 1},
    {"0a 11 00 00 00 08", user, 4, 4},
    {"0a 12 00 00 00 01", operator_, 3, any},
    {"0a 20", user, 0, 0},
    {"0a 21", user, 0, 0},
    {"0a 22", user, 0, 0},
    {"0a 23 00 00 00 00 00 05", user, 6, 6},
    {"0a 24 00 00 51 01 00", operator_, 5, any},
    {"0a 25 00 00 00 00 00 00", operator_, 6, any},
    {"0a 26 00 00 00 00", operator_, 4, 4},
    {"0a 27 00 00 43 4c 52 aa", operator_, 6, 6},
    {"0a 28", user, 0, 0},
    {"0a 29 00 00 00 00", operator_, 4, 4},
    {"0a 2a", operator_, 0, 0},
    {"0a 2b", operator_, 0, 0},
    {"0a 2c 00", operator_, 1, 1},
    {"0a 40", user, 0, 0},
    {"0a 41", user, 0, 0},
    {"0a 42", user, 0, 0},
    {"0a 43 00 00 00 00 00 ff", user, 6, 6},
    {"0a 44 00 00 02 00 00 00 00 20 00 04 01 10 01 57 50 50", operator_, 16, 16},
    {"0a 45 00 00 00 00 00 00", operator_, 6, any},
    {"0a 46 00 00 00 00", operator_, 4, 4},
    {"0a 47 00 00 43 4c 52 aa", operator_, 6, 6},
    {"0a 48", user, 0, 0},
    {"0a 49 00 00 00 00", operator_, 4, 4},
    {"0a 5a 00", user, 1, 1},
    {"0a 5b 00 00 00 00 00 00 00 00 00", admin, 9, 9},
    {"0a 5c", user, 0, 0},
    {"0a 5d 00 00", operator_, 2, 2},
    {"0c 01 01 0a 00", admin, 2, any},
    {"0c 02 01 03 00 00", operator_, 4, 4},
    {"0c 03 01 00", admin, 2, 2},
    {"0c 04 01 00", user, 2, 2},
    {"0c 21 01 01 01", admin, 2, any},
    {"0c 22 01 01 00 00", user, 4, 4},
    {"2c 01 dc 01", user, 1, 1},
    {"2c 02 dc 01 00 00", user, 3, 3},
    {"2c 03 dc 00 00", user, 2, 2},
    {"2c 04 dc 00 00 00 00 00 00 00 00 00 00 00 00 00 00", operator_, 14, 14},
    {"2c 05 dc 00 00 00", operator_, 3, 3},
    {"2c 06 dc 00 10", user, 2, 2},
    {"2c 07 dc 01 41 00 00", user, 4, 4},
    {"2c 08 dc 00 00", operator_, 2, any},
    {"2c 09 dc 00 10", user, 2, 2},
    {"2c 0a dc 00 00", admin, 2, any},
    {"2c 10 dc 01 41 00 00", user, 4, 4},
    {"2c 12 dc 02 00 00", admin, 2, any},
    {"2c 13 dc 02 00", user, 2, 2},
    {"3c 00", operator_, 0, any},
    {"3c 01 61", operator_, 0, any},
    {"3c 02", operator_, 0, any},
    {"3c 03", user, 0, any},
};

std::size_t head_size(const std::vector<u8>& request) {
    return request[0] == ipmi::netfn::group ? 3 : 2;
}

Rig rig_with_all() {
    bmc::Config config = test::config();
    config.sensors = test::test_sensors();
    config.capabilities.media = true;
    return Rig(config);
}

} // namespace

TEST_CASE("a length that the command does not have is C7h") {
    for (const Row& row : rows) {
        const std::vector<u8> good = test::from_hex(row.request);
        for (std::size_t size = 0; size <= any; ++size) {
            INFO(row.request << " with " << size << " bytes of data");
            std::vector<u8> request = good;
            request.resize(head_size(good) + size);
            Rig rig = rig_with_all();
            const std::string reply = rig.ask_bytes(request);
            if (size < row.shortest || size > row.longest) {
                CHECK(reply == "c7");
            } else if (row.longest != any) {
                CHECK(reply != "c7");
            }
        }
    }
}

TEST_CASE("a lower privilege than appendix G names is D4h") {
    for (const Row& row : rows) {
        INFO(row.request);
        Rig rig = rig_with_all();
        rig.privilege = row.privilege;
        CHECK(rig.ask(row.request) != "d4");
        rig.privilege = static_cast<Privilege>(static_cast<u8>(row.privilege) - 1);
        CHECK(rig.ask(row.request) == "d4");
    }
}

TEST_CASE("every command of these functions is in the list above") {
    for (const auto& entry : ipmi::table()) {
        const u8 netfn = entry.id.netfn;
        if (netfn == ipmi::netfn::app || netfn == ipmi::netfn::chassis) {
            continue;
        }
        INFO(test::to_hex(ByteArray<2>{netfn, entry.id.command}));
        CHECK(std::any_of(std::begin(rows), std::end(rows), [&](const Row& row) {
            const auto request = test::from_hex(row.request);
            return request[0] == netfn && request[1] == entry.id.command;
        }));
    }
}
