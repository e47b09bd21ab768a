#include "vbmcctl/ranges.h"

#include <catch2/catch.hpp>

using namespace vbmc::ctl;
using Texts = std::vector<std::string>;

TEST_CASE("ranges expand in order and keep their zeros") {
    struct Row {
        const char* text;
        Texts expect;
    };

    const Row row = GENERATE(values<Row>({
        {"node", {"node"}},
        {"node[1-3]", {"node1", "node2", "node3"}},
        {"node[08-10]", {"node08", "node09", "node10"}},
        {"node[8-10]", {"node8", "node9", "node10"}},
        {"n[0-1]", {"n0", "n1"}},
        {"n[7]", {"n7"}},
        {"n[001,5,07-08]x", {"n001x", "n5x", "n07x", "n08x"}},
        {"r[1-2]-n[1-2]", {"r1-n1", "r1-n2", "r2-n1", "r2-n2"}},
        {"127.0.2.[1-2]", {"127.0.2.1", "127.0.2.2"}},
        {"node[abc]", {"node[abc]"}}, // a glob's class
        {"node[ab][1-2]", {"node[ab]1", "node[ab]2"}},
        {"node[]", {"node[]"}},
        {"node[1-", {"node[1-"}},
        {"node[-3]", {"node[-3]"}},
    }));
    CAPTURE(row.text);
    const auto expanded = expand_range(row.text);
    REQUIRE(expanded.has_value());
    CHECK(*expanded == row.expect);
}

TEST_CASE("a hundred names") {
    const auto names = expand_range("node[001-100]");
    REQUIRE(names.has_value());
    REQUIRE(names->size() == 100);
    CHECK(names->front() == "node001");
    CHECK(names->back() == "node100");
}

TEST_CASE("lists split at commas outside brackets") {
    const auto names = expand_list("a, b[1-2,4],,c");
    REQUIRE(names.has_value());
    CHECK(*names == Texts{"a", "b1", "b2", "b4", "c"});
}

TEST_CASE("ranges that are mistakes") {
    struct Row {
        const char* text;
        const char* message;
    };

    const Row row = GENERATE(values<Row>({
        {"n[9-3]", "range [9-3] runs backwards"},
        {"n[1-99999999999999999999999]",
         "range [1-99999999999999999999999] has a number that is too large"},
        {"n[1-900000]", "range [1-900000] stands for more than 200000 items"},
        {"n[1-1000]-[1-1000]", "range [1-1000] stands for more than 200000 items"},
    }));
    const auto expanded = expand_range(row.text);
    REQUIRE(expanded.has_error());
    CHECK(expanded.error().message == row.message);
}

TEST_CASE("what counts as a range") {
    CHECK(has_range("n[1-2]"));
    CHECK(has_range("n[a][12]"));
    CHECK_FALSE(has_range("n[a-c]"));
    CHECK_FALSE(has_range("n"));
}
