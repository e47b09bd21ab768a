#include "base/fields.h"

#include <catch2/catch.hpp>

using namespace vbmc;

namespace {

struct Sample {
    u8 low = 0;
    bool flag = false;
    u16 word = 0;
    std::optional<u8> tail;

    static void fields(auto& c, auto& r) {
        c.bits(bit<4>(r.low), bit<1>(r.flag), gap<3>);
        c.word(r.word);
        c.optional(r.tail);
    }
};

} // namespace

TEST_CASE("bits fill a byte from bit 0 upwards") {
    ByteArray<8> raw{};
    ByteWriter out(raw);
    encode(out, Sample{.low = 0x5, .flag = true, .word = 0x1234, .tail = std::nullopt});
    REQUIRE(out.ok());
    CHECK(equal(out.written(), ByteArray<3>{0x15, 0x34, 0x12}));
}

TEST_CASE("the same description reads back") {
    const auto with = decode<Sample>(ByteArray<4>{0x15, 0x34, 0x12, 0x07});
    REQUIRE(with);
    CHECK(with->low == 5);
    CHECK(with->flag);
    CHECK(with->word == 0x1234);
    CHECK(with->tail == 7);
    CHECK_FALSE(decode<Sample>(ByteArray<3>{0x15, 0x34, 0x12})->tail);
}

TEST_CASE("a missing or a left-over byte fails") {
    CHECK_FALSE(decode<Sample>(ByteArray<2>{0x15, 0x34}));
    CHECK_FALSE(decode<Sample>(ByteArray<5>{0x15, 0x34, 0x12, 7, 8}));
}
