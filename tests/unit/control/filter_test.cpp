// List filters: what they match, and that any text gives a filter or an error.

#include "control/filter.h"
#include "print_result.h"

#include <catch2/catch.hpp>

#include <map>
#include <random>

using namespace vbmc;
using namespace vbmc::control;

namespace {

const std::vector<FilterField> fields = {
    {"name"},
    {"status.power", true},
    {"backend"},
    {"labels.", false, false},
    {"labels", false, true}};

class Subject final : public FilterSubject {
  public:
    explicit Subject(std::multimap<std::string, std::string> values) : values_(std::move(values)) {}

    bool any(std::string_view field, const Test& test) const override {
        const auto [first, last] = values_.equal_range(std::string(field));
        return std::any_of(first, last, [&](const auto& entry) { return test(entry.second); });
    }

  private:
    std::multimap<std::string, std::string> values_;
};

const Subject db1({
    {"name", "db-1"},
    {"status.power", "ON"},
    {"backend", "sim"},
    {"backend", "ssh"},
    {"labels.rack", "r1"},
    {"labels.a.b/c", "x y"},
    {"labels", "rack"},
    {"labels", "a.b/c"},
});

bool matches(std::string_view text) {
    const auto filter = Filter::parse(text, fields, "name");
    INFO(text);
    REQUIRE(filter);
    return filter->matches(db1);
}

} // namespace

TEST_CASE("a filter matches what it says") {
    struct Row {
        const char* text;
        bool expect;
    };

    const Row row = GENERATE(values<Row>({
        {"", true},
        {"  ", true},
        {"*", true},
        {"db-1", true},
        {"db-2", false},
        {"db-*", true},
        {"\"db-1\"", true},
        {"name = db-1", true},
        {"name=db-1", true},
        {"name=DB-1", false},
        {"name != db-1", false},
        {"name != \"x*\"", true},
        {"name = \"*-1\"", true},
        {"name = \"d*-*1\"", true},
        {"name = \"d*-*2\"", false},
        {"name:b-", true},
        {"name:B-", false},
        {"status.power = on", true},
        {"status.power = OFF", false},
        {"backend = ssh", true},
        {"backend = ipmi", false},
        {"backend != sim", false},
        {"labels.rack = r1", true},
        {"labels.rack != r1", false},
        {"labels.none = r1", false},
        {"labels.none != r1", true},
        {"labels.rack:*", true},
        {"labels.none:*", false},
        {"labels:rack", true},
        {"labels:rac", false},
        {"labels.a.b/c = 'x y'", true},
        {"NOT db-2", true},
        {"-db-2", true},
        {"NOT db-1", false},
        {"db-1 AND backend=sim", true},
        {"db-1 backend=sim", true},
        {"db-1 AND backend=ipmi", false},
        {"db-2 OR db-1", true},
        {"(db-2 OR db-1) AND labels.rack = r1", true},
        {"NOT (db-1 OR db-2)", false},
        {"NOT (db-3 OR db-2)", true},
        // AIP-160: OR binds tighter. As (x AND y) OR z the first would be true.
        {"db-2 AND backend=sim OR labels.rack=r1", false},
        {"db-1 OR db-2 AND backend=ipmi", false},
        {"name = -1", false},
        {"name:\"-1\"", true},
        {"name:-1", true},
    }));
    INFO(row.text);
    CHECK(matches(row.text) == row.expect);
}

TEST_CASE("a bad filter names the place") {
    struct Row {
        const char* text;
        const char* says;
    };

    const Row row = GENERATE(values<Row>({
        {"name =", "misses a value (at character 7)"},
        {"name = AND", "cannot be"},
        {"colour = red", "unknown field, \"colour\" (at character 1)"},
        {"labels. = x", "unknown field"},
        {"labels = rack", "of a map"},
        {"(db-1", "misses a \")\" (at character 6)"},
        {"db-1)", "unexpected \")\""},
        {"AND db-1", "unexpected \"AND\""},
        {"db-1 OR", "ends too early"},
        {"NOT", "ends too early"},
        {"name = \"x", "a quote is not closed"},
        {"name ; x", "means nothing here"},
        {"name ! x", "means nothing here"},
        {"()", "unexpected"},
    }));
    const auto filter = Filter::parse(row.text, fields, "name");
    INFO(row.text);
    if (std::string(row.text) == "name = AND") {
        CHECK(filter); // a value may be any word
        return;
    }
    REQUIRE(!filter);
    CHECK(filter.error().reason == "BAD_FILTER");
    CHECK(filter.error().field == "filter");
    CHECK_THAT(filter.error().message, Catch::Contains(row.says));
}

TEST_CASE("length and depth of a filter are bounded") {
    CHECK(!Filter::parse(std::string(9000, 'a'), fields, "name"));
    CHECK(!Filter::parse(std::string(100, '(') + "a" + std::string(100, ')'), fields, "name"));
    CHECK(Filter::parse(std::string(20, '(') + "a" + std::string(20, ')'), fields, "name"));
}

TEST_CASE("any text gives a filter or an error") {
    std::mt19937 random(20);
    const std::string alphabet = "()=!:*\"'\\-AND ORT name.lbes";
    for (int round = 0; round < 20'000; ++round) {
        std::string text;
        for (auto length = random() % 24; length > 0; --length) {
            text += alphabet[random() % alphabet.size()];
        }
        const auto filter = Filter::parse(text, fields, "name");
        if (filter) {
            filter->matches(db1);
        } else {
            CHECK(!filter.error().message.empty());
        }
    }
}

TEST_CASE("wildcards do not blow up") {
    const std::string text(2000, 'a');
    std::string pattern;
    for (int i = 0; i < 100; ++i) {
        pattern += "*a";
    }
    CHECK(wildcard_match(pattern, text, false));
    CHECK(!wildcard_match(pattern + "b", text, false));
    CHECK(wildcard_match("", "", false));
    CHECK(!wildcard_match("", "a", false));
    CHECK(wildcard_match("A*", "abc", true));
}
