#include "base/bytes.h"
#include "base/secret.h"

#include <catch2/catch.hpp>

using namespace vbmc;

TEST_CASE("a reader that runs over yields zeros and stays failed") {
    const ByteArray<3> raw = {1, 2, 3};
    ByteReader in(raw);
    CHECK(in.read_u16() == 0x0201);
    CHECK(in.read_u16() == 0);
    CHECK_FALSE(in.ok());
    CHECK(in.read_u8() == 0);
    CHECK_FALSE(in.done());
}

TEST_CASE("a reader knows both byte orders") {
    const ByteArray<8> raw = {0x11, 0xbe, 0, 0, 0, 0, 0x11, 0xbe};
    ByteReader in(raw);
    CHECK(in.read_u32() == 0xbe11);
    CHECK(in.read_u32_be() == 0x11be);
    CHECK(in.done());
}

TEST_CASE("a writer writes nothing of what does not fit, and says so") {
    ByteArray<3> raw{};
    ByteWriter out(raw);
    out.write_u16(0x0201);
    out.write_u16(0x0403);
    CHECK_FALSE(out.ok());
    CHECK(raw == ByteArray<3>{1, 2, 0});
    out.write_u8(9);
    CHECK(out.size() == 2);
}

TEST_CASE("a writer writes what a reader reads") {
    ByteArray<18> raw{};
    ByteWriter out(raw);
    out.write_u24(0x030201);
    out.write_u32_be(0x000011be);
    out.write_u64(0x0807060504030201);
    out.fill(0xff, 3);
    REQUIRE(out.ok());
    ByteReader in(raw);
    CHECK(in.read_u24() == 0x030201);
    CHECK(in.read_u32_be() == 0x11be);
    CHECK(in.read_u64() == 0x0807060504030201);
    CHECK(in.read_u24() == 0xffffff);
    CHECK(in.done());
}

TEST_CASE("secrets compare and clear") {
    Secret a("calvin"), b("calvin"), c("calvin2");
    CHECK(a == b);
    CHECK_FALSE(a == c);
    Secret moved = std::move(a);
    CHECK(moved.reveal() == "calvin");
    CHECK(a.empty());
    moved.clear();
    CHECK(moved.empty());
}
