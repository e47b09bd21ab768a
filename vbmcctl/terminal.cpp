#include "vbmcctl/terminal.h"

#include "vbmcctl/text.h"

#include <cstdlib>
#include <iostream>
#include <unistd.h>

namespace vbmc::ctl {

Result<ColorMode> parse_color_mode(std::string_view text) {
    if (text == "auto") {
        return ColorMode::automatic;
    }
    if (text == "always") {
        return ColorMode::always;
    }
    if (text == "never") {
        return ColorMode::never;
    }
    return Error(ErrorCode::invalid_argument, "--color is auto, always or never");
}

Terminal Terminal::standard() {
    Terminal terminal{std::cout, std::cerr};
    terminal.out_is_tty = isatty(STDOUT_FILENO) == 1;
    terminal.err_is_tty = isatty(STDERR_FILENO) == 1;
    terminal.in_is_tty = isatty(STDIN_FILENO) == 1;
    terminal.set_color(ColorMode::automatic);
    return terminal;
}

void Terminal::set_color(ColorMode mode) {
    if (mode != ColorMode::automatic) {
        out_color = err_color = mode == ColorMode::always;
        return;
    }
    // no-color.org: present and not empty, whatever its value.
    const char* no_color = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    const bool wanted = (no_color == nullptr || *no_color == '\0') && term != nullptr &&
                        std::string_view(term) != "dumb";
    out_color = wanted && out_is_tty;
    err_color = wanted && err_is_tty;
}

std::string error_line(const Error& error, std::string_view subject) {
    std::string line = "vbmcctl: ";
    if (!subject.empty()) {
        line += printable(subject) + ": ";
    }
    return line + printable(error.message);
}

void Terminal::report(const Error& error, std::string_view subject) const {
    // What was printed so far belongs before the complaint when both go to one place.
    out.flush();
    err << styled(error_line(error, subject), Style::bad, err_color) << '\n';
    if (!error.hint.empty()) {
        err << "hint: " << printable(error.hint) << '\n';
    }
    err.flush();
}

void Terminal::warn(std::string_view text) const {
    out.flush();
    err << styled("vbmcctl: warning: " + printable(text), Style::warning, err_color) << '\n';
}

void Terminal::note(std::string_view text) const {
    if (!quiet) {
        out.flush();
        err << printable(text) << '\n';
    }
}

std::string styled(std::string_view text, Style style, bool color) {
    std::string_view code;
    switch (style) {
    case Style::plain:
        break;
    case Style::bold:
        code = "1";
        break;
    case Style::dim:
        code = "2";
        break;
    case Style::good:
    case Style::added:
        code = "32";
        break;
    case Style::bad:
    case Style::removed:
        code = "31";
        break;
    case Style::warning:
        code = "33";
        break;
    }
    if (!color || code.empty()) {
        return std::string(text);
    }
    std::string out = "\x1b[";
    out += code;
    out += "m";
    out += text;
    return out + "\x1b[0m";
}

} // namespace vbmc::ctl
