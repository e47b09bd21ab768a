#include "vbmcctl/text.h"

#include <catch2/catch.hpp>

using namespace vbmc::ctl;

TEST_CASE("width counts columns of a terminal, not bytes") {
    use_utf8_locale();

    struct Row {
        const char* text;
        std::size_t width;
    };

    const Row row = GENERATE(values<Row>({
        {"", 0},
        {"node", 4},
        {"caf\xc3\xa9", 4},
        {"\xe6\x9c\xba\xe6\x9e\xb6", 4}, // two wide characters
        {"e\xcc\x81", 1},                // a combining accent
        {"\xff\xfe", 2},                 // not UTF-8: a mark each
    }));
    CAPTURE(row.text);
    CHECK(display_width(row.text) == row.width);
}

TEST_CASE("what drives a terminal is shown, not sent") {
    CHECK(printable("plain text") == "plain text");
    CHECK(printable("a\x1b[31mb") == "a\\x1b[31mb");
    CHECK(printable("two\nlines\t") == "two\\x0alines\\x09");
    CHECK(printable("\xc2\x9b") == "\\xc2\\x9b");          // C1 CSI
    CHECK(printable("\xe2\x80\xae") == "\\xe2\\x80\\xae"); // right-to-left override
    CHECK(printable("\xff") == "\\xff");
    CHECK(printable("\xc0\x80") == "\\xc0\\x80"); // overlong NUL
    CHECK(printable("caf\xc3\xa9") == "caf\xc3\xa9");
}

TEST_CASE("did you mean") {
    const std::vector<std::string> verbs = {"list", "show", "start", "stop", "restart", "power"};
    CHECK(closest("lsit", verbs) == "list");
    CHECK(closest("shwo", verbs) == "show");
    CHECK(closest("restrat", verbs) == "restart");
    CHECK(closest("pow", verbs) == "power");
    CHECK(closest("LIST", verbs) == "list");
    CHECK(closest("frobnicate", verbs).empty());
    CHECK(closest("", verbs).empty());
    CHECK(did_you_mean("lsit", verbs) == " (did you mean 'list'?)");
    CHECK(did_you_mean("zzzzzz", verbs).empty());
}

TEST_CASE("small text helpers") {
    CHECK(trim("  a b \n") == "a b");
    CHECK(trim(" \t ").empty());
    CHECK(split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
    CHECK(join({"a", "b"}, ", ") == "a, b");
    CHECK(counted(1, "node") == "1 node");
    CHECK(counted(0, "node") == "0 nodes");
}
