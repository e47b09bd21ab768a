// Too short and too long is C7h, for every App and Chassis command and every length.

#include "unit/ipmi/rig.h"

#include <catch2/catch.hpp>

#include <set>

using namespace vbmc;
using test::Rig;

namespace {

struct Row {
    const char* request;              // a good one
    std::vector<std::size_t> lengths; // of data, that are good too
};

std::vector<std::size_t> up_to(std::size_t first, std::size_t last) {
    std::vector<std::size_t> all;
    for (std::size_t i = first; i <= last; ++i) {
        all.push_back(i);
    }
    return all;
}

std::vector<Row> rows() {
    return {
        {"06 01", {0}},
        {"06 02", {0}},
        {"06 03", {0}},
        {"06 04", {0}},
        {"06 06 80 80", {2}},
        {"06 07", {0}},
        {"06 08", {0}},
        {"06 09 0e", {1}},
        {"06 0a 0e 06 00", {3}},
        {"06 0b 0e 06 00 01", {4}},
        {"06 0c 0e 06 00", {3}},
        {"06 0d 0e 06 00 01", {4}},
        {"06 22", {0}},
        {"06 24 04 00 00 00 64 00", {6}},
        {"06 25", {0}},
        {"06 2e 08", {1}},
        {"06 2f", {0}},
        {"06 30 00", {1}},
        {"06 31", {0}},
        {"06 32 0e 02", {2}},
        {"06 33", {0}},
        {"06 34 00 20 18 c8", up_to(2, 40)},
        {"06 35", {0}},
        {"06 36", {0}},
        {"06 40 01 00 00", {3}},
        {"06 41 01 40", {2}},
        {"06 42 01", {1}},
        {"06 43 91 02 04 00", {3, 4}},
        {"06 44 01 02", {2}},
        {"06 45 02 61 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", {17}},
        {"06 46 02", {1}},
        {"06 47 02 01", {2, 18}},
        {"06 4c 01 02 00 00 00 00", {6}},
        {"06 4d 01 02", {2}},
        {"06 4e 01", {1}},
        {"06 4f 01 01", {2}},
        {"06 50 01 20 00 00 00 00 00", {7}},
        {"06 52 00 a0 01", up_to(3, 40)},
        {"06 56 01 00 01", {3}},
        {"06 57 01", {1}},
        {"06 58 02 01 61", up_to(3, 18)},
        {"06 59 00 02 00 00", {4}},
        {"06 60 0e 06 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", {19}},
        {"06 61 0e 06 00", {3}},
        {"06 62 0e 06 00 01 ff ff ff ff", {8, 12}},
        {"06 63 0e 06 00 01", {4}},
        {"06 64 0e 2e 00", {3}},
        {"00 00", {0}},
        {"00 01", {0}},
        {"00 02 01", {1}},
        {"00 03", {0}},
        {"00 04 01 00", {0, 1, 2}},
        {"00 05 00 20 20 20 20 20", {5, 6}},
        {"00 06 03", {1}},
        {"00 07", {0}},
        {"00 08 05 80 04 00 00 00", {1, 6}},
        {"00 09 05 00 00", {3}},
        {"00 0a 00", {1}},
        {"00 0b 00", {1}},
        {"00 0f", {0}},
    };
}

} // namespace

TEST_CASE("a length that the specification does not name is C7h, any other is not") {
    std::set<std::pair<u8, u8>> tested;
    for (const Row& row : rows()) {
        const std::vector<u8> good = test::from_hex(row.request);
        tested.insert({good[0], good[1]});
        for (std::size_t size = 0; size <= 40; ++size) {
            std::vector<u8> request = good;
            request.resize(2 + size);
            const bool fits =
                std::find(row.lengths.begin(), row.lengths.end(), size) != row.lengths.end();
            INFO(row.request << " with " << size << " bytes of data");
            Rig rig;
            CHECK((rig.ask_bytes(request) == "c7") == !fits);
        }
    }
    for (const auto& entry : ipmi::table()) {
        if (entry.id.netfn == ipmi::netfn::app || entry.id.netfn == ipmi::netfn::chassis) {
            INFO(test::to_hex(ByteArray<2>{entry.id.netfn, entry.id.command}));
            CHECK(tested.count({entry.id.netfn, entry.id.command}) == 1);
        }
    }
}
