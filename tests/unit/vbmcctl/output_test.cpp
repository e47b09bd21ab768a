#include "vbmcctl/output.h"
#include "vbmcctl/text.h"

#include <catch2/catch.hpp>
#include <yaml-cpp/yaml.h>

#include <sstream>

using namespace vbmc::ctl;

namespace {

struct Printed {
    std::ostringstream out;
    std::ostringstream err;
    Terminal terminal{out, err};
};

Listing two_nodes() {
    Listing listing;
    listing.columns = {
        column("name", "NAME", "name"),
        column("state", "STATE", "status.state"),
        column("port", "PORT", "port", false, true),
        column("uid", "UID", "uid", true),
    };
    listing.rows = {
        Json{{"name", "n10"}, {"port", 623}, {"uid", "u-1"}, {"status", {{"state", "running"}}}},
        Json{{"name", "n9"}, {"port", 6230}, {"uid", "u,2"}},
    };
    return listing;
}

std::string written(const OutputOptions& options, Listing listing) {
    Printed printed;
    const auto done = write_listing(printed.terminal, options, std::move(listing));
    return done ? printed.out.str() : "error: " + done.error().message;
}

} // namespace

TEST_CASE("tables align by width") {
    CHECK(
        written({}, two_nodes()) == "NAME  STATE    PORT\n"
                                    "n10   running   623\n"
                                    "n9    -        6230\n"
    );
    OutputOptions bare;
    bare.header = false;
    CHECK(written(bare, two_nodes()) == "n10  running   623\nn9   -        6230\n");
}

TEST_CASE("wide characters push no column") {
    use_utf8_locale();
    Listing listing;
    listing.columns = {column("a", "A", "a"), column("b", "B", "b")};
    listing.rows = {
        Json{{"a", "\xe6\x9c\xba"}, {"b", "x"}},
        Json{{"a", "abc"}, {"b", "y"}},
    };
    CHECK(written({}, listing) == "A    B\n\xe6\x9c\xba   x\nabc  y\n");
}

TEST_CASE("every format says the same") {
    OutputOptions options;
    options.format = Format::wide;
    CHECK(
        written(options, two_nodes()) == "NAME  STATE    PORT  UID\n"
                                         "n10   running   623  u-1\n"
                                         "n9    -        6230  u,2\n"
    );
    options.format = Format::name;
    CHECK(written(options, two_nodes()) == "n10\nn9\n");
    options.format = Format::csv;
    CHECK(
        written(options, two_nodes()) ==
        "name,state,port,uid\nn10,running,623,u-1\nn9,,6230,\"u,2\"\n"
    );
    options.format = Format::jsonl;
    CHECK(
        written(options, two_nodes()) ==
        R"({"name":"n10","port":623,"uid":"u-1","status":{"state":"running"}})"
        "\n"
        R"({"name":"n9","port":6230,"uid":"u,2"})"
        "\n"
    );
    options.format = Format::json;
    CHECK(Json::parse(written(options, two_nodes())).size() == 2);
    options.format = Format::yaml;
    CHECK(
        written(options, two_nodes()) == "- name: n10\n"
                                         "  port: 623\n"
                                         "  uid: u-1\n"
                                         "  status:\n"
                                         "    state: running\n"
                                         "- name: n9\n"
                                         "  port: 6230\n"
                                         "  uid: \"u,2\"\n"
    );
}

TEST_CASE("one document is not a list") {
    Listing one = two_nodes();
    one.rows.pop_back();
    one.single = true;
    OutputOptions options;
    options.format = Format::json;
    CHECK(Json::parse(written(options, one)).at("name") == "n10");
}

TEST_CASE("columns and sorting") {
    OutputOptions options;
    options.columns = {"port", "name"};
    options.sort = "name";
    CHECK(written(options, two_nodes()) == "PORT  NAME\n6230  n9\n 623  n10\n");
    options.sort = "-name";
    CHECK(written(options, two_nodes()) == "PORT  NAME\n 623  n10\n6230  n9\n");
    options.columns = {"stat"};
    CHECK(written(options, two_nodes()) == "error: no column 'stat' (did you mean 'state'?)");
    options.columns = {};
    options.sort = "nme";
    CHECK(written(options, two_nodes()) == "error: no column 'nme' (did you mean 'name'?)");
}

TEST_CASE("text in a table cannot drive the terminal") {
    Listing listing;
    listing.columns = {column("a", "A", "a")};
    listing.rows = {Json{{"a", "x\x1b[2Jy"}}};
    CHECK(written({}, listing) == "A\nx\\x1b[2Jy\n");
}

TEST_CASE("YAML reads back as what was written") {
    const std::string text = GENERATE(
        as<std::string>(),
        "plain",
        "",
        "yes",
        "on",
        "null",
        "7",
        "0x10",
        "1.5",
        "1.2.3.4",
        "-",
        "- a",
        "a: b",
        "a #b",
        "#x",
        "'q'",
        "\"q\"",
        "a\nb",
        "tab\t",
        "caf\xc3\xa9",
        "{name}",
        "[1-2]",
        "*x",
        "&x",
        "!t",
        "%d",
        "@a",
        "`a",
        "trailing ",
        " leading",
        "a:",
        "12:30",
        "2001-01-01",
        "~",
        "=",
        "n1",
        "/dev/x",
        ":: 1"
    );
    CAPTURE(text);
    const YAML::Node back = YAML::Load(to_yaml(Json{{"key", text}, {"list", {text, text}}}));
    CHECK(back["key"].Scalar() == text);
    CHECK(back["key"].IsScalar());
    CHECK(back["list"][1].Scalar() == text);
}

TEST_CASE("words that YAML takes for something else are quoted") {
    for (const char* word :
         {"yes", "On", "null", "7", "1.5", "~", "0x10", "12:30", "", "2001-01-01"}) {
        CHECK(to_yaml(Json{{"k", word}}) == "k: \"" + std::string(word) + "\"\n");
    }
}

TEST_CASE("nested YAML") {
    const Json document = {
        {"empty", Json::object()},
        {"none", Json::array()},
        {"deep", Json::array({Json::array({1, 2}), Json{{"a", Json::array({"x"})}}})},
    };
    const YAML::Node back = YAML::Load(to_yaml(document));
    CHECK(back["empty"].IsMap());
    CHECK(back["none"].IsSequence());
    CHECK(back["deep"][0][1].as<int>() == 2);
    CHECK(back["deep"][1]["a"][0].Scalar() == "x");
}

TEST_CASE("formats are named") {
    CHECK(*parse_format("jsonl") == Format::jsonl);
    const auto wrong = parse_format("jso");
    REQUIRE(wrong.has_error());
    CHECK(wrong.error().message == "no output format 'jso' (did you mean 'json'?)");
}

TEST_CASE("a stream of rows") {
    Printed printed;
    RowStream stream(printed.terminal, {}, two_nodes().columns);
    stream.write(Json{{"name", "n1"}, {"port", 1}});
    stream.write(Json{{"name", "n2"}, {"port", 2}});
    CHECK(printed.out.str() == "NAME  STATE  PORT\nn1    -         1\nn2    -         2\n");
}
