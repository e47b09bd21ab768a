#include "client/packets.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using client::SequenceFilter;

TEST_CASE("a sequence number is taken once") {
    SequenceFilter filter;
    CHECK_FALSE(filter.accept(0));
    for (const u32 number : {7U, 5U, 6U, 8U}) {
        CHECK(filter.accept(number));
        CHECK_FALSE(filter.accept(number));
    }
    CHECK(filter.accept(5000)); // a burst was lost
    CHECK_FALSE(filter.accept(8));
    CHECK(filter.accept(5000 - 63));
    CHECK_FALSE(filter.accept(5000 - 64));
}

TEST_CASE("sequence numbers go around") {
    SequenceFilter filter;
    CHECK(filter.accept(0xfffffffe));
    CHECK(filter.accept(1));
    CHECK(filter.accept(0xffffffff));
    CHECK_FALSE(filter.accept(0xffffffff));
    CHECK_FALSE(filter.accept(0));
    CHECK(filter.accept(2));
}
