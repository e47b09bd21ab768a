#include "vbmcctl/diff.h"
#include "vbmcctl/exit_code.h"
#include "vbmcctl/progress.h"
#include "vbmcctl/secret_input.h"
#include "vbmcctl/terminal.h"

#include <catch2/catch.hpp>

#include <set>
#include <sstream>

using namespace vbmc;
using namespace vbmc::ctl;
using namespace std::chrono_literals;

TEST_CASE("exit codes of errors") {
    struct Row {
        ErrorCode code;
        int exit;
    };

    const Row row = GENERATE(values<Row>({
        {ErrorCode::invalid_argument, 2},
        {ErrorCode::not_found, 3},
        {ErrorCode::permission_denied, 4},
        {ErrorCode::unauthenticated, 4},
        {ErrorCode::already_exists, 5},
        {ErrorCode::aborted, 5},
        {ErrorCode::deadline_exceeded, 8},
        {ErrorCode::unavailable, 1},
        {ErrorCode::failed_precondition, 1},
        {ErrorCode::unsupported, 1},
        {ErrorCode::resource_exhausted, 1},
        {ErrorCode::corrupt, 1},
        {ErrorCode::internal, 1},
    }));
    CHECK(static_cast<int>(exit_code_of(Error(row.code, "x"))) == row.exit);
}

TEST_CASE("a daemon that does not answer is 7") {
    const Error error(ErrorCode::unavailable, std::string(daemon_unreachable), "x");
    CHECK(exit_code_of(error) == ExitCode::unreachable);
}

TEST_CASE("exit codes of many") {
    const std::vector<ExitCode> none;
    const std::vector<ExitCode> one = {ExitCode::not_found};
    const std::vector<ExitCode> same = {ExitCode::not_found, ExitCode::not_found};
    const std::vector<ExitCode> mixed = {ExitCode::not_found, ExitCode::conflict};
    CHECK(exit_code_of_many(3, none) == ExitCode::ok);
    CHECK(exit_code_of_many(0, none) == ExitCode::ok);
    CHECK(exit_code_of_many(1, one) == ExitCode::not_found);
    CHECK(exit_code_of_many(2, one) == ExitCode::partial);
    CHECK(exit_code_of_many(2, same) == ExitCode::not_found);
    CHECK(exit_code_of_many(2, mixed) == ExitCode::failed);
}

TEST_CASE("diff of documents") {
    const std::string before = "a\nb\nc\nd\ne\nf\ng\n";
    const std::string after = "a\nb\nC\nd\ne\nf\ng\nh\n";
    CHECK(
        render_diff(diff_lines(before, after), 1, false) == "  b\n- c\n+ C\n  d\n  ...\n  g\n+ h\n"
    );
    CHECK(render_diff(diff_lines(before, before), 3, false).empty());
    CHECK(render_diff(diff_lines("", "x\n"), 3, false) == "+ x\n");
    CHECK(render_diff(diff_lines("x\n", ""), 3, false) == "- x\n");
    CHECK(
        render_diff(diff_lines("x\n", "y\n"), 3, true) == "\x1b[31m- x\x1b[0m\n\x1b[32m+ y\x1b[0m\n"
    );
}

TEST_CASE("a diff changes as little as it can") {
    const auto lines = diff_lines("a\nb\nc\n", "b\nc\nd\n");
    const auto same = std::count_if(lines.begin(), lines.end(), [](const DiffLine& line) {
        return line.kind == DiffLine::Kind::same;
    });
    CHECK(same == 2);
    CHECK(lines.size() == 4);
}

TEST_CASE("progress without a terminal: a line for every tenth") {
    std::ostringstream err;
    Progress progress(err, Progress::Mode::lines, "start", 40, 0s);
    for (int i = 0; i < 40; ++i) {
        progress.add(i != 5, std::chrono::seconds(i + 1));
    }
    progress.finish(40s);
    const std::string text = err.str();
    CHECK(std::count(text.begin(), text.end(), '\n') == 10);
    CHECK(text.find("start: 20/40, 1 failed, 1.0/s, 20s left (50 %)\n") != std::string::npos);
    CHECK(text.find("start: 40/40, 1 failed, 1.0/s (100 %)\n") != std::string::npos);
}

TEST_CASE("progress on a terminal: one line that goes away") {
    std::ostringstream err;
    Progress progress(err, Progress::Mode::redraw, "start", 30, 0s);
    for (int i = 0; i < 30; ++i) {
        progress.add(true, std::chrono::milliseconds(10 * i)); // 0 .. 290 ms
    }
    progress.finish(1s);
    const std::string text = err.str();
    CHECK(std::count(text.begin(), text.end(), '\r') == 4); // at 0, 100, 200 ms, and the end
    CHECK(text.ends_with("\r\x1b[K"));
    CHECK(text.find('\n') == std::string::npos);
}

TEST_CASE("a few items need no progress") {
    std::ostringstream err;
    Progress progress(err, Progress::Mode::lines, "start", 20, 0s);
    for (int i = 0; i < 20; ++i) {
        progress.add(true, 1s);
    }
    progress.finish(2s);
    CHECK(err.str().empty());
}

TEST_CASE("durations") {
    CHECK(*parse_duration("250ms") == 250ms);
    CHECK(*parse_duration("2") == 2s);
    CHECK(*parse_duration("1.5s") == 1500ms);
    CHECK(*parse_duration("5m") == 5min);
    CHECK(*parse_duration("1d") == 24h);
    for (const char* wrong : {"", "s", "-1s", "1x", "1.2.3s", "1e3", "99999999999999d"}) {
        CAPTURE(wrong);
        CHECK(parse_duration(wrong).has_error());
    }
    CHECK(duration_text(850ms) == "850ms");
    CHECK(duration_text(12s) == "12s");
    CHECK(duration_text(185s) == "3m05s");
    CHECK(duration_text(130min) == "2h10m");
    CHECK(duration_text(50h) == "2d02h");
}

TEST_CASE("errors are one line and a hint") {
    std::ostringstream out;
    std::ostringstream err;
    const Terminal terminal{out, err};
    terminal.report(
        Error(ErrorCode::not_found, "there is no such node").with_hint("vbmcctl list shows them"),
        "node n1"
    );
    CHECK(err.str() == "vbmcctl: node n1: there is no such node\nhint: vbmcctl list shows them\n");
    CHECK(out.str().empty());
}

TEST_CASE("colours") {
    CHECK(styled("x", Style::bad, false) == "x");
    CHECK(styled("x", Style::bad, true) == "\x1b[31mx\x1b[0m");
    CHECK(styled("x", Style::plain, true) == "x");
    CHECK(parse_color_mode("always").has_value());
    CHECK(parse_color_mode("sometimes").has_error());
}

TEST_CASE("generated passwords are long and differ") {
    std::set<std::string> seen;
    for (int i = 0; i < 200; ++i) {
        const Secret password = generate_password();
        CHECK(password.size() == 20);
        CHECK(password.reveal().find_first_of("0O1lI") == std::string_view::npos);
        seen.emplace(password.reveal());
    }
    CHECK(seen.size() == 200);
}
