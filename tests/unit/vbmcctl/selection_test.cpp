#include "vbmcctl/exit_code.h"
#include "vbmcctl/selection.h"

#include <catch2/catch.hpp>

using namespace vbmc::ctl;
using Texts = std::vector<std::string>;

TEST_CASE("label selectors") {
    struct Row {
        const char* selector;
        Labels labels;
        bool matches;
    };

    const Row row = GENERATE(values<Row>({
        {"rack=7", {{"rack", "7"}}, true},
        {"rack=7", {{"rack", "8"}}, false},
        {"rack=7", {}, false},
        {"rack==7", {{"rack", "7"}}, true},
        {"rack!=7", {{"rack", "8"}}, true},
        {"rack!=7", {}, true},
        {"rack!=7", {{"rack", "7"}}, false},
        {"rack", {{"rack", ""}}, true},
        {"rack", {}, false},
        {"!rack", {}, true},
        {"!rack", {{"rack", "1"}}, false},
        {"rack in (1, 2)", {{"rack", "2"}}, true},
        {"rack in (1,2)", {{"rack", "3"}}, false},
        {"rack notin (1,2)", {{"rack", "3"}}, true},
        {"rack notin (1,2)", {}, true},
        {"rack=7,role=db", {{"rack", "7"}, {"role", "db"}}, true},
        {"rack=7,role=db", {{"rack", "7"}}, false},
        {"rack in (7,8),!old", {{"rack", "7"}}, true},
        {"note=a=b", {{"note", "a=b"}}, true},
    }));
    CAPTURE(row.selector);
    const auto selector = LabelSelector::parse(row.selector);
    REQUIRE(selector.has_value());
    CHECK(selector->matches(row.labels) == row.matches);
}

TEST_CASE("selectors that cannot be read") {
    const std::string text = GENERATE(
        as<std::string>(), "", "=7", "a,,b", "a in 1,2", "rack near (1)", "a b", "!", "!=7"
    );
    CAPTURE(text);
    const auto selector = LabelSelector::parse(text);
    REQUIRE(selector.has_error());
    CHECK(selector.error().message.starts_with("cannot read the label selector '"));
    CHECK(exit_code_of(selector.error()) == ExitCode::usage);
}

TEST_CASE("selectors as the daemon's filter") {
    const auto filter = [](const char* text) { return LabelSelector::parse(text)->to_filter(); };
    CHECK(filter("rack=7") == R"((labels.rack = "7"))");
    CHECK(filter("rack!=7") == R"(NOT (labels.rack = "7"))");
    CHECK(filter("a in (x,y)") == R"((labels.a = "x" OR labels.a = "y"))");
    CHECK(filter("a,!b") == R"(labels:"a" AND NOT labels:"b")");
    CHECK(filter("a=q\"u") == R"((labels.a = "q\"u"))");
}

TEST_CASE("one grammar: names, ranges, globs, properties") {
    SelectionArgs args;
    args.names = {"n1,n2", "node[1-2]", "db*", "n1"};
    auto selection = parse_selection(args);
    REQUIRE(selection.has_value());
    CHECK(selection->names == Texts{"n1", "n2", "node1", "node2"});
    CHECK(selection->globs == Texts{"db*"});
    CHECK_FALSE(selection->exact());

    args.names = {"n1"};
    selection = parse_selection(args);
    CHECK(selection->exact());

    args.labels = {"rack=7"};
    args.filter = "status.power = ON OR enabled = false";
    selection = parse_selection(args);
    CHECK_FALSE(selection->exact());
    CHECK(selection->filter == R"((labels.rack = "7") AND (status.power = ON OR enabled = false))");

    args = {};
    args.all = true;
    CHECK_FALSE(parse_selection(args)->exact());
    args = {};
    args.names = {"n[5-1]"};
    CHECK(parse_selection(args).has_error());
}

TEST_CASE("globs") {
    CHECK(glob_matches("node*", "node1"));
    CHECK(glob_matches("node?", "node1"));
    CHECK(glob_matches("node[ab]", "nodea"));
    CHECK(glob_matches("*", ".hidden"));
    CHECK_FALSE(glob_matches("node?", "node10"));
    CHECK_FALSE(glob_matches("node", "node1"));
}
