#include "vbmcctl/console_keys.h"

#include <catch2/catch.hpp>

using namespace vbmc::ctl;

namespace {

/// What the machine gets; orders stand as <q>, <b> and <h>.
std::string typed(ConsoleKeys keys, std::string_view text, std::size_t piece) {
    std::string out;
    while (!text.empty()) {
        std::string_view now = text.substr(0, piece);
        text.remove_prefix(now.size());
        while (!now.empty()) {
            const ConsoleKeys::Typed some = keys.take(now);
            out += some.keys;
            for (const auto order : some.orders) {
                out += order == ConsoleKeys::Order::quit         ? "<q>"
                       : order == ConsoleKeys::Order::send_break ? "<b>"
                                                                 : "<h>";
            }
        }
    }
    return out;
}

} // namespace

TEST_CASE("escapes count at the beginning of a line only") {
    struct Row {
        const char* keys;
        const char* machine;
    };

    const auto row = GENERATE(values<Row>({
        {"ls\r", "ls\r"},
        {"~.", "<q>"},
        {"ls\r~.", "ls\r<q>"},
        {"ls\n~B", "ls\n<b>"},
        {"ls ~.", "ls ~."},
        {"~~.", "~."},
        {"~~~.", "~~."},
        {"\r~x", "\r~x"},
        {"~?~.", "<h><q>"},
        {"a\r~", "a\r"},
        {"~\r~.", "~\r<q>"},
    }));
    INFO(row.keys);
    CHECK(typed(ConsoleKeys('~'), row.keys, 100) == row.machine);
    CHECK(typed(ConsoleKeys('~'), row.keys, 1) == row.machine);
}

TEST_CASE("another escape, or none") {
    CHECK(typed(ConsoleKeys('^'), "~.\r^.", 100) == "~.\r<q>");
    CHECK(typed(ConsoleKeys('\0'), "~.\r~B", 100) == "~.\r~B");
}
